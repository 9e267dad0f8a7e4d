//! Advice to the payee (adviseringstekst): lines of 35 characters, never a CPR number (4.3; 00-decisions.md 5.6).

use super::names::{ADVICE_LINES, ADVICE_WIDTH};
use crate::vocabulary::mask_cpr;

/// What stands in the last line when there were too many (00-decisions.md 5.6, ASSUMED).
const SEE_THE_DECISION: &str = "Se afgørelsen";

/// Characters outside ISO-8859-1 that people type, and what is sent for them. ASSUMED.
const PLAIN: [(char, &str); 8] =
    [('–', "-"), ('—', "-"), ('‘', "'"), ('’', "'"), ('“', "\""), ('”', "\""), ('…', "..."), ('€', "EUR")];

/// The lines that go out, and what was done to the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// At most 41 lines of 1 to 35 characters.
    pub lines: Vec<String>,
    /// The text was too long: its end is left out, and the last line says so (K19, a warning).
    pub cut: bool,
    /// A CPR number was masked (K20, a warning).
    pub masked: bool,
}

impl Advice {
    /// The lines as [`super::Payment::advice`] wants them.
    pub fn as_lines(&self) -> Vec<&str> {
        self.lines.iter().map(String::as_str).collect()
    }
}

/// Breaks text into lines of advice: at blanks, inside a word only when it is longer than a line. Each line of the
/// text begins a new one; blank lines are left out. Characters that no payment may carry are replaced.
pub fn break_advice<'a>(text: impl IntoIterator<Item = &'a str>) -> Advice {
    let mut advice = Advice::default();
    for line in text {
        let plain = plain(line);
        let masked = mask_cpr(&plain);
        advice.masked |= masked.is_some();
        break_line(masked.as_deref().unwrap_or(&plain), &mut advice.lines);
    }
    if advice.lines.len() > ADVICE_LINES {
        advice.lines.truncate(ADVICE_LINES - 1);
        advice.lines.push(SEE_THE_DECISION.to_owned());
        advice.cut = true;
    }
    // A break inside a long row of digits can make ten of them stand alone.
    for line in &mut advice.lines {
        if let Some(masked) = mask_cpr(line) {
            *line = masked;
            advice.masked = true;
        }
    }
    advice
}

fn break_line(line: &str, lines: &mut Vec<String>) {
    let mut rest = line.trim_end();
    while !rest.is_empty() {
        let (first, behind) = split_line(rest);
        if !first.trim().is_empty() {
            lines.push(first.trim_end().to_owned());
        }
        rest = behind.trim_start();
    }
}

/// The first line of a text without blanks at its end, and the rest.
fn split_line(text: &str) -> (&str, &str) {
    let Some((full, _)) = text.char_indices().nth(ADVICE_WIDTH) else { return (text, "") };
    if text[full..].starts_with(' ') {
        return text.split_at(full);
    }
    match text[..full].rfind(' ') {
        Some(blank) if !text[..blank].trim().is_empty() => text.split_at(blank),
        _ => text.split_at(full),
    }
}

/// Only characters a payment may carry (1.8, ASSUMED): blanks for white space and controls, `?` for strangers.
fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    for character in line.chars() {
        match character {
            ' '..='~' | '\u{A1}'..='\u{FF}' => plain.push(character),
            c if c.is_whitespace() || c.is_control() => plain.push(' '),
            c => plain.push_str(PLAIN.iter().find(|(from, _)| *from == c).map_or("?", |(_, to)| to)),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vocabulary::has_cpr;

    #[test]
    fn breaks_at_blanks() {
        let x = |times: usize| "x".repeat(times);
        let table = [
            (
                vec!["Ydelse for marts 2026".to_owned(), String::new(), "  ".to_owned()],
                vec!["Ydelse for marts 2026".to_owned()],
            ),
            (vec![x(35)], vec![x(35)]),
            (vec![x(35) + " y"], vec![x(35), "y".to_owned()]),
            (vec![x(36)], vec![x(35), x(1)]),
            (vec![format!("{} {}", x(17), x(18))], vec![x(17), x(18)]),
            (vec![format!("{} {}", x(17), x(17))], vec![format!("{} {}", x(17), x(17))]),
            (
                vec!["a\tb\u{1c}c – d…".to_owned(), "€ 5 \u{4e2d}".to_owned()],
                vec!["a b c - d...".to_owned(), "EUR 5 ?".to_owned()],
            ),
            (
                vec!["kort ".to_owned() + &"ø".repeat(36)],
                vec!["kort".to_owned(), "ø".repeat(35), "ø".to_owned()],
            ),
        ];
        for (text, expected) in table {
            assert_eq!(break_advice(text.iter().map(String::as_str)).lines, expected, "{text:?}");
        }
    }

    #[test]
    fn too_many_lines_end_with_a_hint() {
        let forty_one = vec!["linje"; 41];
        let advice = break_advice(forty_one.iter().copied());
        assert_eq!((advice.lines.len(), advice.cut), (41, false));
        let advice = break_advice(["linje"; 42]);
        assert_eq!((advice.lines.len(), advice.cut), (41, true));
        assert_eq!(advice.lines[39..], ["linje", "Se afgørelsen"]);
    }

    #[test]
    fn cpr_numbers_are_starred_out() {
        let advice = break_advice(["Til 251248-9996"]);
        assert_eq!((advice.lines, advice.masked), (vec!["Til ******-****".to_owned()], true));
    }

    proptest! {
        #[test]
        fn lines_keep_their_form_and_lose_nothing(text in proptest::collection::vec("[ a-zæøåA-Z0-9.,]{0,120}", 0..6)) {
            let advice = break_advice(text.iter().map(String::as_str));
            for line in &advice.lines {
                prop_assert!((1..=35).contains(&line.chars().count()));
                prop_assert!(super::super::forms::is_latin(line));
                prop_assert!(!has_cpr(line));
            }
            if !advice.cut && !advice.masked {
                let letters = |lines: &[String]| lines.concat().replace(' ', "");
                prop_assert_eq!(letters(&advice.lines), letters(&text));
            }
        }
    }
}
