//! Which characters XML 1.0 (fifth edition) and its namespaces allow where.

const NAME: u8 = 1;
const START: u8 = 2;
const SPACE: u8 = 4;
const STOP: u8 = 8;

/// What each byte may do: be part of a name, begin one, be white space, end a plain run of text.
/// Bytes from 0x80 may be part of a name; [`is_ncname`] then looks at the characters.
static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => NAME | START,
            b'0'..=b'9' | b'-' | b'.' | b':' => NAME,
            b' ' | b'\t' | b'\n' => SPACE,
            b'\r' => SPACE | STOP,
            b'<' | b'&' | b']' => STOP,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// Part of a name, colon included.
#[inline]
pub(super) fn is_name_byte(byte: u8) -> bool {
    CLASS[byte as usize] & NAME != 0
}

/// Blank, tab, line feed, carriage return.
#[inline]
pub(super) fn is_space(byte: u8) -> bool {
    CLASS[byte as usize] & SPACE != 0
}

/// `<`, `&`, `]` or a carriage return: where a run of text must be looked at.
#[inline]
pub(super) fn stops_text(byte: u8) -> bool {
    CLASS[byte as usize] & STOP != 0
}

/// Whether a text of name bytes without colon is a name.
pub(super) fn is_ncname(name: &str) -> bool {
    let Some(first) = name.bytes().next() else { return false };
    if CLASS[first as usize] & START == 0 {
        return false;
    }
    name.is_ascii()
        || (name.chars().next().is_some_and(begins_name)
            && name.chars().all(|c| begins_name(c) || goes_on(c)))
}

fn begins_name(c: char) -> bool {
    matches!(c,
        'a'..='z' | 'A'..='Z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

fn goes_on(c: char) -> bool {
    matches!(c, '0'..='9' | '-' | '.' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Whether XML 1.0 knows the character at all.
pub(super) fn is_character(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        c => c >= ' ',
    }
}

/// Where the first character stands that XML 1.0 does not know.
pub(super) fn first_illegal(text: &str) -> Option<usize> {
    let control = |b: u8| b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r');
    // Without a branch in the loop the compiler looks at many bytes at a time.
    let suspicious = text.bytes().fold(false, |seen, b| seen | control(b) | (b == 0xEF));
    if !suspicious {
        return None;
    }
    text.char_indices().find(|(_, c)| !is_character(*c)).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "_", "GrpId", "a-1.b", "Ærø", "æ\u{B7}"] {
            assert!(is_ncname(good), "{good}");
        }
        for bad in ["", "1a", "-a", ".a", "\u{B7}a", "\u{D7}", "a\u{D7}", "\u{300}"] {
            assert!(!is_ncname(bad), "{bad}");
        }
    }

    #[test]
    fn illegal_characters_are_found_where_they_stand() {
        assert_eq!(first_illegal("a\tb\r\nc \u{FFFD}"), None);
        assert_eq!(first_illegal("ab\u{1}"), Some(2));
        assert_eq!(first_illegal("æ\u{FFFE}"), Some(2));
        assert_eq!(first_illegal("\u{EFFF}\u{FFFF}"), Some(3));
        assert_eq!(first_illegal("\0"), Some(0));
    }
}
