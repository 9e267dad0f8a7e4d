//! One record taken apart: where each value stands, what number it is, and whether it is of its class.
//!
//! Fixed and floating records end up in the same cells, so every later check is written once. Finds F03 to F13;
//! knows no rule between fields.

use crate::layout::{Class, account_byte, bytes, ident_code};

use super::codes::Code;
use super::finding::Findings;
use super::plan::{AtOnce, Number, Numbered, PLACES, Plans, Quick, Span, Spec, place_of};
use super::slots::{Slot, TEXT_SLOTS};

mod quick;
mod stencil;

use stencil::Stencils;

/// The most text lines a record can carry (fields 40-75).
pub(super) const MOST_TEXT_LINES: usize = 36;
/// The first text line's field number.
const FIRST_TEXT: usize = 40;
/// What an ident code that is no code at all reads as.
pub(super) const NO_CODE: u64 = 255;

/// What a record's fields hold, by slot: memory that is used again for the next record, so only the bits are
/// cleared. A cell means something when one of its bits is set.
#[derive(Clone, Debug)]
pub(super) struct Values {
    span: [Span; PLACES],
    /// Digits and dates: the number. Texts: the length without blanks at the end. Signs: the character.
    value: [u64; PLACES],
    /// Holds a value.
    given: u64,
    /// Holds something that cannot be read.
    bad: u64,
    /// Has a place in the record.
    here: u64,
    /// The spans are the columns of the fixed form.
    in_columns: bool,
}

/// A G68 or a G69 record and its values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells<'a> {
    pub(super) raw: &'a [u8],
    values: &'a Values,
}

impl<'a> Cells<'a> {
    pub(super) fn new(raw: &'a [u8], values: &'a Values) -> Self {
        Cells { raw, values }
    }

    /// The bit of a slot in [`Cells::present`].
    #[inline(always)]
    pub(super) const fn bit(slot: Slot) -> u64 {
        Values::bit(slot)
    }

    /// Slots that hold something, readable or not.
    #[inline(always)]
    pub(super) fn present(&self) -> u64 {
        self.values.given | self.values.bad
    }

    /// Whether the field holds a value that can be read.
    #[inline(always)]
    pub(super) fn readable(&self, slot: Slot) -> bool {
        self.values.given & !self.values.bad & Self::bit(slot) != 0
    }

    /// The number, text length or character of a readable field; 0 for any other.
    #[inline(always)]
    pub(super) fn number(&self, slot: Slot) -> u64 {
        self.given_number(slot).unwrap_or(0)
    }

    /// The number of a readable field.
    #[inline(always)]
    pub(super) fn given_number(&self, slot: Slot) -> Option<u64> {
        self.readable(slot).then(|| self.values.value[Values::place(slot)])
    }

    /// The characters of a field, blanks at the end included.
    #[inline(always)]
    pub(super) fn bytes(&self, slot: Slot) -> &'a [u8] {
        self.span(slot).of(self.raw)
    }

    /// A text without blanks at the end; empty when not given.
    #[inline(always)]
    pub(super) fn text(&self, slot: Slot) -> &'a [u8] {
        let Span { at, .. } = self.values.span[Values::place(slot)];
        Span { at, len: self.number(slot) as u16 }.of(self.raw)
    }

    /// Where the field stands; nowhere when the record does not have it.
    #[inline(always)]
    pub(super) fn span(&self, slot: Slot) -> Span {
        let here = self.values.here & Self::bit(slot) != 0;
        if here { self.values.span[Values::place(slot)] } else { Span::default() }
    }
}

impl Values {
    #[cold]
    fn put_too_long(&mut self, spec: &Spec, span: Span, findings: &mut Findings) {
        self.span[Self::place(spec.slot)] = span;
        self.here |= Self::bit(spec.slot);
        self.bad |= Self::bit(spec.slot);
        spec.blame(Code::F13, span, findings);
    }

    pub(super) fn new() -> Self {
        Values {
            span: [Span::default(); PLACES],
            value: [0; PLACES],
            given: 0,
            bad: 0,
            here: 0,
            in_columns: false,
        }
    }

    #[inline(always)]
    fn clear(&mut self) {
        (self.given, self.bad, self.here) = (0, 0, 0);
        self.in_columns = false;
    }

    #[inline(always)]
    const fn place(slot: Slot) -> usize {
        place_of(slot) % PLACES
    }

    #[inline(always)]
    const fn bit(slot: Slot) -> u64 {
        1 << Self::place(slot)
    }

