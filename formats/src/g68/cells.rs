//! One record taken apart: where each value stands, what number it is, and whether it is of its class.
//!
//! Fixed and floating records end up in the same cells, so every later check is written once. Finds F03 to F13;
//! knows no rule between fields.

use nom::{IResult, Parser, bytes::complete::take, combinator::map_opt};

use crate::layout::{Class, account_byte, bytes, ident_code};

use super::codes::Code;
use super::finding::Findings;
use super::plan::{Numbered, Plans, Span, Spec};
use super::slots::{G68_SLOTS, G69_FIRST, G69_SLOTS, Slot};

/// The most text lines a record can carry (fields 40-75).
pub(super) const MOST_TEXT_LINES: usize = 36;
/// The first text line's field number.
const FIRST_TEXT: usize = 40;
/// What an ident code that is no code at all reads as.
pub(super) const NO_CODE: u64 = 255;

/// Values by slot; `FIRST` is the slot of cell 0.
#[derive(Clone, Debug)]
pub(super) struct Cells<'a, const FIRST: usize, const N: usize> {
    pub(super) raw: &'a [u8],
    span: [Span; N],
    /// Digits and dates: the number. Texts: the length without blanks at the end. Signs: the character.
    value: [u64; N],
    given: u64,
    bad: u64,
}

/// The cells of a G68 record.
pub(super) type G68Cells<'a> = Cells<'a, 0, G68_SLOTS>;
/// The cells of a G69 record.
pub(super) type G69Cells<'a> = Cells<'a, G69_FIRST, G69_SLOTS>;

impl<'a, const FIRST: usize, const N: usize> Cells<'a, FIRST, N> {
    pub(super) fn new(raw: &'a [u8]) -> Self {
        Cells { raw, span: [Span::default(); N], value: [0; N], given: 0, bad: 0 }
    }

    #[inline(always)]
    fn place(slot: Slot) -> usize {
        (slot as usize - FIRST) % N
    }

    /// The bit of a slot in [`Cells::present`].
    #[inline(always)]
    pub(super) const fn bit(slot: Slot) -> u64 {
        1 << ((slot as usize - FIRST) % N)
    }

    /// Slots that hold something, readable or not.
    #[inline(always)]
    pub(super) fn present(&self) -> u64 {
        self.given | self.bad
    }

    /// Whether the field holds a value that can be read.
    #[inline(always)]
    pub(super) fn readable(&self, slot: Slot) -> bool {
        self.given & !self.bad & Self::bit(slot) != 0
    }

    /// The number, text length or character of a readable field; 0 for any other.
    #[inline(always)]
    pub(super) fn number(&self, slot: Slot) -> u64 {
        if self.readable(slot) { self.value[Self::place(slot)] } else { 0 }
    }

    /// The number of a readable field.
    #[inline(always)]
    pub(super) fn given_number(&self, slot: Slot) -> Option<u64> {
        self.readable(slot).then(|| self.value[Self::place(slot)])
    }

