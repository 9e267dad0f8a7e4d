//! What was seen before in this file: line numbers, posting references, transaction references.
//!
//! Bounded by the 99,999 records a file can hold. Never asks a store: earlier files are the hub's business.

/// A set of keys of 128 bits, open addressing. It never shrinks and holds what it is told, so its memory is
/// bounded by the records of a file: 4 MB at 99,999.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// Zero is an empty place.
    places: Vec<u128>,
    used: usize,
}

/// Where a key stands, or would.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    at: usize,
    key: u128,
    pub(super) taken: bool,
}

impl Keys {
    pub(super) fn new() -> Keys {
        Keys { places: vec![0; 1024], used: 0 }
    }

    /// Finds a key, or the place where [`Keys::claim`] may put it next.
    #[inline]
    pub(super) fn find(&mut self, key: u128) -> Place {
        if self.used * 2 >= self.places.len() {
            self.grow();
        }
        let key = key.max(1);
        let mask = self.places.len() - 1;
        let mut at = mix(key) as usize & mask;
        loop {
            match self.places.get(at) {
                Some(found) if *found == key => return Place { at, key, taken: true },
                Some(0) | None => return Place { at, key, taken: false },
                Some(_) => at = (at + 1) & mask,
            }
        }
    }

    /// Takes a free place. Nothing may have been claimed since it was found.
    #[inline]
    pub(super) fn claim(&mut self, place: Place) {
        if let (false, Some(free)) = (place.taken, self.places.get_mut(place.at)) {
            *free = place.key;
            self.used += 1;
        }
    }

    fn grow(&mut self) {
        let larger = vec![0; self.places.len() * 2];
        let keys = std::mem::replace(&mut self.places, larger);
        let mask = self.places.len() - 1;
        for key in keys.into_iter().filter(|key| *key != 0) {
            let mut at = mix(key) as usize & mask;
            while self.places[at] != 0 {
                at = (at + 1) & mask;
            }
            self.places[at] = key;
        }
    }
}

#[inline(always)]
fn mix(key: u128) -> u64 {
    fold(key as u64 ^ 0x9E37_79B9_7F4A_7C15, (key >> 64) as u64 ^ 0xD6E8_FEB8_6659_FD93)
}

/// The two halves of a product, added without carry.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// 128 bits for a supplier and a reference: two 64-bit hashes of their own constants. Accidental agreement among
/// 99,999 references has a chance of about 2^-95.
#[inline]
pub(super) fn fingerprint(supplier: [u8; 4], reference: &[u8]) -> u128 {
    let salt = u64::from(u32::from_le_bytes(supplier));
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
            let place = keys.find(key * 3 << 50);
            assert!(!place.taken, "{key}");
            keys.claim(place);
        }
        for key in 0..20_000_u128 {
            assert!(keys.find(key * 3 << 50).taken);
            assert!(!keys.find((key * 3 + 1) << 50).taken);
        }
    }

    #[test]
    fn fingerprints_differ_where_the_text_does() {
        let base = b"00000000-0000-4000-8000-000000000001".to_vec();
        let mut all = std::collections::HashSet::new();
        all.insert(fingerprint(*b"KSD ", &base));
        for place in 0..base.len() {
            for change in 1..=255 {
                let mut other = base.clone();
                other[place] ^= change;
                assert!(all.insert(fingerprint(*b"KSD ", &other)));
            }
        }
        assert!(all.insert(fingerprint(*b"KY  ", &base)));
        for length in 0..base.len() {
            assert!(all.insert(fingerprint(*b"KSD ", &base[..length])), "{length}");
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