    /// Header variant B does not name the organisation unit: the paying unit is the one.
    #[inline(always)]
    fn name_unit(&mut self, variant: Shape) {
        if variant == Shape::FloatingB {
            self.stand_in(Slot::OrganisationUnit, Slot::PayingUnit);
        }
    }

    /// Copies a cell: the same value stands for another slot too.
    fn stand_in(&mut self, slot: Slot, from: Slot) {
        self.span[Self::place(slot)] = self.span[Self::place(from)];
        self.value[Self::place(slot)] = self.value[Self::place(from)];
        for bits in [&mut self.given, &mut self.bad, &mut self.here] {
            if *bits & Self::bit(from) != 0 {
                *bits |= Self::bit(slot);
            }
        }
    }

    /// Reads one field by its class. `exact`: the value fills the field, as columns do; a floating value may be
    /// shorter.
    #[inline(always)]
    fn put(&mut self, raw: &[u8], spec: &Spec, span: Span, exact: bool, findings: &mut Findings) {
        let place = usize::from(spec.place) % PLACES;
        let bit = spec.bit;
        self.span[place] = span;
        self.here |= bit;
        match read(raw, spec, span, exact) {
            Read::Value(number) => {
                self.value[place] = number;
                if number != 0 || spec.zero_is_value {
                    self.given |= bit;
                } else if spec.required {
                    spec.blame(Code::F08, span, findings);
                }
            }
            other => self.put_oddity(raw, &other, spec, span, findings),
        }
    }

    /// Takes a text that nothing can be said against; `false` when that is not what it is.
    #[inline(always)]
    fn put_text(&mut self, raw: &[u8], spec: &Spec, span: Span) -> bool {
        let inner = bytes::trim_end(span.of(raw));
        let is_text = spec.class == Class::Text && span.len <= spec.span.len;
        if !is_text || inner.is_empty() || !bytes::all_allowed(inner) {
            return false;
        }
        let place = usize::from(spec.place) % PLACES;
        self.span[place] = span;
        self.value[place] = inner.len() as u64;
        self.given |= spec.bit;
        self.here |= spec.bit;
        true
    }

    /// Takes a number or a date that nothing can be said against; `false` when that is not what it is.
    #[inline(always)]
    fn put_number(&mut self, raw: &[u8], spec: &Spec, span: Span) -> bool {
        let (end, len) = (usize::from(span.at + span.len), usize::from(span.len));
        let read = match spec.at_once {
            AtOnce::No | AtOnce::Text => return false,
            AtOnce::Short => bytes::short_number(raw, end, len),
            AtOnce::Long => bytes::long_number(raw, end, len),
            AtOnce::Date => bytes::short_number(raw, end, 8).filter(|day| bytes::is_day(*day as u32)),
        };
        let Some(number) = read.filter(|number| *number != 0 || spec.zero_is_value) else { return false };
        let place = usize::from(spec.place) % PLACES;
        self.span[place] = span;
        self.value[place] = number;
        self.given |= spec.bit;
        self.here |= spec.bit;
        true
    }

    /// What is not simply a value.
    #[cold]
    fn put_oddity(&mut self, raw: &[u8], read: &Read, spec: &Spec, span: Span, findings: &mut Findings) {
        let bit = Self::bit(spec.slot);
        match read {
            Read::Value(_) => {}
            Read::Blank if spec.required => spec.blame(Code::F08, span, findings),
            Read::Blank if span.len > 0 => spec.blame(Code::F11, span, findings),
            Read::Blank => {}
            Read::BlankPlus => {
                self.value[Self::place(spec.slot)] = u64::from(b'+');
                self.given |= bit;
                spec.blame(Code::F11, span, findings);
            }
            Read::Bad(Code::F12) => {
                self.bad |= bit;
                blame_character(spec, span, raw, findings);
            }
            Read::Bad(code) => {
                self.bad |= bit;
                spec.blame(*code, span, findings);
            }
        }
    }
}

impl Spec {
    #[cold]
    fn blame(&self, code: Code, span: Span, findings: &mut Findings) {
        findings.add(code, Some(self.slot), usize::from(span.at), usize::from(span.len), self.personal);
    }
}

/// What a field reads as.
enum Read {
    /// A value; 0 may mean "not given".
    Value(u64),
    /// Blanks where digits are the rule.
    Blank,
    /// A blank where a sign is the rule.
    BlankPlus,
    Bad(Code),
}

