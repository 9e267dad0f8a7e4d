//! Tells a mistake in an installation's files as a compiler does: file, line, column, the line, carets, the rule.
//!
//! Never shows an account: of a line nothing is seen in clear that could be one.

use std::path::Path;

use serde::Serialize;

use super::validate::draw::{Excerpt, Found, drawing};
use super::{Context, installation};
use crate::config::ConfigError;
use crate::pipelines::masked;

/// What is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// Where, and which rule.
    pub(super) error: ConfigError,
    /// Where it was found.
    pub(super) found: FoundBy,
    /// What to do about it; empty when the rule says it.
    pub(super) hint: String,
}

/// What it takes to find a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoundBy {
    /// Reading the files.
    Reading,
    /// Looking at keys and folders.
    Looking,
    /// Talking to a server.
    Connecting,
}

impl FoundBy {
    fn code(self) -> &'static str {
        match self {
            FoundBy::Reading => "file",
            FoundBy::Looking => "disk",
            FoundBy::Connecting => "server",
        }
    }
}

/// A mistake for programs.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    line: Option<u32>,
    column: Option<u32>,
    key: &'a str,
    value: &'a str,
    rule: &'a str,
    code: &'a str,
    hint: &'a str,
}

impl From<ConfigError> for Mistake {
    fn from(error: ConfigError) -> Mistake {
        Mistake { error, found: FoundBy::Reading, hint: String::new() }
    }
}

/// Prints one, drawn or as an object.
pub(super) fn tell(context: &Context, mistake: &Mistake) -> anyhow::Result<()> {
    let Mistake { error, found, hint } = mistake;
    if context.printer.is_json() {
        let (line, column) = (error.place.map(|place| place.line), error.place.map(|place| place.column));
        let ConfigError { file, key, value, rule, .. } = error;
        let code = found.code();
        return context.printer.value(&Line { file, line, column, key, value, rule, code, hint });
    }
    let text = match error.place {
        Some(_) => installation::text_of(Path::new(&error.file)).unwrap_or_default(),
        None => String::new(),
    };
    let (found, excerpt) = under_its_line(mistake, &text);
    context.printer.line(drawing(&context.printer, &found, excerpt.as_ref()));
    Ok(())
}

/// The mistake and its line, ready to be drawn.
fn under_its_line(mistake: &Mistake, text: &str) -> (Found, Option<Excerpt>) {
    let Mistake { error, found, hint } = mistake;
    let rule = match error.key.as_str() {
        "" => error.rule.clone(),
        key => format!("`{key}` {}", error.rule),
    };
    let told = Found { file: error.file.clone(), code: found.code(), rule, plain: true, ..Found::default() };
    let told = Found { hint: hint.clone(), ..told };
    let Some(place) = error.place else { return (told, None) };
    let (line, column) = (place.line as usize, place.column as usize);
    let Some(source) = text.lines().nth(line.saturating_sub(1)) else {
        return (Found { line: place.line.into(), ..told }, None);
    };
    let (before, rest) = split_at_char(source, column.saturating_sub(1));
    let (at_fault, behind) = rest.split_at(token(rest));
    // The value is shown where the error itself shows it; what else is on the line may be anything.
    let is_clear = !error.value.is_empty() && error.value != HIDDEN;
    let shown = match (is_clear, error.value == HIDDEN) {
        (true, _) => at_fault.to_owned(),
        (false, true) => at_fault.chars().map(|c| if c == '"' { c } else { '*' }).collect(),
        (false, false) => masked(at_fault),
    };
    let drawn = format!("{}{shown}{}", masked(before), masked(behind));
    let to = column + at_fault.chars().count().saturating_sub(1);
    let found = Found { line: place.line.into(), from: column, to, ..told };
    (found, Some(Excerpt { characters: drawn.chars().collect(), first: 1, goes_on: false }))
}

/// What stands for a value that no error shows.
const HIDDEN: &str = "********";

fn split_at_char(text: &str, characters: usize) -> (&str, &str) {
    let at = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    text.split_at(at)
}

/// The length of the word of TOML that a text begins with: a string, a list, a table's header, or a bare word.
fn token(text: &str) -> usize {
    let closed_by = |close: char| text.rfind(close).map(|at| at + close.len_utf8());
    let bare = || text.find(|c: char| c.is_whitespace() || "=,]}#".contains(c));
    let end = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => text[1..].find(quote).map(|at| at + 2),
        Some('[') => closed_by(']'),
        Some('{') => closed_by('}'),
        _ => bare(),
    };
    end.unwrap_or(text.trim_end().len())
}

#[cfg(test)]
mod tests {
    use super::super::Printer;
    use super::*;
    use crate::domain::reference::Place;

    fn drawn(text: &str, at: (u32, u32), value: &str) -> String {
        let error = ConfigError {
            file: "f.toml".to_owned(),
            place: Some(Place { line: at.0, column: at.1 }),
            key: "a.b".to_owned(),
            value: value.to_owned(),
            rule: "must be right".to_owned(),
        };
        let (found, excerpt) = under_its_line(&error.into(), text);
        drawing(&Printer::new(false, true), &found, excerpt.as_ref())
    }

    #[test]
    fn the_carets_stand_under_what_is_wrong() {
        let expected = "\
error[file]: `a.b` must be right
 --> f.toml:2:8
2 | name = \"Ærø\" # c
  |        ^^^^^
";
        assert_eq!(drawn("[a]\nname = \"Ærø\" # c\n", (2, 8), "\"Ærø\""), expected);
    }

    #[test]
    fn words_of_toml() {
        for (text, word) in [
            ("\"a b\" # c", "\"a b\""),
            ("'a' }", "'a'"),
            ("[[endpoint]]", "[[endpoint]]"),
            ("[1, 2] # x", "[1, 2]"),
            ("{ a = 1 }", "{ a = 1 }"),
            ("timezone = \"CET\"", "timezone"),
            ("2026-01-01, 3", "2026-01-01"),
            ("\"not closed ", "\"not closed"),
            ("", ""),
            ("= 3", ""),
        ] {
            assert_eq!(&text[..token(text)], word, "{text}");
        }
    }

    #[test]
    fn no_account_is_shown_wherever_the_mistake_is() {
        let line = "account = [{ name = \"a\", bban = \"9999 0000012345\" }]";
        let bban = 1 + u32::try_from(line.find("\"9999").unwrap()).unwrap();
        for (column, value) in [(1, ""), (11, ""), (21, "\"a\""), (bban, HIDDEN), (bban, ""), (50, "")] {
            let drawn = drawn(line, (1, column), value);
            assert!(!drawn.contains("12345") && !drawn.contains("9999"), "{drawn}");
            assert!(drawn.contains("account") && drawn.contains("f.toml:1"), "{drawn}");
        }
        let open = drawn("bban = \"9999 0000012345", (1, 8), "");
        assert!(!open.contains("12345"), "{open}");
    }
}
