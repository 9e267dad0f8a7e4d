//! The layout compiled into what the bulk reader follows: flat lists of offset, length, class and slot.

use crate::layout::{Class, Field, Layout, Mandatory, Record, Slot as _};

use super::slots::{G68_SLOTS, G69_FIRST, Slot, TEXT_SLOTS};

/// Fields a record can have: one bit each in a word.
pub(super) const PLACES: usize = 64;

/// Where a value stands in a record: offset and length in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) at: u16,
    pub(super) len: u16,
}

impl Span {
    #[inline(always)]
    pub(super) fn of(self, raw: &[u8]) -> &[u8] {
        raw.get(usize::from(self.at)..usize::from(self.at) + usize::from(self.len)).unwrap_or(&[])
    }
}

/// One field as the reader needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) slot: Slot,
    pub(super) span: Span,
    pub(super) class: Class,
    /// Must be given, in the form this list is for.
    pub(super) required: bool,
    pub(super) zero_is_value: bool,
    pub(super) personal: bool,
    /// The slot's number among those of its record.
    pub(super) place: u8,
    /// The bit of that number.
    pub(super) bit: u64,
    /// The same where zero is a value, else none.
    pub(super) zero_bit: u64,
    /// First and last field number of the floating form; zeros when it has none.
    pub(super) numbers: (u16, u16),
    /// How a value of full length is read at once.
    pub(super) at_once: AtOnce,
}

impl Spec {
    /// Whether a value that can be read holds digits and nothing else.
    #[inline(always)]
    pub(super) fn is_digits(&self) -> bool {
        matches!(self.at_once, AtOnce::Short | AtOnce::Long | AtOnce::Date)
    }
}

/// Whether a field of full length can be read with a load or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtOnce {
    No,
    /// At most eight digits.
    Short,
    /// Nine to sixteen digits.
    Long,
    Date,
    /// Any text: what stands in it was seen already.
    Text,
}

impl AtOnce {
    /// Floating values stand behind a header, so there are always sixteen bytes to load.
    fn of(field: &Field<Slot>) -> AtOnce {
        match (field.class, field.length) {
            (Class::Digits, 1..=8) => AtOnce::Short,
            (Class::Digits, 9..=16) => AtOnce::Long,
            (Class::Date, 8) => AtOnce::Date,
            (Class::Text, _) => AtOnce::Text,
            _ => AtOnce::No,
        }
    }
}

/// A list of floating fields that is found by field number.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    specs: Vec<Spec>,
    /// Field number to place in `specs`, plus one.
    places: Vec<u8>,
    /// The longest lawful record's fields together, separators and numbers included.
    longest: usize,
    /// The bits of the slots that must be given.
    pub(super) required: u64,
}

impl Numbered {
    fn new(record: Option<&Record<Slot>>, digits: usize) -> Numbered {
        let mut numbered = Numbered {
            specs: Vec::new(),
            places: vec![0; 10_usize.pow(digits as u32)],
            longest: 0,
            required: 0,
        };
        for field in record.map_or(&[][..], |record| &record.fields) {
            let Some((first, last)) = field.numbers else { continue };
            let spec = spec(field, field.mandatory == Mandatory::Both);
            numbered.required |= if spec.required { spec.bit } else { 0 };
            numbered.specs.push(spec);
            for number in first..=last {
                numbered.longest += 1 + digits + usize::from(field.length);
                if let Some(place) = numbered.places.get_mut(usize::from(number)) {
                    *place = numbered.specs.len() as u8;
                }
            }
        }
        numbered
    }

    #[inline(always)]
    pub(super) fn get(&self, number: usize) -> Option<&Spec> {
        let place = self.places.get(number)?.checked_sub(1)?;
        self.specs.get(usize::from(place))
    }

    pub(super) fn specs(&self) -> &[Spec] {
        &self.specs
    }
}

/// A number of a fixed record as the quick way reads it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    /// The offset after its last digit.
    pub(super) end: u16,
    pub(super) len: u8,
    pub(super) place: u8,
    /// Given when not zero; zero is given only where zero is a value.
    pub(super) bit: u64,
    pub(super) zero_bit: u64,
}

/// Columns sorted by what they hold, for the quick way of `cells`.
#[derive(Clone, Debug, Default)]
pub(super) struct Quick {
    /// At most eight digits.
    pub(super) short: Vec<Number>,
    /// Nine to sixteen digits.
    pub(super) long: Vec<Number>,
    pub(super) dates: Vec<Number>,
    pub(super) texts: Vec<Spec>,
    pub(super) others: Vec<Spec>,
    /// The bits of the slots that must be given.
    pub(super) required: u64,
    /// The bits of all slots.
    pub(super) all: u64,
}

