//! Any bytes: no panic, and blocks of two sizes give the same units. The first byte chooses form and block size.
#![no_main]

use std::sync::LazyLock;

use jiff::civil::{Date, date};
use libfuzzer_sys::fuzz_target;
use toek_formats::g68::{Charset, Detector, FileReport, Layouts, Mode, Options, Physical, Reader, Tables, Unit, dump};
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode, SupplierId};

static LAYOUTS: LazyLock<Layouts> = LazyLock::new(|| Layouts::embedded().expect("the table in the tree loads"));

/// Everything exists and every day is a bank day.
struct Anything;

impl Tables for Anything {
    fn municipality_exists(&self, _: MunicipalityCode) -> bool {
        true
    }
    fn benefit_exists(&self, _: BenefitCode) -> bool {
        true
    }
    fn supplier_registered(&self, _: MunicipalityCode, _: SupplierId) -> bool {
        true
    }
    fn preceding_bank_day(&self, day: Date) -> Date {
        day
    }
    fn following_bank_day(&self, day: Date) -> Date {
        day.tomorrow().unwrap_or(day)
    }
    fn default_benefit(&self, _: SupplierId, _: &[u8]) -> Option<BenefitCode> {
        Some(BenefitCode(101))
    }
}

fn read(layouts: &Layouts, physical: Physical, bytes: &[u8], block: usize) -> (String, FileReport) {
    let options = Options { supplier: Some(SupplierId(*b"0901")), ..Options::new(date(2026, 1, 27)) };
    let mut text = String::new();
    let mut reader = Reader::new(layouts, options, physical, &Anything);
    let mut sink = |unit: Unit<'_>| text.push_str(&dump(layouts, &unit));
    bytes.chunks(block).for_each(|block| reader.feed(block, &mut sink));
    let report = reader.finish(&mut sink);
    (text, report)
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let layouts = &*LAYOUTS;
    let charset = [None, Some(Charset::Latin1), Some(Charset::Utf8), Some(Charset::Ebcdic277)][usize::from(choice & 3)];
    let mut detector = Detector::new(charset);
    bytes.chunks(7).for_each(|block| detector.feed(block));
    let mut physical = detector.finish();
    if choice & 4 != 0 {
        physical.mode = Mode::Block;
    }
    let block = usize::from(choice >> 3) + 1;
    let whole = read(layouts, physical, bytes, bytes.len().max(1));
    assert_eq!(read(layouts, physical, bytes, block), whole);
});
