//! What a field may hold.

use std::fmt;

use nom::{IResult, Parser, branch::alt, bytes::complete::take_while, combinator::recognize, error::Error};

/// The class of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Digits, right-justified and zero-filled.
    Digits,
    /// Printable text, left-justified and blank-filled.
    Text,
    /// A day, `YYYYMMDD`; zeros when not given.
    Date,
    /// `+` or `-`; a blank is taken for `+`.
    Sign,
    /// An ident code: two digits, or one character beside a blank (g68.md 8.2).
    Ident,
    /// An account string: digits, letters, `.`, `-`, `/` and inner blanks (g68.md 7, rule 7).
    Account,
    /// Blanks only.
    Blank,
    /// Digits and a trailing sign, where a blank is plus.
    Amount,
}

/// Name and class, for the table and for people.
const NAMES: [(&str, Class); 8] = [
    ("digits", Class::Digits),
    ("text", Class::Text),
    ("date", Class::Date),
    ("sign", Class::Sign),
    ("ident", Class::Ident),
    ("account", Class::Account),
    ("blank", Class::Blank),
    ("amount", Class::Amount),
];

impl Class {
    /// From the word in the table.
    pub fn from_name(name: &str) -> Option<Class> {
        NAMES.iter().find(|(word, _)| *word == name).map(|(_, class)| *class)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, class)| class == self).map_or("", |(word, _)| *word);
        f.pad(name)
    }
}

/// Whether a byte of ISO-8859-1 may stand in an account string.
pub const fn account_byte(byte: u8) -> bool {
    let letter = matches!(byte, 0xC6 | 0xD8 | 0xC5 | 0xE6 | 0xF8 | 0xE5);
    byte.is_ascii_alphanumeric() || letter || matches!(byte, b'.' | b'/' | b'-' | b' ')
}

/// The two-digit ident code of two columns: `02`, or one of `1 2 3 C E` beside a blank (g68.md 7, rule 4).
/// `None` when it is neither; codes nobody knows come out as they are.
pub fn ident_code(columns: &[u8]) -> Option<u8> {
    let (first, second) = match columns {
        [single] => (*single, b' '),
        [first, second] => (*first, *second),
        _ => return None,
    };
    match (first, second) {
        (b'0'..=b'9', b'0'..=b'9') => Some((first - b'0') * 10 + (second - b'0')),
        (b' ', single) | (single, b' ') => match single {
            b'1'..=b'3' => Some(single - b'0'),
            b'C' => Some(11),
            b'E' => Some(12),
            _ => None,
        },
        _ => None,
    }
}

/// A parser of the characters a class may hold. All blank is accepted where "not given" may be blank.
pub(super) fn characters<'a>(
    class: Class,
) -> impl Parser<&'a [u8], Output = &'a [u8], Error = Error<&'a [u8]>> {
    move |input: &'a [u8]| -> IResult<&'a [u8], &'a [u8]> {
        let digits = || take_while(|byte: u8| byte.is_ascii_digit());
        let blanks = || take_while(|byte: u8| byte == b' ');
        let is_blank = input.iter().all(|byte| *byte == b' ');
        match class {
            _ if is_blank => blanks().parse(input),
            Class::Digits | Class::Date => digits().parse(input),
            Class::Sign => take_while(|byte| matches!(byte, b'+' | b'-')).parse(input),
            Class::Amount => {
                let sign = take_while(|byte| matches!(byte, b'+' | b'-' | b' '));
                recognize((digits(), sign)).parse(input)
            }
            Class::Account => take_while(account_byte).parse(input),
            Class::Blank => blanks().parse(input),
            Class::Ident => {
                let code = take_while(|byte: u8| byte.is_ascii_alphanumeric());
                let padded =
                    recognize((blanks(), take_while(|byte: u8| byte.is_ascii_alphanumeric()), blanks()));
                alt((padded, code)).parse(input)
            }
            Class::Text => take_while(|byte: u8| super::bytes::printable(byte)).parse(input),
        }
    }
}
