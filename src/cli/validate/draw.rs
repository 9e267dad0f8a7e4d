//! Draws a finding as a compiler does: what, where, the line around the place with a ruler above and carets below.
//!
//! Gets lines in which nothing personal is left; knows no format.

use super::super::{Colour, Printer};

/// Columns of a terminal that a drawing keeps to.
const WIDTH: usize = 100;
/// How much of the line is shown left of the place, when there is more.
const LEAD: usize = 30;
/// What stands where a line goes on.
const MORE: char = '…';

/// A finding, ready to be told.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Found {
    /// The file, as it was named.
    pub(in crate::cli) file: String,
    /// Line in it, from 1; 0 when it is about the file.
    pub(in crate::cli) line: u64,
    /// Record, from 1; `None` when it is about the file.
    pub(in crate::cli) record: Option<u32>,
    /// The field; empty when it is about none.
    pub(in crate::cli) field: String,
    /// In XML the path of open elements.
    pub(in crate::cli) path: String,
    /// First column, from 1; 0 when what is missing has none.
    pub(in crate::cli) from: usize,
    /// Last column, included.
    pub(in crate::cli) to: usize,
    /// The rule's code.
    pub(in crate::cli) code: &'static str,
    /// Whether it only warns.
    pub(in crate::cli) warns: bool,
    /// Whether the whole file falls.
    pub(in crate::cli) rejects: bool,
    /// The value as it may be shown.
    pub(in crate::cli) value: String,
    /// The rule in a sentence.
    pub(in crate::cli) rule: String,
    /// What the place should hold; empty when there is nothing to say.
    pub(in crate::cli) expected: String,
    /// What to do about it; empty when there is nothing to say.
    pub(in crate::cli) hint: String,
    /// Whether the file is a person's, in which no columns are counted.
    pub(in crate::cli) plain: bool,
}

/// A piece of the line a finding is in.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Excerpt {
    /// What may be shown of it, a character a column.
    pub(in crate::cli) characters: Vec<char>,
    /// The column of the first of them, from 1.
    pub(in crate::cli) first: usize,
    /// Whether the line goes on behind the last.
    pub(in crate::cli) goes_on: bool,
}

impl Excerpt {
    /// Whether a column is in it, or the one right behind it.
    fn reaches(&self, column: usize) -> bool {
        (self.first..=self.first + self.characters.len()).contains(&column)
    }
}

/// The finding as lines of text.
pub(in crate::cli) fn drawing(printer: &Printer, found: &Found, excerpt: Option<&Excerpt>) -> String {
    let (word, colour) = match found.warns {
        true => ("warning", Colour::Yellow),
        false => ("error", Colour::Red),
    };
    let gutter = found.line.to_string().len();
    let arrow = printer.paint(Colour::Dim, &format!("{:gutter$}-->", ""));
    let code = printer.paint(colour, &format!("{word}[{}]", found.code));
    let mut text =
        format!("{code}: {}\n{arrow} {}\n", printer.paint(Colour::Bold, &found.rule), place(found));
    if let Some(excerpt) = excerpt.filter(|excerpt| excerpt.reaches(found.from)) {
        let window = Window::around(found, excerpt, WIDTH - gutter - 3);
        let bar = printer.paint(Colour::Dim, "|");
        let number = printer.paint(Colour::Dim, &found.line.to_string());
        if !found.plain {
            text += &format!("{:gutter$} {bar} {}\n", "", printer.paint(Colour::Dim, &window.ruler()));
        }
        text += &format!("{number} {bar} {}\n", window.line().trim_end());
        text += &format!("{:gutter$} {bar} {}\n", "", printer.paint(colour, &window.carets()));
    }
    let facts =
        [("in", &found.path), ("value", &value(found)), ("field", &found.expected), ("hint", &found.hint)];
    for (name, fact) in facts {
        if !fact.is_empty() {
            text += &format!("{:gutter$} {} {name}: {fact}\n", "", printer.paint(Colour::Dim, "="));
        }
    }
    text
}

/// The value in quotes; of one that is all masked only that it is.
fn value(found: &Found) -> String {
    match found.value.as_str() {
        "" => String::new(),
        value if value.chars().all(|c| matches!(c, '*' | ' ')) => {
            "hidden, since it may be personal".to_owned()
        }
        value => format!("`{value}`"),
    }
}

fn place(found: &Found) -> String {
    if found.line == 0 {
        return found.file.clone();
    }
    let mut text = format!("{}:{}", found.file, found.line);
    if found.from > 0 {
        text += &format!(":{}", found.from);
    }
    if !found.field.is_empty() {
        text += &format!(" field {}", found.field);
    }
    match (found.from, found.to) {
        (0, _) => {}
        _ if found.plain => {}
        _ if !found.path.is_empty() => {}
        (from, to) if from == to => text += &format!(" (column {from})"),
        (from, to) => text += &format!(" (columns {from}-{to})"),
    }
    if let Some(record) = found.record {
        text += &format!(", record {record}");
    }
    text
}

