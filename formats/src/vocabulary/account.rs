//! Danish bank accounts.

use std::fmt;

/// A Danish bank account: registration number (4 digits) and account number (up to 10). Personal data.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BankAccount {
    registration: u16,
    number: u64,
}

/// A text or a pair of numbers that is no Danish account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Danish bank account: 4 digits and up to 10 digits, neither all zeros")]
pub struct NotABankAccount;

impl BankAccount {
    /// No common check digit exists, so only zero and excess are refused (danish-identifiers.md 6).
    pub fn new(registration: u16, number: u64) -> Result<BankAccount, NotABankAccount> {
        let fits = (1..=9_999).contains(&registration) && (1..=9_999_999_999).contains(&number);
        if fits { Ok(BankAccount { registration, number }) } else { Err(NotABankAccount) }
    }

    /// Reads the 14-digit form (BBAN), or the two parts with a blank or hyphen between them.
    pub fn parse(text: &str) -> Result<BankAccount, NotABankAccount> {
        let (registration, number) = match text.split_once([' ', '-']) {
            Some(parts) => parts,
            None if text.len() == 14 => text.split_at_checked(4).ok_or(NotABankAccount)?,
            None => return Err(NotABankAccount),
        };
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if registration.len() != 4 || number.len() > 10 || !digits(registration) || !digits(number) {
            return Err(NotABankAccount);
        }
        let registration = registration.parse().map_err(|_| NotABankAccount)?;
        let number = number.parse().map_err(|_| NotABankAccount)?;
        BankAccount::new(registration, number)
    }

    /// The registration number, 1 to 9999. In clear: never for a log.
    pub fn registration(self) -> u16 {
        self.registration
    }

    /// The account number, at most ten digits. In clear: never for a log.
    pub fn number(self) -> u64 {
        self.number
    }

    /// Fourteen digits, zero-filled, as the XML messages carry it. In clear: never for a log.
    pub fn bban(self) -> String {
        format!("{:04}{:010}", self.registration, self.number)
    }
}

impl fmt::Debug for BankAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BankAccount(**** **********)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let account = BankAccount::new(40, 440_116_243);
        assert_eq!(BankAccount::parse("0040 0440116243"), account);
        assert_eq!(BankAccount::parse("00400440116243"), account);
        assert_eq!(BankAccount::parse("0040-440116243"), account);
        assert_eq!(account.unwrap().bban(), "00400440116243");
        assert!(!format!("{:?}", account.unwrap()).contains("440116243"));
        for bad in
            ["00000440116243", "00400000000000", "0040044011624", "004004401162430", "+040 440116243", ""]
        {
            assert_eq!(BankAccount::parse(bad), Err(NotABankAccount), "{bad}");
        }
    }
}