/// Reads a field by its class.
#[inline(always)]
fn read(raw: &[u8], spec: &Spec, span: Span, exact: bool) -> Read {
    let value = span.of(raw);
    match spec.class {
        Class::Digits if spec.span.len > 19 => long_digits(value, exact),
        Class::Digits => digits(raw, span),
        Class::Text => text(value),
        Class::Date => date(raw, span),
        Class::Account => account(value),
        Class::Sign => sign(value),
        Class::Ident => ident(value),
        Class::Amount => amount(value),
        Class::Blank => Read::Value(u64::from(!bytes::is_blank(value))),
    }
}

#[inline(always)]
fn digits(raw: &[u8], span: Span) -> Read {
    match bytes::number_at(raw, usize::from(span.at), usize::from(span.len)) {
        Some(number) => Read::Value(number),
        None => not_digits(span.of(raw), Code::F04),
    }
}

#[cold]
fn not_digits(value: &[u8], code: Code) -> Read {
    if bytes::is_blank(value) { Read::Blank } else { Read::Bad(code) }
}

/// More digits than a number can have: 1 when they are not all zeros. The floating form may leave out up to two
/// zeros of the running number (g68.md 6.2, field 16).
#[inline(always)]
fn long_digits(value: &[u8], exact: bool) -> Read {
    let full = if exact { value.len() == 20 } else { (18..=20).contains(&value.len()) };
    if full && bytes::all_digits(value) {
        return Read::Value(u64::from(value.iter().any(|byte| *byte != b'0')));
    }
    not_digits(value, Code::F04)
}

/// A text by its length; forbidden characters make it unreadable.
#[inline(always)]
fn text(value: &[u8]) -> Read {
    let inner = bytes::trim_end(value);
    if bytes::all_allowed(inner) { Read::Value(inner.len() as u64) } else { Read::Bad(Code::F12) }
}

#[inline(always)]
fn date(raw: &[u8], span: Span) -> Read {
    match bytes::number_at(raw, usize::from(span.at), usize::from(span.len)) {
        Some(0) => Read::Value(0),
        Some(number) if span.len == 8 && bytes::is_day(number as u32) => Read::Value(number),
        Some(_) => Read::Bad(Code::F05),
        None => not_digits(span.of(raw), Code::F05),
    }
}

#[inline(always)]
fn sign(value: &[u8]) -> Read {
    match value {
        [] => Read::Blank,
        [sign @ (b'+' | b'-')] => Read::Value(u64::from(*sign)),
        [b' '] => Read::BlankPlus,
        _ => Read::Bad(Code::F07),
    }
}

#[inline(always)]
fn ident(value: &[u8]) -> Read {
    match ident_code(value) {
        // 00 is zeros, "not given", as in any number.
        Some(code) => Read::Value(u64::from(code)),
        None if bytes::is_blank(value) => Read::Value(0),
        None => Read::Value(NO_CODE),
    }
}

#[inline(always)]
fn account(value: &[u8]) -> Read {
    let length = bytes::trimmed_len(value);
    let inner = value.get(..length).unwrap_or(value);
    let fits = inner.first() != Some(&b' ') && inner.iter().all(|byte| ACCOUNT[usize::from(*byte)]);
    if fits { Read::Value(length as u64) } else { Read::Bad(Code::F12) }
}

/// [`account_byte`] as a table.
static ACCOUNT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = account_byte(byte as u8);
        byte += 1;
    }
    table
};

/// Digits and a trailing sign: twice the amount, plus one when it is negative, so that one number tells both.
#[inline(always)]
fn amount(value: &[u8]) -> Read {
    let (digits, sign) = match value.split_last() {
        Some((sign @ (b'+' | b'-' | b' '), digits)) => (digits, *sign),
        _ => (value, b' '),
    };
    match bytes::number(digits) {
        Some(number) if number <= u64::MAX / 4 => Read::Value(number * 2 + u64::from(sign == b'-')),
        _ => not_digits(value, Code::F04),
    }
}

/// In which shape a G68 record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Fixed,
    FloatingA,
    FloatingB,
}

/// Tells the shape by the first `&` and the form flag; `None` when they fit neither (g68.md 6.1).
#[inline]
pub(super) fn shape(plans: &Plans, raw: &[u8]) -> Option<Shape> {
    let (a, b) = (plans.head_a_length, plans.head_b_length);
    let separator = bytes::next_separator(raw.get(..=a).unwrap_or(raw), 0);
    let flag = |length: usize| raw.get(length.wrapping_sub(1)).copied();
    let at_separator = raw.get(separator) == Some(&b'&');
    match separator {
        place if at_separator && place == a && flag(a) == Some(b'1') => Some(Shape::FloatingA),
        place if at_separator && place == b && flag(b) == Some(b'1') => Some(Shape::FloatingB),
        _ if !at_separator && flag(a) == Some(b'0') => Some(Shape::Fixed),
        _ => None,
    }
}