    /// The characters of a field, blanks at the end included.
    #[inline(always)]
    pub(super) fn bytes(&self, slot: Slot) -> &'a [u8] {
        self.span(slot).of(self.raw)
    }

    /// A text without blanks at the end; empty when not given.
    #[inline(always)]
    pub(super) fn text(&self, slot: Slot) -> &'a [u8] {
        let Span { at, .. } = self.span(slot);
        Span { at, len: self.number(slot) as u16 }.of(self.raw)
    }

    #[inline(always)]
    pub(super) fn span(&self, slot: Slot) -> Span {
        self.span[Self::place(slot)]
    }

    /// Copies a cell: the same value stands for another slot too.
    pub(super) fn stand_in(&mut self, slot: Slot, from: Slot) {
        self.span[Self::place(slot)] = self.span[Self::place(from)];
        self.value[Self::place(slot)] = self.value[Self::place(from)];
        for bits in [&mut self.given, &mut self.bad] {
            if *bits & Self::bit(from) != 0 {
                *bits |= Self::bit(slot);
            }
        }
    }

    /// Reads one field by its class. `exact`: the value fills the field, as columns do; a floating value may be
    /// shorter.
    #[inline(always)]
    fn put(&mut self, spec: &Spec, span: Span, exact: bool, findings: &mut Findings) {
        let place = Self::place(spec.slot);
        let bit = Self::bit(spec.slot);
        let value = span.of(self.raw);
        self.span[place] = span;
        let read = match spec.class {
            Class::Digits if spec.span.len > 19 => long_digits(value, exact),
            Class::Digits => digits(value),
            Class::Date => date(value),
            Class::Text => Read::Value(bytes::trimmed_len(value) as u64),
            Class::Account => account(value),
            Class::Sign => sign(value),
            Class::Ident => ident(value),
            Class::Amount => amount(value),
            Class::Blank => Read::Value(u64::from(!bytes::is_blank(value))),
        };
        match read {
            Read::Value(number) => {
                self.value[place] = number;
                if number != 0 || spec.zero_is_value {
                    self.given |= bit;
                } else if spec.required {
                    spec.blame(Code::F08, span, findings);
                }
            }
            Read::Blank if spec.required => spec.blame(Code::F08, span, findings),
            Read::Blank if span.len > 0 => spec.blame(Code::F11, span, findings),
            Read::Blank => {}
            Read::BlankPlus => {
                self.value[place] = u64::from(b'+');
                self.given |= bit;
                spec.blame(Code::F11, span, findings);
            }
            Read::Bad(code) => {
                self.bad |= bit;
                spec.blame(code, span, findings);
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

#[inline(always)]
fn digits(value: &[u8]) -> Read {
    match bytes::number(value) {
        Some(number) => Read::Value(number),
        None => not_digits(value, Code::F04),
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

#[inline(always)]
fn date(value: &[u8]) -> Read {
    match bytes::number(value) {
        Some(0) => Read::Value(0),
        Some(number) if value.len() == 8 && bytes::is_day(number as u32) => Read::Value(number),
        Some(_) => Read::Bad(Code::F05),
        None => not_digits(value, Code::F05),
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

/// Takes a fixed record apart; `raw` has every column.
#[inline]
pub(super) fn read_fixed<'a>(plans: &Plans, raw: &'a [u8], findings: &mut Findings) -> G68Cells<'a> {
    let mut cells = G68Cells::new(raw);
    if !bytes::all_allowed(raw) {
        blame_characters(&plans.fixed, raw, findings);
    }
    for spec in &plans.fixed {
        cells.put(spec, spec.span, true, findings);
    }
    cells
}

/// The first forbidden character of each field.
#[cold]
fn blame_characters(specs: &[Spec], raw: &[u8], findings: &mut Findings) {
    for spec in specs {
        blame_character(spec, spec.span, raw, findings);
    }
}

#[cold]
fn blame_character(spec: &Spec, span: Span, raw: &[u8], findings: &mut Findings) {
    if let Some(place) = span.of(raw).iter().position(|byte| !bytes::allowed(*byte)) {
        findings.add(Code::F12, Some(spec.slot), usize::from(span.at) + place, 1, spec.personal);
    }
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
    fn new() -> Lines {
        Lines { spans: [Span::default(); MOST_TEXT_LINES], count: 0, unbroken: true }
    }

    #[inline(always)]
    fn push(&mut self, number: usize, span: Span) {
        self.unbroken &= number == FIRST_TEXT + self.count;
        if let Some(place) = self.spans.get_mut(self.count) {
            *place = span;
            self.count += 1;
        }
    }

    /// The filled lines of a fixed record.
    pub(super) fn of_fixed(plans: &Plans, cells: &G68Cells<'_>) -> Lines {
        let mut lines = Lines::new();
        for (number, span) in plans.texts.iter().enumerate() {
            if !bytes::is_blank(span.of(cells.raw)) {
                lines.push(FIRST_TEXT + number, *span);
            }
        }
        lines
    }
}

/// Takes a floating record apart; `raw` ends at its last character that is not a blank.
#[inline]
pub(super) fn read_floating<'a>(
    plans: &Plans,
    raw: &'a [u8],
    variant: Shape,
    findings: &mut Findings,
) -> (G68Cells<'a>, Lines) {
    let mut cells = G68Cells::new(raw);
    let (head, length) = match variant {
        Shape::FloatingB => (&plans.head_b, plans.head_b_length),
        Shape::Fixed | Shape::FloatingA => (&plans.head_a, plans.head_a_length),
    };
    let clean = bytes::all_allowed_or_separator(raw);
    read_head(&mut cells, head, clean, findings);
    let mut lines = Lines::new();
    let fields = Fields { numbered: &plans.floating, digits: 2, start: length, clean };
    fields.read(&mut cells, findings, |number, spec, span| {
        if spec.slot >= Slot::Text1 {
            lines.push(number, span);
        }
    });
    if variant == Shape::FloatingB {
        cells.stand_in(Slot::OrganisationUnit, Slot::PayingUnit);
    }
    (cells, lines)
}

/// Takes a G69 record apart. `false` when its header is none.
pub(super) fn read_finance<'a>(
    plans: &Plans,
    raw: &'a [u8],
    findings: &mut Findings,
) -> (G69Cells<'a>, bool) {
    let mut cells = G69Cells::new(raw);
    let length = plans.finance_head_length;
    if raw.get(length) != Some(&b'&') || bytes::next_separator(raw, 0) != length {
        findings.add(Code::F03, None, 0, raw.len().min(length), false);
        return (cells, false);
    }
    let clean = bytes::all_allowed_or_separator(raw);
    read_head(&mut cells, &plans.finance_head, clean, findings);
    for (slot, words) in FINANCE_WORDS {
        if !words.contains(&cells.bytes(*slot)) {
            let span = cells.span(*slot);
            findings.add(Code::F03, Some(*slot), usize::from(span.at), usize::from(span.len), false);
        }
    }
    let fields = Fields { numbered: &plans.finance, digits: 3, start: length, clean };
    fields.read(&mut cells, findings, |_, _, _| {});
    (cells, true)
}

/// The words a G69 header may hold (g68.md 11).
const FINANCE_WORDS: &[(Slot, &[&[u8]])] =
    &[(Slot::FinanceKind, &[b"NOR", b"PRI", b"SUP"]), (Slot::FinanceFormat, &[b"FLYD"])];

#[inline]
fn read_head<const FIRST: usize, const N: usize>(
    cells: &mut Cells<'_, FIRST, N>,
    head: &[Spec],
    clean: bool,
    findings: &mut Findings,
) {
    if !clean {
        blame_characters(head, cells.raw, findings);
    }
    for spec in head {
        cells.put(spec, spec.span, true, findings);
    }
}

/// The floating part of a record: `&`, a field number, a value, and so on to the end.
struct Fields<'p> {
    numbered: &'p Numbered,
    /// Of a field number.
    digits: usize,
    /// Where the first `&` stands.
    start: usize,
    /// No forbidden character is in the record.
    clean: bool,
}

impl Fields<'_> {
    #[inline(always)]
    fn read<const FIRST: usize, const N: usize>(
        &self,
        cells: &mut Cells<'_, FIRST, N>,
        findings: &mut Findings,
        mut each: impl FnMut(usize, &Spec, Span),
    ) {
        let raw = cells.raw;
        let mut at = self.start;
        let mut last = 0;
        while at < raw.len() {
            let end = bytes::next_separator(raw, at + 1);
            let Some(number) = self.number(raw, at, end) else {
                findings.add(Code::F12, None, at, 1, false);
                at = end;
                continue;
            };
            let value_at = at + 1 + self.digits;
            let span = Span { at: value_at as u16, len: (end - value_at) as u16 };
            at = end;
            if number <= last {
                let field = self.numbered.get(number).map(|spec| spec.slot);
                findings.add(Code::F09, field, value_at - self.digits, self.digits, false);
            }
            last = number;
            self.field(number, span, cells, findings, &mut each);
        }
        for spec in self.numbered.specs() {
            if spec.required && cells.present() & Cells::<FIRST, N>::bit(spec.slot) == 0 {
                self.missing(spec, cells, findings);
            }
        }
    }

    /// A field that is there but empty was told when it was read.
    #[cold]
    fn missing<const FIRST: usize, const N: usize>(
        &self,
        spec: &Spec,
        cells: &Cells<'_, FIRST, N>,
        findings: &mut Findings,
    ) {
        if cells.span(spec.slot) == Span::default() {
            findings.add(Code::F08, Some(spec.slot), 0, 0, spec.personal);
        }
    }

    #[inline(always)]
    fn field<const FIRST: usize, const N: usize>(
        &self,
        number: usize,
        span: Span,
        cells: &mut Cells<'_, FIRST, N>,
        findings: &mut Findings,
        each: &mut impl FnMut(usize, &Spec, Span),
    ) {
        let Some(spec) = self.numbered.get(number) else {
            findings.add(Code::F10, None, usize::from(span.at), usize::from(span.len), true);
            return;
        };
        if !self.clean {
            blame_character(spec, span, cells.raw, findings);
        }
        if span.len > spec.span.len {
            spec.blame(Code::F13, span, findings);
            cells.bad |= Cells::<FIRST, N>::bit(spec.slot);
            cells.span[Cells::<FIRST, N>::place(spec.slot)] = span;
            return;
        }
        cells.put(spec, span, false, findings);
        each(number, spec, span);
    }

    /// The field number between a `&` and its value.
    #[inline(always)]
    fn number(&self, raw: &[u8], at: usize, end: usize) -> Option<usize> {
        let field = raw.get(at + 1..end)?;
        field_number(self.digits, field).ok().map(|(_, number)| number)
    }
}

/// The digits of a field number off the front of a field.
#[inline(always)]
fn field_number(digits: usize, field: &[u8]) -> IResult<&[u8], usize> {
    map_opt(take(digits), |number: &[u8]| {
        number.iter().try_fold(0, |sum, byte| {
            let digit = byte.wrapping_sub(b'0');
            (digit < 10).then_some(sum * 10 + usize::from(digit))
        })
    })
    .parse(field)
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
        if let Ok((value, number)) = field_number(digits, field)
            && numbered.get(number).is_some_and(|spec| spec.slot == slot)
        {
            return padded_ref(bytes::trim_end(value));
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