impl Quick {
    fn new(specs: &[Spec]) -> Quick {
        let mut quick = Quick::default();
        for spec in specs {
            let end = spec.span.at + spec.span.len;
            let number = Number {
                end,
                len: spec.span.len as u8,
                place: spec.place,
                bit: spec.bit,
                zero_bit: spec.zero_bit,
            };
            quick.all |= spec.bit;
            quick.required |= if spec.required { spec.bit } else { 0 };
            match (spec.class, spec.span.len) {
                (Class::Digits, 1..=8) if end >= 8 => quick.short.push(number),
                (Class::Digits, 9..=16) if end >= 16 => quick.long.push(number),
                (Class::Date, 8) if end >= 8 => quick.dates.push(number),
                (Class::Text, _) => quick.texts.push(*spec),
                _ => quick.others.push(*spec),
            }
        }
        quick
    }
}

/// Everything the reader follows.
#[derive(Clone, Debug)]
pub(super) struct Plans {
    pub(super) fixed: Vec<Spec>,
    pub(super) quick: Quick,
    pub(super) quick_a: Quick,
    pub(super) quick_b: Quick,
    pub(super) fixed_length: usize,
    pub(super) fixed_shortest: usize,
    pub(super) head_a: Vec<Spec>,
    pub(super) head_b: Vec<Spec>,
    pub(super) head_a_length: usize,
    pub(super) head_b_length: usize,
    pub(super) floating: Numbered,
    pub(super) finance_head: Vec<Spec>,
    pub(super) finance_head_length: usize,
    pub(super) finance: Numbered,
    /// The text lines of the fixed form.
    pub(super) texts: [Span; 4],
    /// Whether a G68 slot is personal, by slot.
    pub(super) personal: [bool; G68_SLOTS],
    /// The line number of a G68 record, in every form.
    pub(super) line_number: Span,
    /// The line number of a G69 record.
    pub(super) finance_line_number: Span,
}

impl Plans {
    pub(super) fn compile(table: &Layout<Slot>) -> Plans {
        let placed = |name: &str| {
            let fields = table.record(name).map_or(&[][..], |record| &record.fields);
            fields.iter().filter(|field| field.is_placed()).map(|field| spec(field, true)).collect::<Vec<_>>()
        };
        let length =
            |name: &str| usize::from(table.record(name).and_then(|record| record.length).unwrap_or(0));
        let g68 = table.record("g68");
        let text = |slot: Slot| g68.and_then(|record| record.field(slot)).map_or(Span::default(), span);
        let mut personal = [false; G68_SLOTS];
        for field in g68.map_or(&[][..], |record| &record.fields) {
            if let Some(entry) = personal.get_mut(field.slot as usize) {
                *entry = field.personal;
            }
        }
        Plans {
            quick: Quick::new(&placed("g68")),
            quick_a: Quick::new(&placed("g68_head_a")),
            quick_b: Quick::new(&placed("g68_head_b")),
            fixed: placed("g68"),
            fixed_length: length("g68"),
            fixed_shortest: g68.map_or(0, |record| usize::from(record.shortest())),
            head_a: placed("g68_head_a"),
            head_b: placed("g68_head_b"),
            head_a_length: length("g68_head_a"),
            head_b_length: length("g68_head_b"),
            floating: Numbered::new(g68, 2),
            finance_head: placed("g69_head"),
            finance_head_length: length("g69_head"),
            finance: Numbered::new(table.record("g69"), 3),
            texts: TEXT_SLOTS.map(text),
            personal,
            line_number: place(table, "g68_head_a", Slot::LineNumber),
            finance_line_number: place(table, "g69_head", Slot::FinanceLineNumber),
        }
    }

    /// The longest lawful floating G68 record.
    pub(super) fn floating_longest(&self) -> usize {
        self.head_a_length.max(self.head_b_length) + self.floating.longest
    }

    /// The longest lawful G69 record.
    pub(super) fn finance_longest(&self) -> usize {
        self.finance_head_length + self.finance.longest
    }

    /// The longest lawful record of any kind.
    pub(super) fn longest(&self) -> usize {
        self.fixed_length.max(self.floating_longest()).max(self.finance_longest())
    }
}

fn place(table: &Layout<Slot>, record: &str, slot: Slot) -> Span {
    table.record(record).and_then(|record| record.field(slot)).map_or(Span::default(), span)
}

fn span(field: &Field<Slot>) -> Span {
    Span { at: field.from.saturating_sub(1), len: field.length }
}

/// G68 and G69 have a word of their own; the envelope has none, and its bits are never asked for.
pub(super) const fn place_of(slot: Slot) -> usize {
    let slot = slot as usize;
    if slot >= G69_FIRST { slot - G69_FIRST } else { slot % PLACES }
}

/// `floating`: compiled for a form that takes what is mandatory in the fixed form only from elsewhere.
fn spec(field: &Field<Slot>, required: bool) -> Spec {
    debug_assert!(Slot::ALL.contains(&field.slot));
    Spec {
        slot: field.slot,
        span: span(field),
        class: field.class,
        required: required && field.mandatory != Mandatory::No,
        zero_is_value: field.zero_is_value,
        personal: field.personal,
        place: place_of(field.slot) as u8,
        bit: 1 << place_of(field.slot),
        zero_bit: u64::from(field.zero_is_value) << place_of(field.slot),
        numbers: field.numbers.unwrap_or((0, 0)),
        at_once: AtOnce::of(field),
    }
}
