//! The quick way through the fields of a floating record: one look at every byte, then one step for each field.
//!
//! Lawful because it gives up at the first thing that is not simply a value where it belongs: a number the layout
//! does not know, a wrong order, a value that is too long, blank or not of its class, a mandatory field that is
//! missing. It tells nothing itself: the careful way begins anew and finds what there is to tell. A test holds
//! both against each other.

use crate::layout::bytes;

use super::super::plan::{AtOnce, PLACES, Span, Spec};
use super::{Fields, Read, Values, read};

impl Fields<'_> {
    /// Reads the fields behind a header that was read; `false` when something is odd, and then the values mean
    /// nothing.
    #[inline(always)]
    pub(super) fn quick(
        &self,
        raw: &[u8],
        values: &mut Values,
        mut each: impl FnMut(usize, &Spec, Span),
    ) -> bool {
        if !bytes::is_clean(raw) {
            return false;
        }
        let (mut given, mut here) = (values.given, values.here);
        let (mut at, mut last) = (self.start, 0);
        while at < raw.len() {
            let Some(number) = self.number(raw.get(at + 1..).unwrap_or(&[])) else { return false };
            let Some(spec) = self.numbered.get(number) else { return false };
            let value_at = at + 1 + self.digits;
            let end = end_of(raw, value_at, spec);
            let span = Span { at: value_at as u16, len: (end - value_at) as u16 };
            if number <= last || span.len > spec.span.len {
                return false;
            }
            let Some(value) = value(raw, spec, span) else { return false };
            let place = usize::from(spec.place) % PLACES;
            values.span[place] = span;
            values.value[place] = value;
            here |= spec.bit;
            given |= if value != 0 { spec.bit } else { spec.zero_bit };
            each(number, spec, span);
            (at, last) = (end, number);
        }
        (values.given, values.here) = (given, here);
        self.numbered.required & !given == 0
    }
}

/// Where a value ends. Digits mostly have their full length, and then no separator has to be searched: that none
/// stands within is seen when they are read.
#[inline(always)]
fn end_of(raw: &[u8], value_at: usize, spec: &Spec) -> usize {
    let end = value_at + usize::from(spec.span.len);
    let ends_here = spec.is_digits() && raw.get(end).map_or(end == raw.len(), |byte| *byte == b'&');
    if ends_here { end } else { bytes::next_separator(raw, value_at) }
}

/// What a field reads as, when it is simply a value. No forbidden character stands in the record.
#[inline(always)]
pub(super) fn value(raw: &[u8], spec: &Spec, span: Span) -> Option<u64> {
    let (end, length) = (usize::from(span.at + span.len), usize::from(span.len));
    match spec.at_once {
        AtOnce::Text => {
            let ends_in_blank = raw.get(end.wrapping_sub(1)) == Some(&b' ');
            Some(if ends_in_blank { bytes::trimmed_len(span.of(raw)) } else { length } as u64)
        }
        AtOnce::Short if length > 0 => bytes::short_number(raw, end, length),
        AtOnce::Long if length > 8 => bytes::long_number(raw, end, length),
        AtOnce::Date if length == 8 => {
            bytes::short_number(raw, end, 8).filter(|day| *day == 0 || bytes::is_day(*day as u32))
        }
        _ => match read(raw, spec, span, false) {
            Read::Value(value) => Some(value),
            _ => None,
        },
    }
}
