//! The primitives readers are built of: numbers, blanks, separators, forbidden characters, eight bytes at a time.
//!
//! All take ISO-8859-1, so a column is a byte. None allocates, none panics on any input.

const BLANKS: u64 = 0x2020_2020_2020_2020;
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Whether a character may stand in a record at all: printable ISO-8859-1 (20-7E, A0-FF) (g68.md 3.1).
pub const fn printable(byte: u8) -> bool {
    byte >= 0x20 && (byte < 0x7F || byte >= 0xA0)
}

/// Whether a character may stand in a field's value: printable, and none of `&`, `!`, `\` (g68.md 3.1).
pub const fn allowed(byte: u8) -> bool {
    printable(byte) && !matches!(byte, b'&' | b'!' | b'\\')
}

/// Whether every byte may stand in a field's value: a word at a time, the last word overlapping the one before.
#[inline]
pub fn all_allowed(bytes: &[u8]) -> bool {
    let Some(last) = bytes.len().checked_sub(8).and_then(|at| word(bytes, at)) else {
        return bytes.iter().fold(0, |bad, byte| bad | FORBIDDEN[usize::from(*byte)]) == 0;
    };
    let (words, _) = bytes.as_chunks::<8>();
    let bad = words
        .iter()
        .fold(forbidden_bits(last), |bad, eight| bad | forbidden_bits(u64::from_le_bytes(*eight)));
    bad & HIGH_BITS == 0
}

/// Whether every byte of a record may stand there: [`allowed`], or the separator `&`.
#[inline]
pub fn is_clean(record: &[u8]) -> bool {
    let Some(last) = record.last_chunk() else {
        return record.iter().all(|byte| allowed(*byte) || *byte == b'&');
    };
    let (chunks, _) = record.as_chunks();
    chunks.iter().fold(is_unclean(last), |bad, chunk| bad | is_unclean(chunk)) == 0
}

/// 1 when a byte stands there that a clean record does not have. Without branches over so many bytes, compilers
/// look at all of them at once. Control characters are less than a blank, whatever their high bit.
#[inline(always)]
fn is_unclean(chunk: &[u8; 32]) -> u8 {
    chunk.iter().fold(0, |bad, byte| {
        let odd = (byte & 0x60 == 0) | (*byte == 0x7F) | (*byte == b'!') | (*byte == b'\\');
        bad | u8::from(odd)
    })
}

/// The opposite of [`allowed`], 1 or 0.
static FORBIDDEN: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = !allowed(byte as u8) as u8;
        byte += 1;
    }
    table
};

const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
const LOW_BITS: u64 = 0x7F7F_7F7F_7F7F_7F7F;
const EVERY_LOWEST: u64 = 0x0101_0101_0101_0101;

/// Some high bit is set when one of eight bytes may not stand in a value, and none otherwise. A borrow may set
/// the bit of a byte above a guilty one: fit to ask whether there is any, not which.
#[inline(always)]
fn forbidden_bits(word: u64) -> u64 {
    let every = |byte: u8| u64::from_ne_bytes([byte; 8]);
    let any_zero = |word: u64| word.wrapping_sub(EVERY_LOWEST) & !word;
    // 80-9F are the control characters again with the high bit set.
    let control = !((word & LOW_BITS) + every(0x60));
    let reserved =
        any_zero(word ^ every(b'&')) | any_zero(word ^ every(b'!')) | any_zero(word ^ every(b'\\'));
    control | reserved | any_zero(word ^ every(0x7F))
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let eight: &[u8; 8] = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*eight))
}

/// The number that at most nineteen digits write; `None` when empty, longer, or any byte is no digit.
pub fn number(digits: &[u8]) -> Option<u64> {
    let mut padded = [b'0'; 32];
    let at = 32_usize.checked_sub(digits.len())?;
    padded.get_mut(at..)?.copy_from_slice(digits);
    number_at(&padded, at, digits.len())
}

/// As [`number`] for the `len` bytes at `at` in a record, whose neighbours are loaded along and masked away.
#[inline(always)]
pub fn number_at(record: &[u8], at: usize, len: usize) -> Option<u64> {
    let end = at + len;
    match len {
        1..=8 if end >= 8 => short_number(record, end, len),
        9..=16 if end >= 16 => long_number(record, end, len),
        17..=19 => {
            let head = few(record.get(at..end - 16)?)?;
            Some(head * 10_000_000_000_000_000 + long_number(record, end, 16)?)
        }
        1..=16 => few(record.get(at..end)?),
        _ => None,
    }
}

/// The digits in the last `len` bytes of a word, 1 to 8, as numbers 0 to 9 with zeros before them; `None` when one
/// is no digit. The first digit is in the lowest byte.
#[inline(always)]
fn last_digits(word: u64, len: usize) -> Option<u64> {
    let digits = (word ^ ZEROS) & (u64::MAX << (64 - 8 * len as u32));
    are_digits(digits).then_some(digits)
}

