//! What things are called: inside, and towards the counterparties (00-decisions.md section 3).
//!
//! Every id here is a function of keys, never of chance or of the clock.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use toek_formats::vocabulary::MunicipalityCode;
use uuid::Uuid;

/// A transfer (leverance), in or out, numbered from 1 by the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferNo(pub i64);

/// A bundle of payments (bundt), numbered from 1 by the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleNo(pub i64);

/// Bits of a [`PaymentId`] that hold the record.
const RECORD_BITS: u32 = 20;
/// The most decimal digits a payment id may have, so that an EndToEndId stays within 27 characters.
const PAYMENT_DIGITS: usize = 12;

/// The last transfer whose payments all have an EndToEndId: 12 digits, less the bits of the record.
pub const LAST_TRANSFER: i64 = 953_673;

/// A payment: the transfer and the record it came from, in one number. Lineage is in the key, so intake is an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentId(i64);

/// A text that is no id of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct NotAnId;

impl PaymentId {
    /// The payment of data record `record_no` (1-based, below 2^20) of a transfer.
    pub fn new(transfer: TransferNo, record_no: u32) -> PaymentId {
        debug_assert!(record_no < 1 << RECORD_BITS);
        PaymentId(transfer.0 << RECORD_BITS | i64::from(record_no))
    }

    /// As the store keeps it.
    pub fn from_i64(number: i64) -> PaymentId {
        PaymentId(number)
    }

    /// As the store keeps it.
    pub fn as_i64(self) -> i64 {
        self.0
    }

    /// The transfer it came in.
    pub fn transfer(self) -> TransferNo {
        TransferNo(self.0 >> RECORD_BITS)
    }

    /// The data record within the transfer, 1-based.
    pub fn record_no(self) -> u32 {
        (self.0 & ((1 << RECORD_BITS) - 1)) as u32
    }

    /// The first and last id a transfer can hold.
    pub fn range_of(transfer: TransferNo) -> (i64, i64) {
        (transfer.0 << RECORD_BITS, (transfer.0 + 1) << RECORD_BITS)
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}-{}", self.transfer().0, self.record_no())
    }
}

impl FromStr for PaymentId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<PaymentId, NotAnId> {
        let (transfer, record) = text.strip_prefix('P').and_then(|t| t.split_once('-')).ok_or(NotAnId)?;
        let transfer: i64 = number(transfer)?;
        let record: i64 = number(record)?;
        let fits = (1..1 << 40).contains(&transfer) && (1..1 << RECORD_BITS).contains(&record);
        if fits { Ok(PaymentId(transfer << RECORD_BITS | record)) } else { Err(NotAnId) }
    }
}

fn number<T: FromStr>(digits: &str) -> Result<T, NotAnId> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NotAnId);
    }
    digits.parse().map_err(|_| NotAnId)
}

/// The id of a payment's money flow (sporings-id), shared by its attempts and vouchers: `TRC-0751-000012582913`.
pub fn trace_id(municipality: MunicipalityCode, payment: PaymentId) -> String {
    format!("TRC-{municipality}-{:012}", payment.0)
}

/// One try to pay a payment: numbered from 1 within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    /// What is paid.
    pub payment: PaymentId,
    /// 1 for the first try, at most 99.
    pub attempt: u8,
}

impl AttemptId {
    /// The reference NemKonto repeats in its answers: `T0751-260128-00000125829301`, 27 characters, decoded
    /// without a look-up. Never reused.
    pub fn end_to_end_id(self, municipality: MunicipalityCode, run_day: Date) -> String {
        format!(
            "T{municipality}-{:02}{:02}{:02}-{:012}{:02}",
            run_day.year() % 100,
            run_day.month(),
            run_day.day(),
            self.payment.0,
            self.attempt
        )
    }

    /// Reads the payment and the attempt back from an EndToEndId.
    pub fn from_end_to_end_id(text: &str) -> Result<AttemptId, NotAnId> {
        let digits = text.rsplit('-').next().ok_or(NotAnId)?;
        let shaped = text.starts_with('T') && text.len() == 27 && digits.len() == PAYMENT_DIGITS + 2;
        if !shaped || !digits.is_ascii() {
            return Err(NotAnId);
        }
        let (payment, attempt) = digits.split_at(PAYMENT_DIGITS);
        Ok(AttemptId { payment: PaymentId(number(payment)?), attempt: number(attempt)? })
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.payment, self.attempt)
    }
}

/// The reference of a bundle towards NemKonto (bundtreference): `T0751-20260128-000001`, counted per municipality and day.
pub fn group_id(municipality: MunicipalityCode, run_day: Date, sequence: i64) -> String {
    format!("T{municipality}-{:04}{:02}{:02}-{sequence:06}", run_day.year(), run_day.month(), run_day.day())
}