/// The memory G68 records are taken apart in.
pub(super) struct Parts {
    values: Values,
    lines: Lines,
    stencils: Stencils,
}

impl Parts {
    pub(super) fn new() -> Parts {
        Parts { values: Values::new(), lines: Lines::new(), stencils: Stencils::new() }
    }
}

/// Takes a fixed record apart; `raw` has every column. By its differences from the last one when that can be done,
/// else the quick way, else the careful way, which alone tells what is odd.
#[inline]
pub(super) fn read_fixed<'p>(
    plans: &Plans,
    raw: &[u8],
    parts: &'p mut Parts,
    findings: &mut Findings,
) -> (&'p Values, &'p Lines) {
    let Parts { values, lines, stencils } = parts;
    let stencil = stencils.of(Shape::Fixed, raw);
    if stencil.read(Shape::Fixed, raw) {
        columns_to_lines(plans, &stencil.values, &mut stencil.lines);
        return (&stencil.values, &stencil.lines);
    }
    let clean = values.quick_fixed(plans, raw);
    if !clean {
        values.careful_fixed(plans, raw, findings);
    }
    columns_to_lines(plans, values, lines);
    if clean && stencil.is_wanted(raw) {
        stencil.learn(plans, Shape::Fixed, raw, values, lines);
    }
    (values, lines)
}

/// The text lines of a fixed record.
#[inline(always)]
fn columns_to_lines(plans: &Plans, values: &Values, lines: &mut Lines) {
    lines.clear();
    for (number, (slot, span)) in TEXT_SLOTS.into_iter().zip(plans.texts).enumerate() {
        if (values.given | values.bad) & Values::bit(slot) != 0 {
            lines.push(FIRST_TEXT + number, span);
        }
    }
}

impl Values {
    /// Field by field, telling of everything that is odd.
    fn careful_fixed(&mut self, plans: &Plans, raw: &[u8], findings: &mut Findings) {
        self.clear();
        for spec in &plans.fixed {
            self.put(raw, spec, spec.span, true, findings);
        }
    }

    /// The quick way for a clean record; `false` when the careful way has to tell what is odd.
    #[inline(always)]
    fn quick_fixed(&mut self, plans: &Plans, raw: &[u8]) -> bool {
        let Some(given) = self.quick(&plans.quick, raw) else { return false };
        self.stand_in_columns(plans);
        (self.given, self.bad, self.here) = (given, 0, u64::MAX);
        true
    }

    /// Reads columns that are sorted by what they hold, one short loop for each kind, and gives the bits of what
    /// is given. It gives up (`None`) at the first thing that is odd, and the careful way begins anew; both give
    /// the same values for a clean record.
    #[inline(always)]
    fn quick(&mut self, quick: &Quick, raw: &[u8]) -> Option<u64> {
        let mut given = 0;
        let mut keep = |values: &mut [u64; PLACES], number: &Number, value: u64| {
            values[usize::from(number.place) % PLACES] = value;
            given |= if value == 0 { number.zero_bit } else { number.bit };
        };
        for number in &quick.short {
            let value = bytes::short_number(raw, usize::from(number.end), usize::from(number.len))?;
            keep(&mut self.value, number, value);
        }
        for number in &quick.long {
            let value = bytes::long_number(raw, usize::from(number.end), usize::from(number.len))?;
            keep(&mut self.value, number, value);
        }
        for number in &quick.dates {
            let value = bytes::short_number(raw, usize::from(number.end), 8)?;
            if value != 0 && !bytes::is_day(value as u32) {
                return None;
            }
            keep(&mut self.value, number, value);
        }
        for spec in &quick.texts {
            let inner = bytes::trim_end(spec.span.of(raw));
            if !inner.is_empty() {
                if !bytes::all_allowed(inner) {
                    return None;
                }
                given |= spec.bit;
            }
            self.value[usize::from(spec.place) % PLACES] = inner.len() as u64;
        }
        for spec in &quick.others {
            let Read::Value(value) = read(raw, spec, spec.span, true) else { return None };
            self.value[usize::from(spec.place) % PLACES] = value;
            given |= if value != 0 || spec.zero_is_value { spec.bit } else { 0 };
        }
        (given & quick.required == quick.required).then_some(given)
    }