/// Whether each of eight numbers is at most 9.
#[inline(always)]
fn are_digits(digits: u64) -> bool {
    (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & 0xF0F0_F0F0_F0F0_F0F0 == 0
}

/// The number of eight digits 0 to 9, the first in the lowest byte.
#[inline(always)]
fn number_of(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    const MASK: u64 = 0x0000_00FF_0000_00FF;
    const FIRST: u64 = 100 + (1_000_000 << 32);
    const SECOND: u64 = 1 + (10_000 << 32);
    (pairs & MASK).wrapping_mul(FIRST).wrapping_add(((pairs >> 16) & MASK).wrapping_mul(SECOND)) >> 32
}

/// Digit by digit, for what is short or stands at the very beginning of a record.
#[inline]
fn few(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut number = 0;
    let mut bad = false;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        bad |= digit > 9;
        number = number * 10 + u64::from(digit);
    }
    (!bad).then_some(number)
}

/// The number of one to eight digits that end before `end`, when the record has eight bytes there.
#[inline(always)]
pub fn short_number(record: &[u8], end: usize, len: usize) -> Option<u64> {
    last_digits(word(record, end.wrapping_sub(8))?, len).map(number_of)
}

/// The number of nine to sixteen digits that end before `end`, when the record has sixteen bytes there.
#[inline(always)]
pub fn long_number(record: &[u8], end: usize, len: usize) -> Option<u64> {
    let both: &[u8; 16] = record.get(end.wrapping_sub(16)..)?.first_chunk()?;
    let both = u128::from_le_bytes(*both);
    let high = last_digits(both as u64, len - 8)?;
    let low = last_digits((both >> 64) as u64, 8)?;
    Some(number_of(high) * 100_000_000 + number_of(low))
}

/// Whether every byte is a digit; true for none.
#[inline]
pub fn all_digits(bytes: &[u8]) -> bool {
    if bytes.len() < 8 {
        return bytes.iter().all(u8::is_ascii_digit);
    }
    let mut at = 0;
    while let Some(word) = word(bytes, at) {
        if !are_digits(word ^ ZEROS) {
            return false;
        }
        at += 8;
    }
    at == bytes.len() || word(bytes, bytes.len() - 8).is_some_and(|last| are_digits(last ^ ZEROS))
}

/// Whether every byte is a blank; true for none.
#[inline]
pub fn is_blank(bytes: &[u8]) -> bool {
    trimmed_len(bytes) == 0
}

/// The length without blanks at the end.
#[inline]
pub fn trimmed_len(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((before, last)) = rest.split_last_chunk::<8>() {
        let others = u64::from_le_bytes(*last) ^ BLANKS;
        if others != 0 {
            return rest.len() - (others.leading_zeros() / 8) as usize;
        }
        rest = before;
    }
    while let [before @ .., b' '] = rest {
        rest = before;
    }
    rest.len()
}

/// `bytes` without blanks at the end.
#[inline]
pub fn trim_end(bytes: &[u8]) -> &[u8] {
    bytes.get(..trimmed_len(bytes)).unwrap_or(bytes)
}

/// Where the next `&` stands at or after `from`; the length of `bytes` when there is none.
#[inline]
pub fn next_separator(bytes: &[u8], from: usize) -> usize {
    const WANTED: u64 = 0x2626_2626_2626_2626;
    let mut rest = bytes.get(from..).unwrap_or(&[]);
    while let Some((first, after)) = rest.split_first_chunk::<8>() {
        let others = u64::from_le_bytes(*first) ^ WANTED;
        // A borrow may mark bytes behind a separator, never one before it.
        let found = others.wrapping_sub(EVERY_LOWEST) & !others & HIGH_BITS;
        if found != 0 {
            return bytes.len() - rest.len() + (found.trailing_zeros() / 8) as usize;
        }
        rest = after;
    }
    while let [first, after @ ..] = rest
        && *first != b'&'
    {
        rest = after;
    }
    bytes.len() - rest.len()
}

/// Days of each month of a common year; months run from 1.
const DAYS: [u8; 16] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0];

/// Whether a number `YYYYMMDD` names a day of the Gregorian calendar, from year 1583. Year 9999 is left out,
/// so that a day can always be followed by another.
#[inline]
pub fn is_day(yyyymmdd: u32) -> bool {
    let (year, month_and_day) = (yyyymmdd / 10_000, yyyymmdd % 10_000);
    (1583..=9998).contains(&year) && is_day_of(year, month_and_day / 100, month_and_day % 100)
}

/// Whether the month of a year has the day.
#[inline]
pub fn is_day_of(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = DAYS.get(month as usize).copied().unwrap_or(0);
    let last = u32::from(days) + u32::from(leap && month == 2);
    day.wrapping_sub(1) < last
}
