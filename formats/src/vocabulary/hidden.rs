//! Personal numbers in free text: found, starred out, never shown.

use std::fmt;
use std::ops::Range;

use super::Cpr;

/// A free text of others with every row of eight or more digits starred out, and every CPR number: shown by
/// `Display` and `Debug`.
pub struct Hidden<'a>(pub &'a str);

impl fmt::Display for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = mask_cpr(self.0);
        let mut rest = masked.as_deref().unwrap_or(self.0);
        while let Some(from) = rest.find(|c: char| c.is_ascii_digit()) {
            let run = rest[from..].bytes().take_while(u8::is_ascii_digit).count();
            f.write_str(&rest[..from])?;
            if run < 8 {
                f.write_str(&rest[from..from + run])?
            } else {
                f.write_str(&"*".repeat(run))?
            }
            rest = &rest[from + run..];
        }
        f.write_str(rest)
    }
}

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// The text with every CPR number in it starred out; `None` when there is none. A CPR number is ten digits that
/// begin with a date, perhaps with a hyphen or blank after six, and no digit beside them.
pub fn mask_cpr(text: &str) -> Option<String> {
    let mut masked = None;
    for range in cpr_numbers(text) {
        let masked = masked.get_or_insert_with(|| text.as_bytes().to_vec());
        masked[range].iter_mut().filter(|b| b.is_ascii_digit()).for_each(|b| *b = b'*');
    }
    masked.and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Whether a CPR number stands in a text.
pub fn has_cpr(text: &str) -> bool {
    cpr_numbers(text).next().is_some()
}

fn cpr_numbers(text: &str) -> CprNumbers<'_> {
    CprNumbers { bytes: text.as_bytes(), at: 0 }
}

/// Where CPR numbers stand.
struct CprNumbers<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl CprNumbers<'_> {
    fn run(&self, from: usize) -> usize {
        self.bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count()
    }

    /// The number whose digits begin here, of which the first `run` stand together.
    fn number(&self, from: usize, run: usize) -> Option<Range<usize>> {
        let second = match (run, self.bytes.get(from + run)) {
            (10, _) => from + 6,
            (6, Some(b'-' | b' ')) if self.run(from + 7) == 4 => from + 7,
            _ => return None,
        };
        let mut digits = [0; 10];
        digits[..6].copy_from_slice(&self.bytes[from..from + 6]);
        digits[6..].copy_from_slice(&self.bytes[second..second + 4]);
        Cpr::from_digits(digits).ok().map(|_| from..second + 4)
    }
}

impl Iterator for CprNumbers<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let from = self.at + self.bytes[self.at..].iter().position(u8::is_ascii_digit)?;
            let run = self.run(from);
            let found = self.number(from, run);
            self.at = found.as_ref().map_or(from + run, |range| range.end);
            if found.is_some() {
                return found;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpr_numbers_are_starred_out() {
        let table = [
            ("Vedr. 251248-9996.", Some("Vedr. ******-****.")),
            ("2512489996", Some("**********")),
            ("251248 9996 og 0201609995", Some("****** **** og **********")),
            ("faktura 25124899961", None),
            ("12512489996", None),
            ("faktura 9999999999", None),
            ("251248-99961", None),
            ("251248--9996", None),
            ("sag 123456-1234", None),
            ("251248", None),
        ];
        for (text, expected) in table {
            assert_eq!(mask_cpr(text).as_deref(), expected, "{text}");
            assert_eq!(has_cpr(text), expected.is_some(), "{text}");
        }
    }

    #[test]
    fn long_rows_of_digits_are_hidden() {
        let table = [
            ("LINJE 000001, KONTO 00400440116243", "LINJE 000001, KONTO **************"),
            ("251248-9996", "******-****"),
            ("1234567", "1234567"),
            ("æ12345678ø", "æ********ø"),
            ("", ""),
        ];
        for (text, shown) in table {
            assert_eq!(Hidden(text).to_string(), shown);
        }
    }
}