    /// The quick way through the header of a floating record; `false` when something is odd.
    #[inline(always)]
    fn quick_head(&mut self, specs: &[Spec], quick: &Quick, raw: &[u8]) -> bool {
        self.clear();
        let Some(given) = self.quick(quick, raw) else { return false };
        (self.given, self.here) = (given, quick.all);
        for spec in specs {
            self.span[usize::from(spec.place) % PLACES] = spec.span;
        }
        true
    }

    /// The columns of the fixed form are the same for every record; a floating one between them moves its fields.
    #[inline(always)]
    fn stand_in_columns(&mut self, plans: &Plans) {
        if !self.in_columns {
            for spec in &plans.fixed {
                self.span[usize::from(spec.place) % PLACES] = spec.span;
            }
            self.in_columns = true;
        }
    }
}

/// The first character of a field that may not stand there.
#[cold]
fn blame_character(spec: &Spec, span: Span, raw: &[u8], findings: &mut Findings) {
    let value = bytes::trim_end(span.of(raw));
    let place = match spec.class {
        Class::Account if value.first() == Some(&b' ') => Some(0),
        Class::Account => value.iter().position(|byte| !account_byte(*byte)),
        _ => value.iter().position(|byte| !bytes::allowed(*byte)),
    };
    let at = usize::from(span.at) + place.unwrap_or(0);
    findings.add(Code::F12, Some(spec.slot), at, 1, spec.personal);
}

/// The text lines of a record, in order.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    pub(super) spans: [Span; MOST_TEXT_LINES],
    pub(super) count: usize,
    /// Numbers run from 40 without a gap.
    pub(super) unbroken: bool,
}

impl Lines {
    pub(super) fn new() -> Lines {
        Lines { spans: [Span::default(); MOST_TEXT_LINES], count: 0, unbroken: true }
    }

    fn clear(&mut self) {
        self.count = 0;
        self.unbroken = true;
    }

    #[inline(always)]
    fn push(&mut self, number: usize, span: Span) {
        self.unbroken &= number == FIRST_TEXT + self.count;
        if let Some(place) = self.spans.get_mut(self.count) {
            *place = span;
            self.count += 1;
        }
    }
}

/// Takes a floating record apart; `raw` ends at its last character that is not a blank. In the same three ways.
#[inline]
pub(super) fn read_floating<'p>(
    plans: &Plans,
    raw: &[u8],
    variant: Shape,
    parts: &'p mut Parts,
    findings: &mut Findings,
) -> (&'p Values, &'p Lines) {
    let Parts { values, lines, stencils } = parts;
    let stencil = stencils.of(variant, raw);
    if stencil.read(variant, raw) {
        stencil.values.name_unit(variant);
        return (&stencil.values, &stencil.lines);
    }
    let shape = Floating::of(plans, variant);
    let clean = shape.quick(raw, values, lines);
    if !clean {
        shape.careful(raw, values, lines, findings);
    }
    values.name_unit(variant);
    if clean && stencil.is_wanted(raw) {
        stencil.learn(plans, variant, raw, values, lines);
    }
    (values, lines)
}

/// One of the two headers and the fields behind it.
struct Floating<'p> {
    head: &'p [Spec],
    quick_head: &'p Quick,
    fields: Fields<'p>,
}

