//! What was seen before in this file: line numbers, posting references, transaction references.
//!
//! Bounded by the 99,999 records a file can hold. Never asks a store: earlier files are the hub's business.

/// Bits of a slot that say which key it stands for; the rest are a tag of its hash.
const INDEX_BITS: u32 = 17;
/// Neighbouring keys share a cache line: this many low bits of a key choose a place within one.
const LINE_BITS: u32 = 3;

/// A set of keys of 128 bits, open addressing. The slots are small, so that a look-up touches one line of a
/// table that stays near; the keys themselves lie apart and are compared only when a tag agrees. At 99,999 keys
/// it takes 2.6 MB. It holds what it is told, up to 131,071 keys, and never shrinks.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// Tag and key number, plus one; zero is an empty place.
    slots: Vec<u32>,
    keys: Vec<u128>,
}

/// Where a key stands, or would.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    at: usize,
    tag: u32,
    key: u128,
    pub(super) taken: bool,
}

impl Keys {
    pub(super) fn new() -> Keys {
        Keys { slots: vec![0; 4096], keys: Vec::new() }
    }

    /// Finds a key, or the place where [`Keys::claim`] may put it next.
    #[inline]
    pub(super) fn find(&mut self, key: u128) -> Place {
        if self.keys.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let (home, tag) = home(key);
        let mut at = home & mask;
        loop {
            match self.slots.get(at).copied() {
                Some(0) | None => return Place { at, tag, key, taken: false },
                Some(slot) if slot >> INDEX_BITS == tag && self.key_of(slot) == Some(key) => {
                    return Place { at, tag, key, taken: true };
                }
                Some(_) => at = (at + 1) & mask,
            }
        }
    }

    #[inline]
    fn key_of(&self, slot: u32) -> Option<u128> {
        let number = (slot & ((1 << INDEX_BITS) - 1)) as usize;
        self.keys.get(number.wrapping_sub(1)).copied()
    }

    /// Takes a free place. Nothing may have been claimed since it was found.
    #[inline]
    pub(super) fn claim(&mut self, place: Place) {
        let number = self.keys.len() as u32 + 1;
        if place.taken || number >> INDEX_BITS != 0 {
            return;
        }
        if let Some(free) = self.slots.get_mut(place.at) {
            *free = place.tag << INDEX_BITS | number;
            self.keys.push(place.key);
        }
    }

    #[cold]
    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(size, 0);
        for (number, key) in self.keys.iter().enumerate() {
            let (home, tag) = home(*key);
            let mut at = home & (size - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = tag << INDEX_BITS | (number as u32 + 1);
        }
    }
}

/// The place a key would like, and the tag of its slot. Keys that follow each other lie side by side: senders
/// number their references.
#[inline(always)]
fn home(key: u128) -> (usize, u32) {
    let block = key >> LINE_BITS;
    let hash = fold(block as u64 ^ 0x9E37_79B9_7F4A_7C15, (block >> 64) as u64 ^ 0xD6E8_FEB8_6659_FD93);
    let line = hash as usize & !((1 << LINE_BITS) - 1);
    let tag = (hash >> (64 - (32 - INDEX_BITS))) as u32;
    (line | (key as usize & ((1 << LINE_BITS) - 1)), tag)
}

/// The two halves of a product, added without carry.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// 128 bits for a municipality, a supplier and a reference: two 64-bit hashes of their own constants. Accidental agreement among
/// 99,999 references has a chance of about 2^-95.
#[inline]
pub(super) fn fingerprint(municipality: u16, supplier: [u8; 4], reference: &[u8]) -> u128 {
    let salt = u64::from(u32::from_le_bytes(supplier)) | u64::from(municipality) << 32;
    let mut one = salt ^ 0xA076_1D64_78BD_642F;
    let mut two = salt.rotate_left(32) ^ reference.len() as u64 ^ 0xE703_7ED1_A0B4_28DB;
    let mut chunks = reference.chunks_exact(8);
    for chunk in &mut chunks {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        one = fold(one ^ word, 0x8EBC_6AF0_9C88_C6E3).wrapping_add(word);
        two = fold(two.rotate_left(29) ^ word, 0x5899_65CC_7537_4CC3).wrapping_sub(word);
    }
    let mut rest = [0; 8];
    rest[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    let word = u64::from_le_bytes(rest);
    one = fold(one ^ word, 0x8EBC_6AF0_9C88_C6E3).wrapping_add(word);
    two = fold(two.rotate_left(29) ^ word, 0x5899_65CC_7537_4CC3).wrapping_sub(word);
    (u128::from(fold(one, 0x1D8E_4E27_C47D_124F)) << 64) | u128::from(two)
}

/// A bit for each line number of five digits.
#[derive(Clone, Debug)]
pub(super) struct LineNumbers {
    bits: Vec<u64>,
    pub(super) last: u32,
}

impl LineNumbers {
    pub(super) fn new() -> LineNumbers {
        LineNumbers { bits: vec![0; 100_000_usize.div_ceil(64)], last: 0 }
    }

    /// Notes a number; whether it was there already.
    #[inline]
    pub(super) fn note(&mut self, number: u32) -> bool {
        self.last = number;
        let Some(word) = self.bits.get_mut(number as usize / 64) else { return false };
        let bit = 1 << (number % 64);
        let before = *word & bit != 0;
        *word |= bit;
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_again_and_only_they() {
        let mut keys = Keys::new();
        for key in 0..20_000_u128 {
            let place = keys.find((key * 3) << 50);
            assert!(!place.taken, "{key}");
            keys.claim(place);
        }
        for key in 0..20_000_u128 {
            assert!(keys.find((key * 3) << 50).taken);
            assert!(!keys.find((key * 3 + 1) << 50).taken);
        }
    }

    #[test]
    fn fingerprints_differ_where_the_text_does() {
        let base = b"00000000-0000-4000-8000-000000000001".to_vec();
        let mut all = std::collections::HashSet::new();
        all.insert(fingerprint(751, *b"KSD ", &base));
        for place in 0..base.len() {
            for change in 1..=255 {
                let mut other = base.clone();
                other[place] ^= change;
                assert!(all.insert(fingerprint(751, *b"KSD ", &other)));
            }
        }
        assert!(all.insert(fingerprint(751, *b"KY  ", &base)));
        assert!(all.insert(fingerprint(461, *b"KSD ", &base)));
        for length in 0..base.len() {
            assert!(all.insert(fingerprint(751, *b"KSD ", &base[..length])), "{length}");
        }
    }

    #[test]
    fn line_numbers() {
        let mut numbers = LineNumbers::new();
        assert!(!numbers.note(99_999));
        assert!(!numbers.note(0));
        assert!(numbers.note(99_999));
    }
}
