//! Character sets: everything is brought to ISO-8859-1, where a column is a byte.

use std::str::Utf8Chunk;

/// The character set of a delivery (g68.md 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Charset {
    /// ISO-8859-1, the default in and out.
    Latin1,
    /// UTF-8; columns count characters.
    Utf8,
    /// EBCDIC code page 277 (Denmark and Norway).
    Ebcdic277,
}

/// What stands for a character that ISO-8859-1 does not have: a control character, so that it is refused (F12).
pub(super) const SUBSTITUTE: u8 = 0x1A;

/// The line feed of EBCDIC 277.
pub(super) const EBCDIC_LF: u8 = 0x25;
/// The new line of EBCDIC 277, which ends lines too.
pub(super) const EBCDIC_NEL: u8 = 0x15;

/// EBCDIC 277 to ISO-8859-1, by code; the page holds exactly the characters of ISO-8859-1.
/// Taken from `iconv -f IBM277`.
#[rustfmt::skip]
const FROM_EBCDIC: [u8; 256] = [
    0x00, 0x01, 0x02, 0x03, 0x9C, 0x09, 0x86, 0x7F, 0x97, 0x8D, 0x8E, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F,
    0x10, 0x11, 0x12, 0x13, 0x9D, 0x85, 0x08, 0x87, 0x18, 0x19, 0x92, 0x8F, 0x1C, 0x1D, 0x1E, 0x1F,
    0x80, 0x81, 0x82, 0x83, 0x84, 0x0A, 0x17, 0x1B, 0x88, 0x89, 0x8A, 0x8B, 0x8C, 0x05, 0x06, 0x07,
    0x90, 0x91, 0x16, 0x93, 0x94, 0x95, 0x96, 0x04, 0x98, 0x99, 0x9A, 0x9B, 0x14, 0x15, 0x9E, 0x1A,
    0x20, 0xA0, 0xE2, 0xE4, 0xE0, 0xE1, 0xE3, 0x7D, 0xE7, 0xF1, 0x23, 0x2E, 0x3C, 0x28, 0x2B, 0x21,
    0x26, 0xE9, 0xEA, 0xEB, 0xE8, 0xED, 0xEE, 0xEF, 0xEC, 0xDF, 0xA4, 0xC5, 0x2A, 0x29, 0x3B, 0x5E,
    0x2D, 0x2F, 0xC2, 0xC4, 0xC0, 0xC1, 0xC3, 0x24, 0xC7, 0xD1, 0xF8, 0x2C, 0x25, 0x5F, 0x3E, 0x3F,
    0xA6, 0xC9, 0xCA, 0xCB, 0xC8, 0xCD, 0xCE, 0xCF, 0xCC, 0x60, 0x3A, 0xC6, 0xD8, 0x27, 0x3D, 0x22,
    0x40, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0xAB, 0xBB, 0xF0, 0xFD, 0xFE, 0xB1,
    0xB0, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70, 0x71, 0x72, 0xAA, 0xBA, 0x7B, 0xB8, 0x5B, 0x5D,
    0xB5, 0xFC, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0xA1, 0xBF, 0xD0, 0xDD, 0xDE, 0xAE,
    0xA2, 0xA3, 0xA5, 0xB7, 0xA9, 0xA7, 0xB6, 0xBC, 0xBD, 0xBE, 0xAC, 0x7C, 0xAF, 0xA8, 0xB4, 0xD7,
    0xE6, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0xAD, 0xF4, 0xF6, 0xF2, 0xF3, 0xF5,
    0xE5, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F, 0x50, 0x51, 0x52, 0xB9, 0xFB, 0x7E, 0xF9, 0xFA, 0xFF,
    0x5C, 0xF7, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0xB2, 0xD4, 0xD6, 0xD2, 0xD3, 0xD5,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0xB3, 0xDB, 0xDC, 0xD9, 0xDA, 0x9F,
];

const TO_EBCDIC: [u8; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[FROM_EBCDIC[code] as usize] = code as u8;
        code += 1;
    }
    table
};

/// Brings one record to ISO-8859-1, in `scratch` only when it has to change. What ISO-8859-1 does not have, or is
/// no UTF-8, becomes a control character.
#[inline]
pub fn decode<'a>(charset: Charset, bytes: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    match charset {
        Charset::Latin1 => bytes,
        Charset::Utf8 if bytes.is_ascii() => bytes,
        Charset::Utf8 => {
            scratch.clear();
            bytes.utf8_chunks().for_each(|chunk| decode_chunk(&chunk, scratch));
            scratch
        }
        Charset::Ebcdic277 => {
            scratch.clear();
            scratch.extend(bytes.iter().map(|byte| FROM_EBCDIC[usize::from(*byte)]));
            scratch
        }
    }
}

fn decode_chunk(chunk: &Utf8Chunk<'_>, out: &mut Vec<u8>) {
    out.extend(chunk.valid().chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(SUBSTITUTE)));
    if !chunk.invalid().is_empty() {
        out.push(SUBSTITUTE);
    }
}

/// The first bytes of an EBCDIC record in ISO-8859-1, enough to tell what it is; zeros where it is shorter.
pub(super) fn head(bytes: &[u8]) -> [u8; 6] {
    let mut head = [0; 6];
    for (to, from) in head.iter_mut().zip(bytes) {
        *to = FROM_EBCDIC[usize::from(*from)];
    }
    head
}

/// Appends ISO-8859-1 text in the character set asked for.
pub(super) fn encode(charset: Charset, latin1: &[u8], out: &mut Vec<u8>) {
    match charset {
        Charset::Latin1 => out.extend_from_slice(latin1),
        Charset::Ebcdic277 => out.extend(latin1.iter().map(|byte| TO_EBCDIC[usize::from(*byte)])),
        Charset::Utf8 => {
            let mut buffer = [0; 2];
            for byte in latin1 {
                out.extend_from_slice(char::from(*byte).encode_utf8(&mut buffer).as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_of_the_code_page() {
        for (letter, code) in [
            ('æ', 0xC0),
            ('ø', 0x6A),
            ('å', 0xD0),
            ('Æ', 0x7B),
            ('Ø', 0x7C),
            ('Å', 0x5B),
            ('+', 0x4E),
            ('-', 0x60),
            ('&', 0x50),
            ('0', 0xF0),
            ('9', 0xF9),
            (' ', 0x40),
            ('\n', EBCDIC_LF),
            ('\r', 0x0D),
        ] {
            assert_eq!(TO_EBCDIC[letter as usize], code, "{letter}");
            assert_eq!(char::from(FROM_EBCDIC[usize::from(code)]), letter);
        }
        let mut seen = [false; 256];
        FROM_EBCDIC.iter().for_each(|byte| seen[usize::from(*byte)] = true);
        assert!(seen.iter().all(|seen| *seen), "every character of ISO-8859-1 stands in the page once");
    }

    #[test]
    fn every_character_goes_out_and_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        for charset in [Charset::Latin1, Charset::Utf8, Charset::Ebcdic277] {
            let mut bytes = Vec::new();
            encode(charset, &all, &mut bytes);
            assert_eq!(decode(charset, &bytes, &mut Vec::new()), all, "{charset:?}");
        }
        let mut scratch = Vec::new();
        assert_eq!(decode(Charset::Utf8, "a€\u{e6}".as_bytes(), &mut scratch), [b'a', SUBSTITUTE, 0xE6]);
        assert_eq!(decode(Charset::Utf8, b"a\xFF\xE6", &mut scratch), [b'a', SUBSTITUTE, SUBSTITUTE]);
    }
}