impl<'p> Floating<'p> {
    #[inline(always)]
    fn of(plans: &'p Plans, variant: Shape) -> Floating<'p> {
        let (head, quick_head, start) = match variant {
            Shape::FloatingB => (&plans.head_b, &plans.quick_b, plans.head_b_length),
            Shape::Fixed | Shape::FloatingA => (&plans.head_a, &plans.quick_a, plans.head_a_length),
        };
        Floating { head, quick_head, fields: Fields { numbered: &plans.floating, digits: 2, start } }
    }

    /// The quick way for a clean record; `false` when the careful way has to tell what is odd.
    #[inline(always)]
    fn quick(&self, raw: &[u8], values: &mut Values, lines: &mut Lines) -> bool {
        lines.clear();
        values.quick_head(self.head, self.quick_head, raw)
            && self.fields.quick(raw, values, |number, spec, span| note_line(lines, number, spec, span))
    }

    /// Field by field, telling of everything that is odd.
    #[cold]
    fn careful(&self, raw: &[u8], values: &mut Values, lines: &mut Lines, findings: &mut Findings) {
        lines.clear();
        values.clear();
        for spec in self.head {
            values.put(raw, spec, spec.span, true, findings);
        }
        self.fields.read(raw, values, findings, |number, spec, span| note_line(lines, number, spec, span));
    }
}

#[inline(always)]
fn note_line(lines: &mut Lines, number: usize, spec: &Spec, span: Span) {
    if spec.slot >= Slot::Text1 {
        lines.push(number, span);
    }
}

/// Takes a G69 record apart. `false` when its header is none.
pub(super) fn read_finance(plans: &Plans, raw: &[u8], values: &mut Values, findings: &mut Findings) -> bool {
    values.clear();
    let start = plans.finance_head_length;
    if raw.get(start) != Some(&b'&') || bytes::next_separator(raw, 0) != start {
        findings.add(Code::F03, None, 0, raw.len().min(start), false);
        return false;
    }
    for spec in &plans.finance_head {
        values.put(raw, spec, spec.span, true, findings);
    }
    let cells = Cells::new(raw, values);
    for (slot, words) in FINANCE_WORDS {
        if !words.contains(&cells.bytes(*slot)) {
            let span = cells.span(*slot);
            findings.add(Code::F03, Some(*slot), usize::from(span.at), usize::from(span.len), false);
        }
    }
    let fields = Fields { numbered: &plans.finance, digits: 3, start };
    let (given, here) = (values.given, values.here);
    if !fields.quick(raw, values, |_, _, _| {}) {
        (values.given, values.here) = (given, here);
        fields.read(raw, values, findings, |_, _, _| {});
    }
    true
}

/// The words a G69 header may hold (g68.md 11).
const FINANCE_WORDS: &[(Slot, &[&[u8]])] =
    &[(Slot::FinanceKind, &[b"NOR", b"PRI", b"SUP"]), (Slot::FinanceFormat, &[b"FLYD"])];

/// The floating part of a record: `&`, a field number, a value, and so on to the end.
struct Fields<'p> {
    numbered: &'p Numbered,
    /// Of a field number.
    digits: usize,
    /// Where the first `&` stands.
    start: usize,
}

impl Fields<'_> {
    #[inline(always)]
    fn read(
        &self,
        raw: &[u8],
        values: &mut Values,
        findings: &mut Findings,
        mut each: impl FnMut(usize, &Spec, Span),
    ) {
        let mut at = self.start;
        let mut last = 0;
        while at < raw.len() {
            let Some(number) = self.number(raw.get(at + 1..).unwrap_or(&[])) else {
                // A separator without a number is a character of a text that may not stand there.
                findings.add(Code::F12, None, at, 1, false);
                at = bytes::next_separator(raw, at + 1);
                continue;
            };
            let value_at = at + 1 + self.digits;
            let spec = self.numbered.get(number);
            if number <= last {
                let field = spec.map(|spec| spec.slot);
                findings.add(Code::F09, field, value_at - self.digits, self.digits, false);
            }
            last = number;
            // Numbers mostly have their full length, and digits hold no separator: then none has to be searched.
            if let Some(spec) = spec
                && let Some(span) = full_length(raw, value_at, spec)
                && values.put_number(raw, spec, span)
            {
                at = value_at + usize::from(span.len);
                continue;
            }
            let end = bytes::next_separator(raw, value_at);
            let span = Span { at: value_at as u16, len: (end - value_at) as u16 };
            at = end;
            match spec {
                Some(spec) if values.put_text(raw, spec, span) => each(number, spec, span),
                Some(spec) if span.len <= spec.span.len => {
                    values.put(raw, spec, span, false, findings);
                    each(number, spec, span);
                }
                Some(spec) => values.put_too_long(spec, span, findings),
                None => unknown_field(raw, span, findings),
            }
        }
        let missing = self.numbered.required & !values.here;
        if missing != 0 {
            self.missing(missing, findings);
        }
    }

    #[cold]
    fn missing(&self, slots: u64, findings: &mut Findings) {
        for spec in self.numbered.specs().iter().filter(|spec| slots & spec.bit != 0) {
            findings.add(Code::F08, Some(spec.slot), 0, 0, spec.personal);
        }
    }

    /// The field number at the beginning of a field.
    #[inline(always)]
    fn number(&self, field: &[u8]) -> Option<usize> {
        field_number(self.digits, field)
    }
}

/// The place of a number at its full length, when a separator or the end of the record follows right behind it.
#[inline(always)]
fn full_length(raw: &[u8], value_at: usize, spec: &Spec) -> Option<Span> {
    let end = value_at + usize::from(spec.span.len);
    let ends_here = raw.get(end).map_or(end == raw.len(), |byte| *byte == b'&');
    ends_here.then_some(Span { at: value_at as u16, len: spec.span.len })
}

