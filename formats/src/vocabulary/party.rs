//! Who is paid, and whom a benefit is granted to: people and companies by number.

use std::fmt;

use jiff::civil::Date;

/// A civil registration number (CPR-nummer): ten digits, personal data. Replacement numbers (day + 60) included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpr([u8; 10]);

/// What a CPR number is (danish-identifiers.md 1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CprKind {
    /// Issued by the CPR system, as far as its form tells.
    Ordinary,
    /// Erstatningspersonnummer: day + 60. An identity, but nobody NemKonto knows.
    Replacement,
}

/// Digits that are no CPR number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACpr {
    /// Not ten digits.
    #[error("not ten digits")]
    Form,
    /// The first six digits and the century digit name no day.
    #[error("its date part names no day")]
    Date,
}

impl Cpr {
    /// Ten digits, `DDMMYYSSSS`, or with a hyphen after six. The old modulus-11 rule is no test: newer
    /// numbers need not satisfy it.
    pub fn parse(text: &str) -> Result<Cpr, NotACpr> {
        let mut digits = [0; 10];
        let bytes = text.as_bytes();
        match bytes.len() {
            10 => digits.copy_from_slice(bytes),
            11 if bytes[6] == b'-' => {
                digits[..6].copy_from_slice(&bytes[..6]);
                digits[6..].copy_from_slice(&bytes[7..]);
            }
            _ => return Err(NotACpr::Form),
        }
        Cpr::from_digits(digits)
    }

    /// Ten ASCII digits.
    pub fn from_digits(digits: [u8; 10]) -> Result<Cpr, NotACpr> {
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(NotACpr::Form);
        }
        birth_date_of(&digits).ok_or(NotACpr::Date)?;
        Ok(Cpr(digits))
    }

    /// From a number of at most ten digits, as records carry it.
    pub fn from_number(number: u64) -> Result<Cpr, NotACpr> {
        let mut digits = [b'0'; 10];
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        if rest > 0 { Err(NotACpr::Form) } else { Cpr::from_digits(digits) }
    }

    /// Whether NemKonto can know it.
    pub fn kind(self) -> CprKind {
        if self.0[0] >= b'6' { CprKind::Replacement } else { CprKind::Ordinary }
    }

    /// The digits in clear: for the counterparty and for a person entitled to see them, never for a log.
    pub fn as_digits(&self) -> &[u8; 10] {
        &self.0
    }

    /// `DDMMYY-****`, for screens and errors.
    pub fn masked(self) -> String {
        let date: String = self.0[..6].iter().map(|b| char::from(*b)).collect();
        format!("{date}-****")
    }
}

impl fmt::Debug for Cpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cpr(******-****)")
    }
}

/// The birth date in ten ASCII digits, by the century table of danish-identifiers.md 1.2; `None` if no such day.
pub fn birth_date_of(digits: &[u8; 10]) -> Option<Date> {
    let two = |i: usize| -> i16 { i16::from(digits[i] - b'0') * 10 + i16::from(digits[i + 1] - b'0') };
    let day = match two(0) {
        day @ 61..=91 => day - 60,
        day => day,
    };
    let year = two(4);
    let century = match (digits[6], year) {
        (b'0'..=b'3', _) => 1900,
        (b'4' | b'9', 0..=36) => 2000,
        (b'4' | b'9', _) => 1900,
        (_, 0..=57) => 2000,
        (_, _) => 1800,
    };
    Date::new(century + year, two(2) as i8, day as i8).ok()
}

/// The kind of number that names a payee or a benefit recipient (ident-kode, g68.md 8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum IdentCode {
    /// 01: a creditor account number, at most 14 digits.
    CreditorAccount = 1,
    /// 02: a CPR number, 10 digits.
    Cpr = 2,
    /// 03: an SE number, 8 digits.
    Se = 3,
    /// 11 or C: a CVR number, 8 digits.
    Cvr = 11,
    /// 12 or E: a production unit (P-nummer), 10 digits.
    ProductionUnit = 12,
}

