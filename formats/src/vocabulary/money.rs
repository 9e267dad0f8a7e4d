//! Amounts. Whole øre, never floating point.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

/// An amount in øre (1 DKK = 100 øre). Negative: a claim back from the payee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ore(pub i64);

/// A text that is no amount in the form asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an amount")]
pub struct NotAnAmount;

impl Ore {
    /// Nothing.
    pub const ZERO: Ore = Ore(0);
    /// The most one payment may carry: 9,999,999.99 kr. (nemkonto.md 4.4; 00-decisions.md 5.5).
    pub const PAYMENT_MAXIMUM: Ore = Ore(999_999_999);

    /// The size without the sign.
    pub fn magnitude(self) -> u64 {
        self.0.unsigned_abs()
    }

    /// The XML form: a point, exactly two decimals, a leading minus (`1250.00`).
    pub fn decimal2(self) -> Decimal2 {
        Decimal2(self)
    }

    /// The Danish form for people: `-1.234,56`.
    pub fn danish(self) -> Danish {
        Danish(self)
    }

    /// Reads the XML form with at most two decimals (`1250`, `1250.5`, `-1250.00`).
    pub fn parse_decimal(text: &str) -> Result<Ore, NotAnAmount> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, cents) = digits.split_once('.').unwrap_or((digits, "0"));
        if whole.is_empty() || whole.len() > 16 || cents.is_empty() || cents.len() > 2 {
            return Err(NotAnAmount);
        }
        if !whole.bytes().chain(cents.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(NotAnAmount);
        }
        let whole: i64 = whole.parse().map_err(|_| NotAnAmount)?;
        let cents: i64 = format!("{cents:0<2}").parse().map_err(|_| NotAnAmount)?;
        let ore = whole * 100 + cents;
        Ok(Ore(if negative { -ore } else { ore }))
    }

    /// Reads Danish free text: optional `kr.`, dots only between groups of three, at most two decimals, one
    /// leading or trailing sign. `1.234` alone is ambiguous and refused (danish-identifiers.md 11).
    pub fn parse_danish(text: &str) -> Result<Ore, NotAnAmount> {
        let text = text.trim();
        let text = text.strip_prefix("kr.").or_else(|| text.strip_suffix("kr.")).unwrap_or(text).trim();
        let (negative, text) = match (text.strip_prefix('-'), text.strip_suffix('-')) {
            (Some(rest), _) | (None, Some(rest)) => (true, rest),
            (None, None) => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, cents) = match text.split_once(',') {
            Some((whole, cents)) => (whole, Some(cents)),
            None => (text, None),
        };
        if cents.is_none() && whole.contains('.') {
            let groups = whole.split('.').count();
            if groups == 2 {
                return Err(NotAnAmount); // 1.234 could be 1,234 or 1234
            }
        }
        let mut plain = String::with_capacity(whole.len() + 3);
        for (place, group) in whole.split('.').enumerate() {
            let grouped = whole.contains('.');
            let fits = match (grouped, place) {
                (false, _) => !group.is_empty(),
                (true, 0) => (1..=3).contains(&group.len()),
                (true, _) => group.len() == 3,
            };
            if !fits {
                return Err(NotAnAmount);
            }
            plain.push_str(group);
        }
        if let Some(cents) = cents {
            plain.push('.');
            plain.push_str(cents);
        }
        let amount = Ore::parse_decimal(&plain)?;
        Ok(if negative { -amount } else { amount })
    }
}

/// See [`Ore::decimal2`].
#[derive(Clone, Copy, Debug)]
pub struct Decimal2(Ore);

impl fmt::Display for Decimal2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.magnitude();
        let sign = if self.0.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", size / 100, size % 100)
    }
}

/// See [`Ore::danish`].
#[derive(Clone, Copy, Debug)]
pub struct Danish(Ore);

impl fmt::Display for Danish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.magnitude();
        let whole = (size / 100).to_string();
        let mut text = String::with_capacity(whole.len() * 4 / 3 + 5);
        if self.0.0 < 0 {
            text.push('-');
        }
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
                text.push('.');
            }
            text.push(digit);
        }
        text.push_str(&format!(",{:02}", size % 100));
        f.pad(&text)
    }
}

impl Add for Ore {
    type Output = Ore;
    fn add(self, other: Ore) -> Ore {
        Ore(self.0 + other.0)
    }
}
impl Sub for Ore {
    type Output = Ore;
    fn sub(self, other: Ore) -> Ore {
        Ore(self.0 - other.0)
    }
}
impl AddAssign for Ore {
    fn add_assign(&mut self, other: Ore) {
        self.0 += other.0;
    }
}
impl Neg for Ore {
    type Output = Ore;
    fn neg(self) -> Ore {
        Ore(-self.0)
    }
}
impl Sum for Ore {
    fn sum<I: Iterator<Item = Ore>>(amounts: I) -> Ore {
        amounts.fold(Ore::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn danish_text_is_read() {
        let table = [
            ("1.234,56", Ok(123_456)),
            ("-1.234,56", Ok(-123_456)),
            ("1234,5", Ok(123_450)),
            ("0,05", Ok(5)),
            ("18456", Ok(1_845_600)),
            ("kr. 12,00", Ok(1_200)),
            ("12,00-", Ok(-1_200)),
            ("1.234", Err(NotAnAmount)),
            ("1.23,45", Err(NotAnAmount)),
            ("1,234.56", Err(NotAnAmount)),
            ("12,345", Err(NotAnAmount)),
            ("", Err(NotAnAmount)),
            ("-", Err(NotAnAmount)),
        ];
        for (text, expected) in table {
            assert_eq!(Ore::parse_danish(text), expected.map(Ore), "{text}");
        }
    }

    #[test]
    fn both_written_forms() {
        let table = [
            (1_845_600, "18.456,00", "18456.00"),
            (-120_000, "-1.200,00", "-1200.00"),
            (5, "0,05", "0.05"),
            (12_345_678_900, "123.456.789,00", "123456789.00"),
        ];
        for (ore, danish, xml) in table {
            assert_eq!(Ore(ore).danish().to_string(), danish);
            assert_eq!(Ore(ore).decimal2().to_string(), xml);
            assert_eq!(Ore::parse_decimal(xml), Ok(Ore(ore)));
            assert_eq!(Ore::parse_danish(danish), Ok(Ore(ore)));
        }
    }
}
