//! The forms of the values: one entry per simple type of the schemas, with the same name.

use crate::vocabulary::BankAccount;
pub(super) use crate::xml::forms::DATE;
use crate::xml::forms::{form, is_digits, is_zone, text};
pub(super) use crate::xml::forms::{read_date, read_moment};
use crate::xml::model::Text;

/// Texts of others, as NKS sends them: only their length counts.
pub(super) static ANY35: Text = text(1, 35, "1 to 35 characters");
pub(super) static UPTO35: Text = text(0, 35, "at most 35 characters");
pub(super) static UPTO105: Text = text(0, 105, "at most 105 characters");
pub(super) static ANY16: Text = text(1, 16, "1 to 16 characters");
pub(super) static ANY70: Text = text(1, 70, "1 to 70 characters");
/// The reason in a receipt's header; its length is ASSUMED.
pub(super) static ANY500: Text = text(1, 500, "1 to 500 characters");

/// Texts of ours (nemkonto.md 1.8, ASSUMED).
pub(super) static LATIN16: Text = form(1, 16, "1 to 16 characters of ISO-8859-1, not only blanks", is_latin);
pub(super) static LATIN27: Text = form(1, 27, "1 to 27 characters of ISO-8859-1, not only blanks", is_latin);
pub(super) static LATIN35: Text = form(1, 35, "1 to 35 characters of ISO-8859-1, not only blanks", is_latin);
pub(super) static LATIN70: Text = form(1, 70, "1 to 70 characters of ISO-8859-1, not only blanks", is_latin);

pub(super) static COUNTRY: Text =
    form(2, 2, "two capital letters", |t| t.bytes().all(|b| b.is_ascii_uppercase()));
pub(super) static CURRENCY3: Text =
    form(3, 3, "three capital letters", |t| t.bytes().all(|b| b.is_ascii_uppercase()));
pub(super) static CPR: Text = form(10, 10, "ten digits", is_digits);
pub(super) static COMPANY: Text =
    form(8, 10, "eight or ten digits", |t| t.len() != 9 && t.bytes().all(|b| b.is_ascii_digit()));
pub(super) static COUNT: Text = form(1, 15, "1 to 15 digits", is_digits);
pub(super) static BBAN: Text = form(14, 14, "4 and 10 digits, neither all zeros", is_bban);
pub(super) static IBAN: Text = form(5, 34, "an IBAN", is_iban);
pub(super) static INDICATOR: Text = form(1, 1, "0 or 1", |t| matches!(t, "0" | "1"));

/// What an answer may carry: a decimal number or one with implied decimals (4.4).
pub(super) static AMOUNT: Text = form(1, 24, "a number", is_amount);
/// What a bundle may carry: two decimals, or three implied.
pub(super) static TOTAL: Text = form(1, 19, "a number with two decimals or none", is_total);
pub(super) static PAYMENT_AMOUNT: Text = form(1, 19, "a number above zero with two decimals or none", |t| {
    is_total(t) && t.bytes().any(|b| b > b'0')
});

pub(super) static TIME: Text = Text { rule: "a date and time", trim: true, length: (19, 38), form: is_time };

pub(super) static VERSION: Text = form(3, 3, "2.0", |t| t == super::names::HEADER_VERSION);
pub(super) static MESSAGE: Text = form(11, 11, "NKSBetaling", |t| t == super::names::ANSWERED_MESSAGE);
pub(super) static ADMID: Text = form(5, 5, "ADMID", |t| t == super::names::AUTHORITY_ISSUER);
pub(super) static DKK: Text = form(3, 3, "DKK", |t| t == super::names::CURRENCY);
pub(super) static METHOD: Text = form(3, 3, "TRF or CHK", |t| matches!(t, "TRF" | "CHK"));
pub(super) static CHARGES: Text = form(3, 3, "OUR, BEN or SHA", |t| matches!(t, "OUR" | "BEN" | "SHA"));
pub(super) static ISSUER: Text = form(1, 3, "CVR, SE or P", |t| matches!(t, "CVR" | "SE" | "P"));

/// Letters, digits and signs of ISO-8859-1, no control character; not only blanks (1.8, ASSUMED).
pub(super) fn is_latin(text: &str) -> bool {
    let printable = |c: char| matches!(c, ' '..='~' | '\u{A0}'..='\u{FF}');
    text.chars().all(printable) && text.chars().any(|c| !matches!(c, ' ' | '\u{A0}'))
}

fn is_bban(text: &str) -> bool {
    is_digits(text) && BankAccount::parse(text).is_ok()
}

fn is_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes[4..].iter().all(u8::is_ascii_alphanumeric)
}

fn is_amount(text: &str) -> bool {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    (1..=18).contains(&whole.len())
        && (1..=5).contains(&decimals.len())
        && is_digits(whole)
        && is_digits(decimals)
}

fn is_total(text: &str) -> bool {
    match text.split_once('.') {
        Some((whole, decimals)) => {
            (1..=16).contains(&whole.len()) && decimals.len() == 2 && is_digits(whole) && is_digits(decimals)
        }
        None => text.len() <= 18 && is_digits(text),
    }
}

/// `YYYY-MM-DDThh:mm:ss`, then perhaps `.f…` or a fourth group `:nn`, then perhaps a zone (3.11, rule 6).
fn is_time(text: &str) -> bool {
    let Some((moment, tail)) = text.split_at_checked(19) else { return false };
    let zone = match tail.as_bytes() {
        [b':', a, b, zone @ ..] if a.is_ascii_digit() && b.is_ascii_digit() => zone,
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            &rest[digits..]
        }
        zone => zone,
    };
    read_moment(moment).is_some() && is_zone(zone)
}
