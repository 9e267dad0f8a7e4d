//! Forms of values that several formats share, and the reading of dates and times.
//!
//! Strict where `jiff` and XSD are not: four digits of year, no leap second, no hour 24.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use super::model::Text;
use crate::vocabulary::Uuid;

/// Any text of that many characters.
pub(crate) const fn text(least: usize, most: usize, rule: &'static str) -> Text {
    Text { rule, trim: false, length: (least, most), form: |_| true }
}

/// A text of that many characters and that form.
pub(crate) const fn form(least: usize, most: usize, rule: &'static str, form: fn(&str) -> bool) -> Text {
    Text { rule, trim: false, length: (least, most), form }
}

/// The same, white space around it not counted.
pub(crate) const fn trimmed(least: usize, most: usize, rule: &'static str, form: fn(&str) -> bool) -> Text {
    Text { rule, trim: true, length: (least, most), form }
}

pub(crate) static UUID: Text =
    form(Uuid::WIDTH, Uuid::WIDTH, "a UUID in small letters", |text| Uuid::parse(text).is_ok());
pub(crate) static CVR_URN: Text =
    form(23, 23, "`urn:oio:cvr-nr:` and 8 digits", |text| read_cvr_urn(text).is_some());
pub(crate) static DATE: Text = trimmed(10, 10, "a date", is_date);
pub(crate) static INSTANT: Text = trimmed(19, 35, "a date and time", |text| read_instant(text).is_some());

/// What stands before a company's number.
pub(crate) const CVR_URN_LEAD: &str = "urn:oio:cvr-nr:";

/// The eight digits of `urn:oio:cvr-nr:` and eight digits.
pub(crate) fn read_cvr_urn(text: &str) -> Option<&str> {
    text.strip_prefix(CVR_URN_LEAD).filter(|number| is_cvr(number))
}

/// Whether a text is eight digits. The check digit is not asked for: test environments use numbers without.
pub(crate) fn is_cvr(text: &str) -> bool {
    text.len() == 8 && is_digits(text)
}

/// Whether a text is of characters a person can read, and not only of blanks: no control character, no line break.
pub(crate) fn is_printable(text: &str) -> bool {
    let printable =
        |c: char| matches!(c, ' '..='~' | '\u{A0}'..='\u{2027}' | '\u{202A}'..='\u{FFFD}' | '\u{10000}'..);
    text.chars().all(printable) && text.chars().any(|c| !matches!(c, ' ' | '\u{A0}'))
}

pub(crate) fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// `YYYY-MM-DD`, a day that exists, in a year from 1000 to 2999.
pub(crate) fn is_date(text: &str) -> bool {
    read_date(text).is_some()
}

/// Nothing, `Z`, or an offset of at most 14:59.
pub(crate) fn is_zone(zone: &[u8]) -> bool {
    offset_seconds(zone).is_some()
}

/// `YYYY-MM-DDThh:mm:ss`, perhaps a fraction, perhaps a zone. A time without zone counts as UTC, which is how all
/// samples are written (ASSUMED).
pub(crate) fn read_instant(text: &str) -> Option<Timestamp> {
    let (moment, tail) = text.split_at_checked(19)?;
    let (nanoseconds, zone) = match tail.as_bytes() {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let (fraction, zone) = rest.split_at(digits);
            (fraction_nanoseconds(fraction)?, zone)
        }
        zone => (0, zone),
    };
    let civil = read_moment(moment)?;
    let utc = jiff::tz::Offset::UTC.to_timestamp(civil).ok()?;
    let second = utc.as_second() - i64::from(offset_seconds(zone)?);
    Timestamp::new(second, nanoseconds).ok()
}

/// The nanoseconds in one to nine digits of a fraction.
fn fraction_nanoseconds(digits: &[u8]) -> Option<i32> {
    let scale = 9_u32.checked_sub(digits.len() as u32)?;
    let number = digits.iter().fold(0, |number, b| number * 10 + i32::from(b - b'0'));
    (!digits.is_empty()).then(|| number * 10_i32.pow(scale))
}

fn offset_seconds(zone: &[u8]) -> Option<i32> {
    let (sign, digits) = match zone {
        [] | [b'Z'] => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let &[h1, h2, b':', m1, m2] = digits else { return None };
    let hours = number(&[h1, h2]).filter(|hours| *hours <= 14)?;
    let minutes = number(&[m1, m2]).filter(|minutes| *minutes <= 59)?;
    Some(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
}

/// The number in ASCII digits, at most four.
fn number(digits: &[u8]) -> Option<i16> {
    digits.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i16::from(b - b'0')))
}

/// A date as [`is_date`] knows it.
pub(crate) fn read_date(text: &str) -> Option<Date> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let year = number(&[y1, y2, y3, y4]).filter(|year| (1000..=2999).contains(year))?;
    let (month, day) = (number(&[m1, m2])?, number(&[d1, d2])?);
    Date::new(year, month as i8, day as i8).ok()
}

/// `YYYY-MM-DDThh:mm:ss`, without zone.
pub(crate) fn read_moment(text: &str) -> Option<DateTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let &[b'T', h1, h2, b':', m1, m2, b':', s1, s2] = rest.as_bytes() else { return None };
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
    let time = Time::new(hour as i8, minute as i8, second as i8, 0).ok()?;
    Some(read_date(date)?.to_datetime(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        let table = [
            ("2026-03-02T04:15:07Z", Some("2026-03-02T04:15:07Z")),
            ("2026-03-02T04:15:07", Some("2026-03-02T04:15:07Z")),
            ("2026-03-02T04:15:07+01:00", Some("2026-03-02T03:15:07Z")),
            ("2026-03-02T04:15:07.25-00:30", Some("2026-03-02T04:45:07.25Z")),
            ("2026-03-02T00:00:00.123456789+14:59", Some("2026-03-01T09:01:00.123456789Z")),
            ("2026-03-02T04:15:07.", None),
            ("2026-03-02T04:15:07.1234567890", None),
            ("2026-03-02T04:15:07+15:00", None),
            ("2026-03-02T04:15:07+1:00", None),
            ("2026-03-02T04:15:07 Z", None),
            ("2026-03-02T24:00:00Z", None),
            ("2026-03-02T23:59:60Z", None),
            ("2026-02-29T00:00:00Z", None),
            ("2026-03-02", None),
            ("æ", None),
        ];
        for (text, instant) in table {
            assert_eq!(read_instant(text).map(|at| at.to_string()).as_deref(), instant, "{text}");
        }
    }

    #[test]
    fn what_a_person_can_read() {
        for good in ["a", "Træk efter aftale", " x ", "\u{FFFD}", "日本", "\u{1F600}", "a\u{2027}b"] {
            assert!(is_printable(good), "{good:?}");
        }
        for bad in ["", " ", "\u{A0} ", "a\tb", "a\nb", "\u{7F}", "\u{85}", "a\u{2028}b", "a\0"] {
            assert!(!is_printable(bad), "{bad:?}");
        }
    }
}
