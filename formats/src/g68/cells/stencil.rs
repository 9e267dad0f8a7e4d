//! The quickest way: a record that stands as an earlier one stood is read by its differences.
//!
//! A file repeats itself: neighbours have the same fields in the same places, and most hold the same bytes. A
//! stencil is such an earlier record that was read without anything odd, with its values. Where the new record has
//! the same bytes it means the same; a field that differs is read anew, in the same place.
//!
//! Lawful because a value depends on nothing but the bytes of its own field, and because it gives up at the first
//! thing that is not simply a value, and at any difference between the fields (a separator, a field number). A
//! field that is read anew holds no `&`, so it ends where it ended before. Never tells anything: the slower
//! ways begin anew. A test holds it against them.

use crate::layout::bytes;

use super::super::plan::{Plans, Span, Spec};
use super::quick::value;
use super::{Lines, PLACES, Shape, Values};

/// Stencils of each form, found by the record's length without blanks at its end.
const EACH: usize = 64;
/// A column between fields.
const NO_FIELD: u8 = u8::MAX;
/// Longer records are not learned.
const LONGEST: usize = 1024;

/// The stencils of one file. Records with the same purpose mostly have the same length, since the last thing in
/// them is their text.
pub(in super::super) struct Stencils {
    floating: Vec<Stencil>,
    fixed: Vec<Stencil>,
}

impl Stencils {
    pub(in super::super) fn new() -> Stencils {
        Stencils { floating: vec![Stencil::new(); EACH], fixed: vec![Stencil::new(); EACH] }
    }

    /// The one that a record would match.
    #[inline(always)]
    pub(super) fn of(&mut self, shape: Shape, raw: &[u8]) -> &mut Stencil {
        match shape {
            Shape::Fixed => &mut self.fixed[bytes::trimmed_len(raw) % EACH],
            Shape::FloatingA | Shape::FloatingB => &mut self.floating[raw.len() % EACH],
        }
    }
}

/// An earlier record of the file and its values.
#[derive(Clone)]
pub(super) struct Stencil {
    pub(super) values: Values,
    pub(super) lines: Lines,
    shape: Shape,
    /// Empty: nothing is known.
    raw: Vec<u8>,
    fields: Vec<(Spec, Span)>,
    /// Which of `fields` a column belongs to.
    columns: Vec<u8>,
    required: u64,
    /// The length of the last record that did not match: a length is learned when it comes again.
    missed: usize,
}

impl Stencil {
    fn new() -> Stencil {
        Stencil {
            values: Values::new(),
            lines: Lines::new(),
            shape: Shape::Fixed,
            raw: Vec::new(),
            fields: Vec::new(),
            columns: Vec::new(),
            required: 0,
            missed: 0,
        }
    }

    /// Reads a record into `values`; `false` when it has to be read another way. The lines of a fixed record are
    /// left as they were.
    #[inline]
    pub(super) fn read(&mut self, shape: Shape, raw: &[u8]) -> bool {
        if self.raw.len() != raw.len() || self.shape != shape {
            return false;
        }
        let matches = self.differences(raw).is_some() && self.required & !self.values.given == 0;
        if matches {
            self.raw.copy_from_slice(raw);
        } else {
            self.raw.clear();
        }
        matches
    }

    /// Reads what differs; `None` when that is not possible, and then the values mean nothing.
    #[inline(always)]
    fn differences(&mut self, raw: &[u8]) -> Option<()> {
        let mut at = first_difference(raw, &self.raw, 0);
        while let Some(column) = self.columns.get(at) {
            let (spec, span) = self.fields.get(usize::from(*column))?;
            let value = value(raw, spec, *span)?;
            if !spec.is_digits() && !bytes::all_allowed(span.of(raw)) {
                return None;
            }
            self.values.value[usize::from(spec.place) % PLACES] = value;
            let given = if value != 0 { spec.bit } else { spec.zero_bit };
            self.values.given = self.values.given & !spec.bit | given;
            at = first_difference(raw, &self.raw, usize::from(span.at + span.len));
        }
        Some(())
    }

    /// Whether a record that was read another way is worth learning: its length came before.
    #[inline]
    pub(super) fn is_wanted(&mut self, raw: &[u8]) -> bool {
        let again = std::mem::replace(&mut self.missed, raw.len()) == raw.len();
        again && raw.len() <= LONGEST
    }

    /// Learns a record in which nothing was odd.
    pub(super) fn learn(&mut self, plans: &Plans, shape: Shape, raw: &[u8], values: &Values, lines: &Lines) {
        let (head, numbered) = match shape {
            Shape::Fixed => (&plans.fixed, &[][..]),
            Shape::FloatingA => (&plans.head_a, plans.floating.specs()),
            Shape::FloatingB => (&plans.head_b, plans.floating.specs()),
        };
        self.shape = shape;
        self.values = values.clone();
        self.lines = lines.clone();
        self.raw.clear();
        self.raw.extend_from_slice(raw);
        self.columns.clear();
        self.columns.resize(raw.len(), NO_FIELD);
        self.fields.clear();
        self.required = 0;
        for spec in head.iter().chain(numbered) {
            self.required |= if spec.required { spec.bit } else { 0 };
            if values.here & spec.bit != 0 {
                self.place(spec, values.span[usize::from(spec.place) % PLACES]);
            }
        }
    }

    /// A field and its columns. The lines of one slot that repeats stay without: they may not differ.
    fn place(&mut self, spec: &Spec, span: Span) {
        let columns = usize::from(span.at)..usize::from(span.at) + usize::from(span.len);
        if let Some(columns) = self.columns.get_mut(columns) {
            columns.fill(self.fields.len() as u8);
            self.fields.push((*spec, span));
        }
    }
}

/// The first place at or after `from` where two records of one length differ; their length when there is none.
#[inline(always)]
fn first_difference(one: &[u8], other: &[u8], from: usize) -> usize {
    let mut at = from;
    while let (Some(a), Some(b)) = (chunk::<32>(one, at), chunk::<32>(other, at)) {
        if a != b {
            break;
        }
        at += 32;
    }
    while let (Some(a), Some(b)) = (chunk::<8>(one, at), chunk::<8>(other, at)) {
        let differing = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differing != 0 {
            return at + (differing.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while at < one.len() && one.get(at) == other.get(at) {
        at += 1;
    }
    at
}

#[inline(always)]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}
