//! The forms of the values: one entry per simple type of `formats/schemas/sf1590a.types.xsd`, with the same name.

use super::Period;
use super::names::{AMOUNT_DIGITS, CPR_URN_LEAD, CREDIT, DEBIT, SUM_DIGITS};
pub(super) use crate::xml::forms::{CVR_URN, DATE, INSTANT, UUID};
use crate::xml::forms::{form, is_cvr, is_digits, is_printable, read_cvr_urn, text, trimmed};
use crate::xml::model::Text;

/// Texts of others: only their length counts. Lengths beyond those of section 7 are ASSUMED.
pub(super) static ANY70: Text = text(0, 70, "at most 70 characters");
pub(super) static ANY100: Text = text(0, 100, "at most 100 characters");
pub(super) static ANY255: Text = text(0, 255, "at most 255 characters");
pub(super) static ANY500: Text = text(0, 500, "at most 500 characters");
pub(super) static ANY4000: Text = text(0, 4000, "at most 4000 characters");
pub(super) static ID255: Text = text(1, 255, "1 to 255 characters");

/// Texts of ours (V05).
pub(super) static TEXT40: Text =
    form(1, 40, "1 to 40 characters that can be printed, not only blanks", is_printable);
pub(super) static TEXT70: Text =
    form(1, 70, "1 to 70 characters that can be printed, not only blanks", is_printable);
pub(super) static TEXT255: Text =
    form(1, 255, "1 to 255 characters that can be printed, not only blanks", is_printable);

pub(super) static CVR: Text = form(8, 8, "8 digits", is_cvr);
pub(super) static REVISION: Text = text(1, 255, "1 to 255 characters");
pub(super) static COUNT: Text = form(1, 18, "1 to 18 digits", is_digits);
pub(super) static PERIOD: Text =
    form(6, 6, "a year and a month from 01 to 13", |text| Period::parse(text).is_some());
pub(super) static AMOUNT: Text =
    form(4, AMOUNT_DIGITS + 1, "an amount above zero with two decimals", |text| {
        is_decimal2(text) && text.bytes().any(|b| matches!(b, b'1'..=b'9'))
    });
pub(super) static SUM: Text = form(4, SUM_DIGITS + 1, "an amount with two decimals", is_decimal2);
pub(super) static SIDE: Text = form(5, 6, "Debet or Kredit", |text| matches!(text, DEBIT | CREDIT));
pub(super) static PARTY: Text =
    form(23, 25, "`urn:oio:cpr-nr:` and 10 digits or `urn:oio:cvr-nr:` and 8", |text| {
        let person = text.strip_prefix(CPR_URN_LEAD);
        person.is_some_and(|number| number.len() == 10 && is_digits(number)) || read_cvr_urn(text).is_some()
    });
/// `xs:boolean`.
pub(super) static FLAG: Text =
    trimmed(1, 5, "true or false", |text| matches!(text, "true" | "false" | "1" | "0"));
/// `MarkeringAltidSand`.
pub(super) static ALWAYS: Text = trimmed(1, 4, "true", |text| matches!(text, "true" | "1"));
/// A result; one that is not known is for a person, not for refusal.
pub(super) static RESULT: Text = text(1, 40, "1 to 40 characters");

/// Digits, a point, two digits.
fn is_decimal2(text: &str) -> bool {
    text.split_once('.').is_some_and(|(whole, cents)| {
        !whole.is_empty() && cents.len() == 2 && is_digits(whole) && is_digits(cents)
    })
}