/// A field number the layout does not know: its value is kept in the record.
#[cold]
fn unknown_field(raw: &[u8], span: Span, findings: &mut Findings) {
    findings.add(Code::F10, None, usize::from(span.at), usize::from(span.len), true);
    if let Some(place) = span.of(raw).iter().position(|byte| !bytes::allowed(*byte)) {
        findings.add(Code::F12, None, usize::from(span.at) + place, 1, true);
    }
}

/// A field number of two digits, or of three, off the front of a field. By hand, since it runs for every field.
#[inline(always)]
fn field_number(digits: usize, field: &[u8]) -> Option<usize> {
    let two = |pair: &[u8; 2]| {
        let digits = u16::from_le_bytes(*pair) ^ 0x3030;
        let valid = (digits | (digits.wrapping_add(0x0606))) & 0xF0F0 == 0;
        valid.then_some(usize::from(digits & 0xFF) * 10 + usize::from(digits >> 8))
    };
    if digits == 2 {
        return two(field.first_chunk()?);
    }
    let [first, second, third] = field.first_chunk()?;
    let last = third.wrapping_sub(b'0');
    (last < 10).then_some(two(&[*first, *second])? * 10 + usize::from(last))
}

/// The posting reference of a G68 record without reading the rest: to find its partner.
pub(super) fn posting_ref(plans: &Plans, raw: &[u8]) -> Option<[u8; 20]> {
    match shape(plans, raw)? {
        Shape::Fixed => {
            let spec = plans.fixed.iter().find(|spec| spec.slot == Slot::PostingRef)?;
            padded_ref(spec.span.of(raw))
        }
        Shape::FloatingA => floating_ref(&plans.floating, Slot::PostingRef, 2, raw, plans.head_a_length),
        Shape::FloatingB => floating_ref(&plans.floating, Slot::PostingRef, 2, raw, plans.head_b_length),
    }
}

/// The payment reference of a G69 record without reading the rest.
pub(super) fn payment_ref(plans: &Plans, raw: &[u8]) -> Option<[u8; 20]> {
    floating_ref(&plans.finance, Slot::PaymentRef, 3, raw, plans.finance_head_length)
}

fn floating_ref(
    numbered: &Numbered,
    slot: Slot,
    digits: usize,
    raw: &[u8],
    start: usize,
) -> Option<[u8; 20]> {
    let mut at = start;
    while at < raw.len() {
        let end = bytes::next_separator(raw, at + 1);
        let field = raw.get(at + 1..end)?;
        let spec = field_number(digits, field).and_then(|number| numbered.get(number));
        if spec.is_some_and(|spec| spec.slot == slot) {
            return padded_ref(bytes::trim_end(field.get(digits..)?));
        }
        at = end;
    }
    None
}