impl IdentCode {
    /// From the two-digit code.
    pub fn from_code(code: u8) -> Option<IdentCode> {
        Some(match code {
            1 => IdentCode::CreditorAccount,
            2 => IdentCode::Cpr,
            3 => IdentCode::Se,
            11 => IdentCode::Cvr,
            12 => IdentCode::ProductionUnit,
            _ => return None,
        })
    }

    /// How many digits the number has when written out.
    pub fn width(self) -> usize {
        match self {
            IdentCode::CreditorAccount => 14,
            IdentCode::Cpr | IdentCode::ProductionUnit => 10,
            IdentCode::Se | IdentCode::Cvr => 8,
        }
    }
}

/// A person or company by number. Kept as kind and number, twelve bytes: a million of them are read in a second.
/// Whether the number fits its kind was checked by whoever made it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Party {
    /// What the number is.
    pub code: IdentCode,
    /// The number; at most fourteen digits.
    pub number: u64,
}

impl Party {
    /// The number in clear, at its kind's width: for the counterparty, never for a log.
    pub fn digits(self) -> String {
        format!("{:0width$}", self.number, width = self.code.width())
    }

    /// For screens and errors: a CPR number as `DDMMYY-****`, a creditor account hidden, a company's number in clear.
    pub fn masked(self) -> String {
        match self.code {
            IdentCode::Cpr => format!("{:06}-****", self.number / 10_000),
            IdentCode::CreditorAccount => "**************".to_owned(),
            IdentCode::Se | IdentCode::Cvr | IdentCode::ProductionUnit => self.digits(),
        }
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            IdentCode::Cpr | IdentCode::CreditorAccount => write!(f, "Party({:?} *)", self.code),
            _ => write!(f, "Party({:?} {})", self.code, self.digits()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Result<(CprKind, String), NotACpr> {
        let cpr = Cpr::parse(text)?;
        Ok((cpr.kind(), birth_date_of(cpr.as_digits()).unwrap().to_string()))
    }

    #[test]
    fn cpr_numbers() {
        let table = [
            ("2512489996", Ok((CprKind::Ordinary, "1948-12-25"))),
            ("251248-9996", Ok((CprKind::Ordinary, "1948-12-25"))),
            ("2311143995", Ok((CprKind::Ordinary, "1914-11-23"))),
            ("2103009996", Ok((CprKind::Ordinary, "2000-03-21"))),
            ("1506305000", Ok((CprKind::Ordinary, "2030-06-15"))),
            ("2902324006", Ok((CprKind::Ordinary, "2032-02-29"))),
            ("0101585018", Ok((CprKind::Ordinary, "1858-01-01"))),
            ("6101900000", Ok((CprKind::Replacement, "1990-01-01"))),
            ("8605014004", Ok((CprKind::Replacement, "2001-05-26"))),
            ("9112990000", Ok((CprKind::Replacement, "1999-12-31"))),
            ("3002900000", Err(NotACpr::Date)),
            ("2902000000", Err(NotACpr::Date)),
            ("0013900000", Err(NotACpr::Date)),
            ("0113900000", Err(NotACpr::Date)),
            ("3201900000", Err(NotACpr::Date)),
            ("6001900000", Err(NotACpr::Date)),
            ("9201900000", Err(NotACpr::Date)),
            ("0000000000", Err(NotACpr::Date)),
            ("251248999", Err(NotACpr::Form)),
            ("25124899960", Err(NotACpr::Form)),
            ("251248 9996", Err(NotACpr::Form)),
            ("010190AB12", Err(NotACpr::Form)),
        ];
        for (text, expected) in table {
            assert_eq!(kind(text), expected.map(|(k, d)| (k, d.to_owned())), "{text}");
        }
    }

    #[test]
    fn personal_numbers_hide_themselves() {
        let cpr = Cpr::parse("2512489996").unwrap();
        let party = Party { code: IdentCode::Cpr, number: 2_512_489_996 };
        assert!(!format!("{cpr:?} {party:?}").contains("9996"));
        assert_eq!(party.masked(), "251248-****");
        assert_eq!(cpr.masked(), "251248-****");
        assert_eq!(Party { code: IdentCode::Cvr, number: 99_000_007 }.masked(), "99000007");
    }
}