/// Reads [`group_id`] back: whose bundle, on which run day, and which of that day.
///
/// # Errors
/// When it is not exactly what [`group_id`] writes.
pub fn read_group_id(text: &str) -> Result<(MunicipalityCode, Date, i64), NotAnId> {
    let parts: Vec<&str> = text.split('-').collect();
    let [authority, day, sequence] = parts[..] else { return Err(NotAnId) };
    let code: u16 = number(authority.strip_prefix('T').ok_or(NotAnId)?)?;
    let day: i64 = number(day)?;
    let part = |of: i64| i8::try_from(of % 100).map_err(|_| NotAnId);
    let year = i16::try_from(day / 10_000).map_err(|_| NotAnId)?;
    let day = Date::new(year, part(day / 100)?, part(day)?).map_err(|_| NotAnId)?;
    let read = (MunicipalityCode(code), day, number(sequence)?);
    if group_id(read.0, read.1, read.2) == text { Ok(read) } else { Err(NotAnId) }
}

/// The namespace of the hub's name-based UUIDs: itself the UUIDv5 of `toek` under the URL namespace's nil parent.
const NAMESPACE: Uuid = Uuid::from_u128(0x7c0f_3c61_5f0e_5d52_9f0b_4e9d_71c8_a6d4);

/// The id of a voucher towards the ERP: UUIDv5 of municipality | event | source | part.
pub fn voucher_id(municipality: MunicipalityCode, event: &str, source: &str, part: i64) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{municipality}|{event}|{source}|{part}").as_bytes())
}

/// The id of a voucher's try: the first has the voucher's own, each later one another (00-decisions.md 2.5).
pub fn voucher_attempt_id(voucher: Uuid, attempt: u8) -> Uuid {
    match attempt {
        0 | 1 => voucher,
        _ => Uuid::new_v5(&NAMESPACE, format!("{voucher}|{attempt}").as_bytes()),
    }
}

/// The id of a voucher's line.
pub fn posting_id(voucher_attempt: Uuid, line_no: usize) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{voucher_attempt}|line {line_no}").as_bytes())
}

/// The transaction id of a file of vouchers, and our own id of its transfer (`SendersFileId`).
pub fn voucher_file_ids(installation: &str, file_no: i64) -> (Uuid, Uuid) {
    let named = |what: &str| Uuid::new_v5(&NAMESPACE, format!("{installation}|{what}|{file_no}").as_bytes());
    (named("voucher file"), named("sender's file"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const AARHUS: MunicipalityCode = MunicipalityCode(751);

    #[test]
    fn an_end_to_end_id_decodes_to_its_payment_and_attempt() {
        let id = AttemptId { payment: PaymentId::new(TransferNo(12), 1), attempt: 1 };
        let text = id.end_to_end_id(AARHUS, date(2026, 1, 28));
        assert_eq!(text, "T0751-260128-00001258291301");
        assert_eq!(text.len(), 27);
        assert_eq!(AttemptId::from_end_to_end_id(&text), Ok(id));
        for bad in
            ["", "T0751-260128-0000125829130", "X0751-260128-00001258291301", "T0751-260128-0000125829æ01"]
        {
            assert_eq!(AttemptId::from_end_to_end_id(bad), Err(NotAnId), "{bad}");
        }
    }

    #[test]
    fn the_last_transfer_that_fits() {
        let payment = PaymentId::new(TransferNo(953_673), (1 << 20) - 1);
        let id = AttemptId { payment, attempt: 99 };
        assert_eq!(AttemptId::from_end_to_end_id(&id.end_to_end_id(AARHUS, date(2099, 12, 31))), Ok(id));
    }

    #[test]
    fn a_payment_is_named_after_its_record() {
        let id = PaymentId::new(TransferNo(12), 345);
        assert_eq!(id.to_string(), "P12-345");
        assert_eq!("P12-345".parse(), Ok(id));
        assert_eq!((id.transfer(), id.record_no()), (TransferNo(12), 345));
        assert_eq!(trace_id(AARHUS, id), "TRC-0751-000012583257");
        for bad in ["P12", "12-345", "P0-1", "P1-0", "P1-1048576", "P-1", "P1-+1"] {
            assert_eq!(bad.parse::<PaymentId>(), Err(NotAnId), "{bad}");
        }
    }

    #[test]
    fn voucher_ids_are_names_not_chance() {
        let id = voucher_id(AARHUS, "P4", "transfer 1", 1);
        assert_eq!(id, voucher_id(AARHUS, "P4", "transfer 1", 1));
        assert_ne!(id, voucher_id(AARHUS, "P4", "transfer 1", 2));
        assert_eq!(group_id(AARHUS, date(2026, 1, 28), 7), "T0751-20260128-000007");
        assert_eq!(read_group_id("T0751-20260128-000007"), Ok((AARHUS, date(2026, 1, 28), 7)));
        for bad in
            ["", "T0751-20260128-7", "T751-20260128-000007", "T0751-20261328-000007", "T0751-20260128-00000x"]
        {
            assert_eq!(read_group_id(bad), Err(NotAnId), "{bad}");
        }
    }
}