/// A posting reference at its full twenty digits: date 8, machine number 5, running number 7, where 18 and 19
/// digits mean a running number without its leading zeros (g68.md 6.2, field 16).
pub(super) fn padded_ref(digits: &[u8]) -> Option<[u8; 20]> {
    if !(18..=20).contains(&digits.len()) || !bytes::all_digits(digits) {
        return None;
    }
    let mut padded = [b'0'; 20];
    let (head, running) = digits.split_at_checked(13)?;
    padded[..13].copy_from_slice(head);
    padded[20 - running.len()..].copy_from_slice(running);
    Some(padded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::g68::Layouts;

    /// The payments of the example in each form.
    const FORMS: [&[u8]; 3] = [
        include_bytes!("../../../fixtures/g68/ok/example.g68"),
        include_bytes!("../../../fixtures/g68/ok/example.floating.g68"),
        include_bytes!("../../../fixtures/g68/ok/example.floating-b-sum.g68"),
    ];
    /// Bytes of every kind that a check knows.
    const CHANGES: [u8; 14] =
        [b'0', b'1', b'9', b' ', b'A', b'C', b'+', b'-', b'.', b'&', b'!', 0x1F, 0x7F, 0xE6];

    /// The data records of an example; fixed ones with every column.
    fn records(plans: &Plans, file: &[u8]) -> Vec<Vec<u8>> {
        let lines = file.split(|byte| *byte == b'\n').filter(|line| line.get(3..6) == Some(b"G68"));
        lines
            .map(|line| {
                let mut record = line.to_vec();
                if shape(plans, line) == Some(Shape::Fixed) {
                    record.resize(plans.fixed_length, b' ');
                }
                record
            })
            .collect()
    }

    /// What reading a record gives: values and their places, what is bad, text lines, and what was found.
    type Told = (Vec<(Slot, u64, Span)>, u64, (Vec<Span>, bool), Vec<crate::g68::Finding>);

    fn told(plans: &Plans, shape: Shape, values: &Values, lines: &Lines, findings: &Findings) -> Told {
        let head = match shape {
            Shape::Fixed => &plans.fixed,
            Shape::FloatingA => &plans.head_a,
            Shape::FloatingB => &plans.head_b,
        };
        let given = head.iter().chain(plans.floating.specs()).filter(|spec| values.given & spec.bit != 0);
        let given = given.map(|spec| {
            let place = usize::from(spec.place);
            (spec.slot, values.value[place], values.span[place])
        });
        let lines = (lines.spans[..lines.count].to_vec(), lines.unbroken);
        (given.collect(), values.bad, lines, findings.list().to_vec())
    }

    /// As the reader does it, with what is remembered of earlier records; and whether that was enough.
    fn remembering(plans: &Plans, raw: &[u8], parts: &mut Parts) -> Option<(Told, bool)> {
        let mut findings = Findings::default();
        let own: *const Values = &parts.values;
        let shape = shape(plans, raw)?;
        let (values, lines) = match shape {
            Shape::Fixed => read_fixed(plans, raw, parts, &mut findings),
            _ => read_floating(plans, bytes::trim_end(raw), shape, parts, &mut findings),
        };
        Some((told(plans, shape, values, lines, &findings), !std::ptr::eq(own, values)))
    }

    /// Field by field, with nothing remembered.
    fn carefully(plans: &Plans, raw: &[u8]) -> Option<Told> {
        let (mut values, mut lines, mut findings) = (Values::new(), Lines::new(), Findings::default());
        let shape = shape(plans, raw)?;
        if shape == Shape::Fixed {
            values.careful_fixed(plans, raw, &mut findings);
            columns_to_lines(plans, &values, &mut lines);
        } else {
            let raw = bytes::trim_end(raw);
            Floating::of(plans, shape).careful(raw, &mut values, &mut lines, &mut findings);
            values.name_unit(shape);
        }
        Some(told(plans, shape, &values, &lines, &findings))
    }

    /// Whatever one byte is changed to, with the record itself remembered. Its third payment uses most fields.
    #[test]
    fn a_changed_byte_reads_the_same_in_every_way() {
        let layouts = Layouts::embedded().unwrap();
        let plans = &layouts.plans;
        for (file, enough) in FORMS.into_iter().zip([2_000, 800, 800]) {
            let record = &records(plans, file)[2];
            let mut parts = Parts::new();
            let mut remembered = 0;
            (0..2).for_each(|_| drop(remembering(plans, record, &mut parts)));
            for place in 0..record.len() {
                for change in CHANGES {
                    remembering(plans, record, &mut parts);
                    let mut changed = record.clone();
                    changed[place] = change;
                    let (got, quickest) = remembering(plans, &changed, &mut parts).unzip();
                    assert_eq!(got, carefully(plans, &changed), "{place} {change}");
                    remembered += usize::from(quickest == Some(true));
                }
            }
            assert!(remembered > enough, "{remembered}");
        }
    }

    fn any_change() -> impl Strategy<Value = (prop::sample::Index, u8)> {
        let digit = prop::sample::select(b"0123456789".to_vec());
        (any::<prop::sample::Index>(), prop_oneof![3 => digit, 1 => prop::sample::select(CHANGES.to_vec())])
    }

    proptest! {
        /// Records of all forms that differ in a few places from those before them, one after the other.
        #[test]
        fn records_in_a_row_read_the_same_in_every_way(
            steps in prop::collection::vec(
                (any::<prop::sample::Index>(), prop::collection::vec(any_change(), 0..4)), 1..60),
        ) {
            let layouts = Layouts::embedded().unwrap();
            let plans = &layouts.plans;
            let records: Vec<_> = FORMS.into_iter().flat_map(|file| records(plans, file)).collect();
            let mut parts = Parts::new();
            for (which, changes) in steps {
                let mut record = which.get(&records).clone();
                for (place, change) in changes {
                    let place = place.index(record.len());
                    record[place] = change;
                }
                let got = remembering(plans, &record, &mut parts).map(|(got, _)| got);
                prop_assert_eq!(got, carefully(plans, &record));
            }
        }
    }
}
