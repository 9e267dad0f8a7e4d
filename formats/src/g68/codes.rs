//! What can be wrong with a delivery: one table of codes (g68.md 10; 00-decisions.md 1.6, 4, 5).

use std::fmt;

/// What a finding does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The record is accepted, and the finding told.
    Warning,
    /// The record is refused.
    Error,
    /// The whole file is refused.
    Reject,
}

macro_rules! codes {
    ($($code:ident $text:literal $severity:ident $rule:literal,)*) => {
        /// A rule of the interface. Those with the same text differ in severity only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Code {
            $(#[doc = concat!($text, ": ", $rule)] $code,)*
        }

        /// The one table: text, severity, rule.
        const CODES: &[(Code, &str, Severity, &str)] = &[
            $((Code::$code, $text, Severity::$severity, $rule),)*
        ];
    };
}

codes! {
    S01 "G68-S01" Reject "the first record is not Z300",
    S02 "G68-S02" Reject "Z300 is malformed or names an unknown municipality",
    S03 "G68-S03" Reject "the last record is not SLUTD, or data follows it",
    S04 "G68-S04" Reject "the count in SLUTD is not the number of data records",
    S05 "G68-S05" Error "the line number is repeated within the interface type",
    S06 "G68-S06" Warning "the line numbers are not consecutive from 1",
    S07 "G68-S07" Reject "the control sum in SLUTD is not the net sum of the amounts",
    S08 "G68-S08" Reject "a second Z300 in the file",
    S09 "G68-S09" Warning "Z300 and SLUTD are missing, which is allowed here",
    S10 "G68-S10" Reject "the file has no data records",
    S11 "G68-S11" Reject "the same content was already received from this user number",
    S12 "G68-S12" Error "the interface type is neither G68 nor G69",
    F01 "G68-F01" Error "the record is longer than its form allows",
    F02 "G68-F02" Error "the record is shorter than the fixed form allows",
    F03 "G68-F03" Error "the header or the form flag is wrong",
    F04 "G68-F04" Error "a numeric field holds something else than digits",
    F05 "G68-F05" Error "the date is not a day",
    F06 "G68-F06" Error "the amount is zero",
    F07 "G68-F07" Error "the sign is not +, - or blank",
    F08 "G68-F08" Error "a mandatory field is empty",
    F09 "G68-F09" Error "floating fields are out of order or repeated",
    F10 "G68-F10" Warning "the floating field number is unknown; its value is kept",
    F11 "G68-F11" Warning "blanks were accepted for zeros, or a blank for plus",
    F12 "G68-F12" Error "a character that is not allowed",
    F13 "G68-F13" Error "the floating value is longer than the field",
    X01 "G68-X01" Error "information that this transaction type or payment method needs is missing",
    X02 "G68-X02" Error "information that this transaction type or payment method does not allow is given",
    T01 "G68-T01" Error "the municipality code is not in the table",
    T02 "G68-T02" Error "the transaction type is unknown",
    T03 "G68-T03" Error "the ident code is unknown",
    T04 "G68-T04" Error "the payment method is unknown",
    T05 "G68-T05" Error "the benefit type is unknown",
    T06 "G68-T06" Error "the data supplier is not registered for the municipality",
    T07 "G68-T07" Error "the slip type is unknown or the slip id's check digit is wrong",
    T08 "G68-T08" Error "the CVR number fails modulus 11",
    T08Se "G68-T08" Warning "the SE number fails modulus 11",
    T09 "G68-T09" Warning "the CPR number fails modulus 11, as newer ones may",
    T10 "G68-T10" Error "the date in the CPR number is impossible",
    T11 "G68-T11" Warning "the KLE number is not of the form NN.NN.NN",
    T12 "G68-T12" Warning "the postcode is below 0555",
    T13 "G68-T13" Error "the organisation type is not 00",
    K01 "G68-K01" Error "the paying unit is not the organisation unit",
    K02 "G68-K02" Error "the organisation unit is not the user number in Z300",
    K03 "G68-K03" Error "the ident number does not fit its ident code",
    K04 "G68-K04" Error "the period ends before it begins, or only one end is given",
    K05 "G68-K05" Warning "the disposition date is before the delivery day",
    K05TooLate "G68-K05" Error "the disposition date is more than 5 bank days before reception",
    K06 "G68-K06" Warning "the disposition date is more than 92 days ahead",
    K07 "G68-K07" Warning "the disposition date is no bank day: the preceding one is used",
    K08 "G68-K08" Error "the posting reference is repeated within the file for the municipality",
    K09 "G68-K09" Error "the transaction reference is repeated, or already processed for this supplier",
    K10 "G68-K10" Error "a P-number cannot be paid sickness benefit",
    K11 "G68-K11" Error "a negative record names no invoice number",
    K12 "G68-K12" Warning "the net for this payee, date and method is negative: nothing is paid",
    K13 "G68-K13" Error "the number of text lines does not match the lines that are filled",
    K14 "G68-K14" Error "the payee is also the alternative receiver",
    K15 "G68-K15" Error "a creditor account number cannot be looked up in NemKonto",
    K16 "G68-K16" Error "a replacement CPR number cannot be looked up in NemKonto",
    K17 "G68-K17" Error "the G69 record's payment reference or amount is not that of the G68 record",
    K18 "G68-K18" Warning "the date in the posting reference is after the disposition date",
    K19 "G68-K19" Warning "the text is longer than 41 lines and is cut when sent",
    K20 "G68-K20" Warning "a CPR number in the text is masked when sent",
}

impl Code {
    /// Every code, in the order the checks run.
    pub fn all() -> impl Iterator<Item = Code> {
        CODES.iter().map(|entry| entry.0)
    }

    fn entry(self) -> &'static (Code, &'static str, Severity, &'static str) {
        // The table is made by the macro that makes the enum, in the same order.
        &CODES[self as usize]
    }

    /// The code as counterparties know it, `G68-S04`.
    pub fn text(self) -> &'static str {
        self.entry().1
    }

    /// What it does.
    pub fn severity(self) -> Severity {
        self.entry().2
    }

    /// What is wrong, in one sentence.
    pub fn rule(self) -> &'static str {
        self.entry().3
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_enum() {
        for (place, code) in Code::all().enumerate() {
            assert_eq!(code as usize, place, "{code}");
        }
        assert_eq!(Code::S04.text(), "G68-S04");
        assert_eq!(Code::K05.severity(), Severity::Warning);
        assert_eq!(Code::K05TooLate.severity(), Severity::Error);
        assert_eq!(Code::K05TooLate.text(), Code::K05.text());
        assert_eq!(Code::S12.severity(), Severity::Error);
    }
}
