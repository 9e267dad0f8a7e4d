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

/// Whether every byte may stand in a field's value. Without branches, so that the compiler makes vectors of it.
pub fn all_allowed(bytes: &[u8]) -> bool {
    let mut bad = 0_u8;
    let mut chunks = bytes.chunks_exact(32);
    for chunk in &mut chunks {
        bad |= chunk.iter().fold(0, |bad, byte| bad | forbidden(*byte));
    }
    bad |= chunks.remainder().iter().fold(0, |bad, byte| bad | forbidden(*byte));
    bad == 0
}

/// As [`all_allowed`] where `&` is the separator between fields and not part of a value.
pub fn all_allowed_or_separator(bytes: &[u8]) -> bool {
    let mut bad = 0_u8;
    let mut chunks = bytes.chunks_exact(32);
    for chunk in &mut chunks {
        bad |= chunk.iter().fold(0, |bad, byte| bad | (forbidden(*byte) & u8::from(*byte != b'&')));
    }
    bad |= chunks.remainder().iter().fold(0, |bad, byte| bad | (forbidden(*byte) & u8::from(*byte != b'&')));
    bad == 0
}

/// 1 for a byte that may not stand in a value, else 0.
#[inline(always)]
fn forbidden(byte: u8) -> u8 {
    // 80-9F are the control characters again with the high bit set.
    let control = u8::from(byte & 0x7F < 0x20) | u8::from(byte == 0x7F);
    control | u8::from(byte == b'&') | u8::from(byte == b'!') | u8::from(byte == b'\\')
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let eight: &[u8; 8] = bytes.get(at..at + 8)?.try_into().ok()?;
    Some(u64::from_le_bytes(*eight))
}

#[inline(always)]
fn half(bytes: &[u8], at: usize) -> Option<u64> {
    let four: &[u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u64::from(u32::from_le_bytes(*four)))
}

/// The number that at most nineteen digits write; `None` when empty, longer, or any byte is no digit.
#[inline]
pub fn number(digits: &[u8]) -> Option<u64> {
    let n = digits.len();
    match n {
        0 => None,
        1..=3 => few(digits),
        4..=8 => eight(padded_word(digits)?),
        9..=16 => {
            let (head, tail) = digits.split_at_checked(n - 8)?;
            Some(head_number(head)? * 100_000_000 + eight(word(tail, 0)?)?)
        }
        17..=19 => {
            let (head, tail) = digits.split_at_checked(n - 16)?;
            let low = eight(word(tail, 0)?)? * 100_000_000 + eight(word(tail, 8)?)?;
            Some(few(head)? * 10_000_000_000_000_000 + low)
        }
        _ => None,
    }
}

#[inline(always)]
fn head_number(digits: &[u8]) -> Option<u64> {
    if digits.len() < 4 { few(digits) } else { eight(padded_word(digits)?) }
}

#[inline(always)]
fn few(digits: &[u8]) -> Option<u64> {
    let mut number = 0;
    let mut bad = false;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        bad |= digit > 9;
        number = number * 10 + u64::from(digit);
    }
    (!bad).then_some(number)
}

/// Four to eight digits as the eight bytes of a word, zero-filled on the left: two loads that overlap.
#[inline(always)]
fn padded_word(digits: &[u8]) -> Option<u64> {
    let missing = 8 * (8 - digits.len() as u32);
    let first = half(digits, 0)? << missing;
    let last = half(digits, digits.len() - 4)? << 32;
    let filled = ZEROS & !(u64::MAX << missing);
    Some(first | last | filled)
}

/// The number of eight digits in a word, the first digit in the lowest byte.
#[inline(always)]
fn eight(word: u64) -> Option<u64> {
    if !eight_digits(word) {
        return None;
    }
    let digits = word.wrapping_sub(ZEROS);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    const MASK: u64 = 0x0000_00FF_0000_00FF;
    const FIRST: u64 = 100 + (1_000_000 << 32);
    const SECOND: u64 = 1 + (10_000 << 32);
    let sum = (pairs & MASK).wrapping_mul(FIRST).wrapping_add(((pairs >> 16) & MASK).wrapping_mul(SECOND));
    Some(sum >> 32)
}

#[inline(always)]
fn eight_digits(word: u64) -> bool {
    const HIGH: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    let above = word.wrapping_add(0x0606_0606_0606_0606) & HIGH;
    (word & HIGH) == ZEROS && above == ZEROS
}

/// Whether every byte is a digit; true for none.
#[inline]
pub fn all_digits(bytes: &[u8]) -> bool {
    if bytes.len() < 8 {
        return bytes.iter().all(u8::is_ascii_digit);
    }
    let mut at = 0;
    while let Some(word) = word(bytes, at) {
        if !eight_digits(word) {
            return false;
        }
        at += 8;
    }
    at == bytes.len() || word(bytes, bytes.len() - 8).is_some_and(eight_digits)
}

/// Whether every byte is a blank; true for none.
#[inline]
pub fn is_blank(bytes: &[u8]) -> bool {
    trimmed_len(bytes) == 0
}

/// The length without blanks at the end.
#[inline]
pub fn trimmed_len(bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    while end >= 8 && word(bytes, end - 8) == Some(BLANKS) {
        end -= 8;
    }
    while end > 0 && bytes.get(end - 1) == Some(&b' ') {
        end -= 1;
    }
    end
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
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    let mut at = from;
    while let Some(word) = word(bytes, at) {
        let differing = word ^ WANTED;
        let found = !(((differing & LOW) + LOW) | differing | LOW);
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| *byte != b'&') {
        at += 1;
    }
    at.min(bytes.len())
}

/// Days of each month of a common year; months run from 1.
const DAYS: [u8; 16] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0];

/// Whether a number `YYYYMMDD` names a day of the Gregorian calendar, from year 1583. Year 9999 is left out,
/// so that a day can always be followed by another.
#[inline]
pub fn is_day(yyyymmdd: u32) -> bool {
    let (year, month, day) = (yyyymmdd / 10_000, yyyymmdd / 100 % 100, yyyymmdd % 100);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = DAYS.get(month as usize).copied().unwrap_or(0);
    let last = u32::from(days) + u32::from(leap && month == 2);
    (1583..=9998).contains(&year) && (1..=last).contains(&day)
}
