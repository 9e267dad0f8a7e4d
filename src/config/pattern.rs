//! File name patterns: which files of a folder a pipeline takes.

use std::fmt;

use crate::domain::reference::Rule;

/// A pattern of file names: `*` stands for any characters, `?` for one; all else, case included, for itself.
///
/// A name that begins with a dot is taken only by a pattern that begins with one: such names are unfinished uploads.
#[derive(Clone, PartialEq, Eq)]
pub struct FilePattern(String);

impl FilePattern {
    /// `None` when the pattern is empty, or names a folder.
    pub fn parse(text: &str) -> Option<FilePattern> {
        let legal = !text.is_empty() && !text.contains(['/', '\\']) && !text.chars().any(char::is_control);
        legal.then(|| FilePattern(text.to_owned()))
    }

    /// Whether the pattern takes a file of this name.
    pub fn takes(&self, name: &str) -> bool {
        if name.starts_with('.') && !self.0.starts_with('.') {
            return false;
        }
        takes(&self.0, name)
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FilePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Each part between stars is looked for after the one before it. Taking the first place is right for all but the
/// last part, which must stand at the end; so time is bounded by the product of the lengths.
fn takes(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let mut parts = pattern.split(|c| *c == '*');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<_> = parts.collect();
    let Some((last, middle)) = rest.split_last() else { return same(first, &name) };
    let Some((head, mut name)) = name.split_at_checked(first.len()) else { return false };
    if !same(first, head) {
        return false;
    }
    for part in middle {
        match name.windows(part.len().max(1)).position(|window| part.is_empty() || same(part, window)) {
            Some(at) => name = &name[at + part.len()..],
            None if part.is_empty() => {}
            None => return false,
        }
    }
    name.len().checked_sub(last.len()).is_some_and(|at| same(last, &name[at..]))
}

fn same(part: &[char], text: &[char]) -> bool {
    part.len() == text.len() && part.iter().zip(text).all(|(p, c)| *p == '?' || p == c)
}

pub(super) const PATTERN: Rule<FilePattern> = Rule {
    says: "must be a pattern of file names, as *.g68, without a folder",
    read: |value| FilePattern::parse(value.as_str()?),
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn which_names_are_taken() {
        for (pattern, name, taken) in [
            ("*.g68", "a.g68", true),
            ("*.g68", ".a.g68", false),
            ("*.g68", "a.g68.part", false),
            ("*.g68", "a.G68", false),
            ("G68_*_????.g68", "G68_0751_20260130_0001.g68", true),
            ("G68_*_????.g68", "G68_0751_20260130_001.g68", false),
            ("*", "æøå", true),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("a*b*c", "abbc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("**", "", true),
            ("*a*", "bab", true),
            ("?", "ø", true),
            ("?", "", false),
            ("a", "ab", false),
        ] {
            assert_eq!(FilePattern::parse(pattern).unwrap().takes(name), taken, "{pattern} {name}");
        }
        for bad in ["", "in/*.xml", "a\\b", "a\nb"] {
            assert_eq!(FilePattern::parse(bad), None);
        }
    }

    /// The definition, character by character: slow, and plainly right.
    fn model(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], _) => name.is_empty(),
            (['*', rest @ ..], _) => {
                model(rest, name) || name.split_first().is_some_and(|(_, name)| model(pattern, name))
            }
            (['?', rest @ ..], [_, name @ ..]) => model(rest, name),
            ([p, rest @ ..], [c, name @ ..]) => p == c && model(rest, name),
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*?]{1,8}", name in "[ab]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(takes(&pattern, &name), model(&chars(&pattern), &chars(&name)));
        }
    }
}
