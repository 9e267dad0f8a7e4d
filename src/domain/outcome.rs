//! What a transaction did to each record, in the canonical bytes that the journal keeps.
//!
//! Replay re-applies these and decides nothing again. They hold no personal data: ids, states, amounts.

use toek_formats::vocabulary::{MunicipalityCode, Ore};

use super::identity::PaymentId;

/// The version of [`encode`]'s bytes. A reader must know every version ever written.
pub const OUTCOME_VERSION: u8 = 1;

/// What happened to one record or payment. Codes are those of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The payment, or the record that was rejected.
    pub payment: PaymentId,
    /// Whose it is.
    pub municipality: MunicipalityCode,
    /// The payment's new state; 0: the record was rejected.
    pub payment_state: u8,
    /// The attempt concerned; 0: none.
    pub attempt: u8,
    /// The attempt's new state; 0: unchanged or none.
    pub attempt_state: u8,
    /// The rules posted, in order; 0: none.
    pub rules: [u8; 2],
    /// Which bank account the rules used; 0: none.
    pub bank: u8,
    /// The amount the payment is over.
    pub amount: Ore,
}

/// Bytes that are no outcomes of a known version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("journal entry is cut off or of an unknown version at byte {0}")]
pub struct BadOutcomes(pub usize);

/// Unsigned LEB128.
pub fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value as u8) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads what [`put_varint`] wrote and moves `at` past it.
pub fn take_varint(bytes: &[u8], at: &mut usize) -> Result<u64, BadOutcomes> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).ok_or(BadOutcomes(*at))?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(BadOutcomes(*at))
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

/// Ids in ascending order as differences: one or two bytes each when they follow each other.
pub fn encode_ids(ids: impl Iterator<Item = PaymentId>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut last = 0;
    for id in ids {
        put_varint(&mut bytes, zigzag(id.as_i64() - last));
        last = id.as_i64();
    }
    bytes
}

/// Reads what [`encode_ids`] wrote.
pub fn decode_ids(bytes: &[u8]) -> Result<Vec<PaymentId>, BadOutcomes> {
    let (mut at, mut last, mut ids) = (0, 0i64, Vec::new());
    while at < bytes.len() {
        last = last.wrapping_add(unzigzag(take_varint(bytes, &mut at)?));
        ids.push(PaymentId::from_i64(last));
    }
    Ok(ids)
}

/// The canonical bytes of one outcome, after the payment `previous`.
fn put(bytes: &mut Vec<u8>, outcome: &Outcome, previous: i64) {
    put_varint(bytes, zigzag(outcome.payment.as_i64() - previous));
    put_varint(bytes, u64::from(outcome.municipality.0));
    bytes.extend([outcome.payment_state, outcome.attempt, outcome.attempt_state]);
    bytes.extend([outcome.rules[0], outcome.rules[1], outcome.bank]);
    put_varint(bytes, zigzag(outcome.amount.0));
}

/// Version byte, then the outcomes in order.
pub fn encode(outcomes: &[Outcome]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + outcomes.len() * 14);
    bytes.push(OUTCOME_VERSION);
    let mut previous = 0;
    for outcome in outcomes {
        put(&mut bytes, outcome, previous);
        previous = outcome.payment.as_i64();
    }
    bytes
}

/// Reads what [`encode`] wrote.
pub fn decode(bytes: &[u8]) -> Result<Vec<Outcome>, BadOutcomes> {
    let mut outcomes = Vec::new();
    if bytes.first() != Some(&OUTCOME_VERSION) {
        return Err(BadOutcomes(0));
    }
    let (mut at, mut previous) = (1, 0i64);
    while at < bytes.len() {
        previous = previous.wrapping_add(unzigzag(take_varint(bytes, &mut at)?));
        let municipality = u16::try_from(take_varint(bytes, &mut at)?).map_err(|_| BadOutcomes(at))?;
        let fixed: [u8; 6] = bytes.get(at..at + 6).and_then(|f| f.try_into().ok()).ok_or(BadOutcomes(at))?;
        at += 6;
        let [payment_state, attempt, attempt_state, first, second, bank] = fixed;
        outcomes.push(Outcome {
            payment: PaymentId::from_i64(previous),
            municipality: MunicipalityCode(municipality),
            payment_state,
            attempt,
            attempt_state,
            rules: [first, second],
            bank,
            amount: Ore(unzigzag(take_varint(bytes, &mut at)?)),
        });
    }
    Ok(outcomes)
}

/// The canonical bytes of each outcome on its own, for the record-level hashes of the journal.
pub fn each_encoded(outcomes: &[Outcome], mut hash: impl FnMut(&[u8])) {
    let mut bytes = Vec::with_capacity(32);
    for outcome in outcomes {
        bytes.clear();
        put(&mut bytes, outcome, 0);
        hash(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_outcome() -> impl Strategy<Value = Outcome> {
        (any::<i64>(), any::<u16>(), any::<[u8; 6]>(), any::<i64>()).prop_map(
            |(id, municipality, b, amount)| Outcome {
                payment: PaymentId::from_i64(id >> 2),
                municipality: MunicipalityCode(municipality),
                payment_state: b[0],
                attempt: b[1],
                attempt_state: b[2],
                rules: [b[3], b[4]],
                bank: b[5],
                amount: Ore(amount),
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(outcomes in prop::collection::vec(any_outcome(), 0..50)) {
            prop_assert_eq!(decode(&encode(&outcomes)), Ok(outcomes));
        }

        #[test]
        fn ids_come_back(ids in prop::collection::vec(0i64..1 << 50, 0..50)) {
            let ids: Vec<_> = ids.into_iter().map(PaymentId::from_i64).collect();
            prop_assert_eq!(decode_ids(&encode_ids(ids.iter().copied())), Ok(ids));
        }

        #[test]
        fn damaged_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(&bytes);
            let _ = decode_ids(&bytes);
        }
    }

    #[test]
    fn consecutive_records_take_one_byte_each() {
        let ids = (1..=100).map(|n| PaymentId::from_i64((7 << 20) + n));
        assert!(encode_ids(ids).len() < 110);
    }
}
