//! Ids of sixteen bytes, as the common municipal interfaces use them.

use std::fmt;

/// An id of sixteen bytes (UUID). Only its form is known here: what it names, and how it was made, is its owner's.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

/// A text that is no UUID in the form asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID in small letters")]
pub struct NotAUuid;

/// Where the groups of a written UUID are joined.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl Uuid {
    /// How many characters a written one has.
    pub const WIDTH: usize = 36;

    /// Reads `8-4-4-4-12` hexadecimal digits in small letters: the only form the interfaces know
    /// (serviceplatformen-sftp.md 3.1, oir-finans-sf1590a.md 2).
    pub fn parse(text: &str) -> Result<Uuid, NotAUuid> {
        let written: &[u8; Uuid::WIDTH] = text.as_bytes().try_into().map_err(|_| NotAUuid)?;
        if HYPHENS.iter().any(|place| written[*place] != b'-') {
            return Err(NotAUuid);
        }
        let mut digits = written.iter().enumerate().filter(|(place, _)| !HYPHENS.contains(place));
        let mut half = || digits.next().and_then(|(_, digit)| value(*digit)).ok_or(NotAUuid);
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            *byte = half()? << 4 | half()?;
        }
        Ok(Uuid(bytes))
    }

    /// As written, in ASCII.
    pub fn written(self) -> [u8; Uuid::WIDTH] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; Uuid::WIDTH];
        let mut at = 0;
        for byte in self.0 {
            at += usize::from(HYPHENS.contains(&at));
            text[at] = DIGITS[usize::from(byte >> 4)];
            text[at + 1] = DIGITS[usize::from(byte & 15)];
            at += 2;
        }
        text
    }
}

/// What a hexadecimal digit stands for; capitals are none.
fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written().iter().try_for_each(|letter| fmt::Write::write_char(f, char::from(*letter)))
    }
}
impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms() {
        let id = Uuid::parse("7a3c9d10-2222-4b4b-9c9c-0f0f0f0f0f02").unwrap();
        assert_eq!(id.0[..4], [0x7a, 0x3c, 0x9d, 0x10]);
        for bad in [
            "7A3C9D10-2222-4B4B-9C9C-0F0F0F0F0F02",
            "7a3c9d10-2222-4b4b-9c9c-0f0f0f0f0f0",
            "7a3c9d10-2222-4b4b-9c9c-0f0f0f0f0f021",
            "7a3c9d1002222-4b4b-9c9c-0f0f0f0f0f02",
            "7a3c9d10-2222-4b4b-9c9c00f0f0f0f0f02",
            "7a3c9d1-02222-4b4b-9c9c-0f0f0f0f0f02",
            "ga3c9d10-2222-4b4b-9c9c-0f0f0f0f0f02",
            "{7a3c9d10-2222-4b4b-9c9c-0f0f0f0f0f}",
            "7a3c9d1022224b4b9c9c0f0f0f0f0f02",
            "",
        ] {
            assert_eq!(Uuid::parse(bad), Err(NotAUuid), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: [u8; 16]) {
            prop_assert_eq!(Uuid::parse(&Uuid(bytes).to_string()), Ok(Uuid(bytes)));
        }
    }
}