/// The columns that are shown.
struct Window<'a> {
    excerpt: &'a Excerpt,
    /// First and last column shown.
    from: usize,
    to: usize,
    /// First and last column at fault.
    place: (usize, usize),
}

impl<'a> Window<'a> {
    /// Blanks stand for what the line lacks up to the place.
    fn around(found: &Found, excerpt: &'a Excerpt, width: usize) -> Window<'a> {
        let first = excerpt.first.max(1);
        let last = (first + excerpt.characters.len()).saturating_sub(1).max(found.from.saturating_add(1));
        let length = found.to.max(found.from) - found.from + 1;
        let lead = LEAD.min(width.saturating_sub(length + 2) / 2).max(2);
        // All of a short line; else the place with a lead before it, and no less than a full window at the end.
        let latest = (last + 1).saturating_sub(width).max(first);
        let from =
            if last - first < width { first } else { found.from.saturating_sub(lead).clamp(first, latest) };
        Window {
            excerpt,
            from,
            to: last.min(from + width - 1),
            place: (found.from, found.to.max(found.from)),
        }
    }

    fn character(&self, column: usize) -> char {
        let ends = self.excerpt.first + self.excerpt.characters.len();
        let more_before = column == self.from && (self.from > 1);
        let more_behind = column == self.to && (self.to + 1 < ends || self.excerpt.goes_on);
        let place = column.checked_sub(self.excerpt.first);
        match place.and_then(|place| self.excerpt.characters.get(place)) {
            _ if (more_before || more_behind) && !self.is_at_fault(column) => MORE,
            Some(character) if character.is_control() => '\u{FFFD}',
            Some(character) => *character,
            None => ' ',
        }
    }

    fn is_at_fault(&self, column: usize) -> bool {
        (self.place.0..=self.place.1).contains(&column)
    }

    fn line(&self) -> String {
        (self.from..=self.to).map(|column| self.character(column)).collect()
    }

    fn carets(&self) -> String {
        let mark = |column| if self.is_at_fault(column) { '^' } else { ' ' };
        let carets: String = (self.from..=self.to).map(mark).collect();
        carets.trim_end().to_owned()
    }

    /// `----+---70`: the last digit of a number stands over its column.
    fn ruler(&self) -> String {
        let mut ruler: Vec<char> =
            (self.from..=self.to).map(|c| if c % 10 == 5 { '+' } else { '-' }).collect();
        for column in (self.from..=self.to).filter(|column| column % 10 == 0) {
            let number = column.to_string();
            let end = column - self.from + 1;
            let Some(begin) = end.checked_sub(number.len()) else { continue };
            for (place, digit) in ruler.iter_mut().skip(begin).zip(number.chars()) {
                *place = digit;
            }
        }
        ruler.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(line: &str, from: usize, to: usize) -> Vec<String> {
        let found = Found {
            file: "f".to_owned(),
            line: 3,
            from,
            to,
            code: "X",
            rule: "r".to_owned(),
            ..Found::default()
        };
        let excerpt = Excerpt { characters: line.chars().collect(), first: 1, goes_on: false };
        let text = drawing(&Printer::new(false, true), &found, Some(&excerpt));
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_short_line_is_shown_whole() {
        let lines = drawn("abcdefghijkl", 11, 12);
        let expected = [
            "error[X]: r",
            " --> f:3:11 (columns 11-12)",
            "  | ----+---10--",
            "3 | abcdefghijkl",
            "  |           ^^",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_carets_stand_under_the_place_wherever_it_is() {
        let line: String = (1..=850).map(|c| char::from(b'a' + (c % 26) as u8)).collect();
        for (from, to) in [(1, 1), (2, 40), (67, 77), (400, 850), (850, 850), (851, 900), (1, 850)] {
            let lines = drawn(&line, from, to);
            assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
            let (shown, carets) = (&lines[3][4..], &lines[4][4..]);
            let first = carets.find('^').unwrap();
            let at_fault = shown.chars().nth(first).unwrap_or(' ');
            let there = line.chars().nth(from - 1).unwrap_or(' ');
            assert_eq!(at_fault, there, "{from}-{to}");
            let run = carets.chars().filter(|c| *c == '^').count();
            assert!(run == to - from + 1 || run >= 50 || to > 850, "{from}-{to}: {run}");
        }
    }

    #[test]
    fn the_ruler_counts_columns() {
        let line = "x".repeat(850);
        let lines = drawn(&line, 700, 710);
        let at = lines[2].find("700").unwrap() + 2;
        assert_eq!(lines[4].find('^'), Some(at));
    }
}
