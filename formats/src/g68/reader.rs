//! Bytes to units: cuts records off the blocks it is fed, pairs G68 with G69, minds the envelope.
//!
//! Never reads: whoever holds the file feeds it in blocks of any size. What it keeps of a block is less than four
//! records; a line longer than any lawful record is not kept but skipped to its end.

use super::cells;
use super::charset::decode;
use super::codes::Code;
use super::envelope::Envelope;
use super::physical::{Frame, Framing, Kind, Physical, Step};
use super::record::{Checker, Desk, Line};
use super::report::FileReport;
use super::request::Request;
use super::slots::Layouts;
use super::{Finding, Options, Tables};

/// One data record, or an adjacent pair of G68 and G69 in either order, checked.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// Of the G68 record: 1-based among data records, G68 and G69 counted alike.
    pub record_no: u32,
    /// The last data record of the unit: a checkpoint may stand after it.
    pub last_record_no: u32,
    /// 1-based line of the G68 record in the file.
    pub line_no: u32,
    /// Where the G68 record begins in the original file, in bytes.
    pub offset: u64,
    /// Bytes of the G68 record in the original file, line end not counted.
    pub length: u32,
    /// The G68 record in ISO-8859-1, where a column is a byte. A lone G69 record, or a record that is neither,
    /// stands here too; of a line that was too long only its beginning.
    pub raw: &'a [u8],
    /// Its G69 record.
    pub partner: Option<&'a [u8]>,
    /// The request; `None` when an error was found.
    pub request: Option<&'a Request<'a>>,
    /// Everything that was found, in the order of the checks.
    pub findings: &'a [Finding],
}

impl<'a> Unit<'a> {
    /// The record a finding speaks of.
    pub fn record_of(&self, finding: &Finding) -> &'a [u8] {
        if finding.line_no == self.line_no { self.raw } else { self.partner.unwrap_or(self.raw) }
    }

    /// The value a finding speaks of, as it may be shown (see [`Finding::value_shown`]).
    pub fn value_shown(&self, finding: &Finding) -> String {
        finding.value_shown(self.record_of(finding))
    }
}

/// How much of a block is laid behind what was carried over: more than any unit and its look-ahead need.
const STITCH: usize = 1 << 16;

/// A line that is being skipped because no lawful record is as long.
#[derive(Debug)]
struct Skipped {
    offset: u64,
    length: u64,
    /// Its beginning, for people.
    head: Vec<u8>,
}

/// Reads one delivery. Both passes of the hub use it.
pub struct Reader<'t, T: Tables> {
    framing: Framing,
    checker: Checker<'t, T>,
    envelope: Envelope,
    /// What a block ended with and could not be used yet.
    carry: Vec<u8>,
    /// Offset in the file of the first byte that is not used yet.
    offset: u64,
    skip: Option<Skipped>,
    /// Bytes of a byte order mark that are still to come.
    mark: usize,
    scratch: [Vec<u8>; 3],
    desk: Desk,
}

impl<'t, T: Tables> Reader<'t, T> {
    /// A reader for one file of a known physical form.
    pub fn new(layouts: &'t Layouts, options: Options, physical: Physical, tables: &'t T) -> Reader<'t, T> {
        let framing = Framing::new(physical, layouts.plans.fixed_length, layouts.plans.longest());
        Reader {
            framing,
            checker: Checker::new(layouts, options, physical.mode, tables),
            envelope: Envelope::default(),
            carry: Vec::new(),
            offset: 0,
            skip: None,
            mark: if physical.bom { 3 } else { 0 },
            scratch: [Vec::new(), Vec::new(), Vec::new()],
            desk: Desk::new(),
        }
    }

    /// The next bytes of the file; `sink` gets every unit that is complete.
    pub fn feed(&mut self, block: &[u8], sink: &mut impl FnMut(Unit<'_>)) {
        let mut rest = self.without_mark(block);
        while !self.carry.is_empty() && !rest.is_empty() {
            let mut carry = std::mem::take(&mut self.carry);
            let carried = carry.len();
            let (near, _) = rest.split_at(rest.len().min(STITCH));
            carry.extend_from_slice(near);
            let used = self.run(&carry, false, carried, sink);
            if used >= carried {
                rest = rest.get(used - carried..).unwrap_or(&[]);
                carry.clear();
            } else {
                // The unit is still not whole: all that was near stays, without what was used.
                rest = rest.get(near.len()..).unwrap_or(&[]);
                carry.drain(..used);
            }
            self.carry = carry;
        }
        if self.carry.is_empty() {
            let used = self.run(rest, false, rest.len(), sink);
            self.carry.extend_from_slice(rest.get(used..).unwrap_or(&[]));
        }
    }

    /// The end of the file.
    pub fn finish(mut self, sink: &mut impl FnMut(Unit<'_>)) -> FileReport {
        let carry = std::mem::take(&mut self.carry);
        self.run(&carry, true, carry.len(), sink);
        if let Some(skipped) = self.skip.take() {
            self.too_long(&skipped, sink);
        }
        self.envelope.finish(&mut self.checker);
        self.checker.report
    }

    fn without_mark<'b>(&mut self, block: &'b [u8]) -> &'b [u8] {
        let skipped = self.mark.min(block.len());
        self.mark -= skipped;
        self.offset += skipped as u64;
        block.get(skipped..).unwrap_or(&[])
    }

    /// Uses a window up to `stop`, or to where it needs more; how many bytes it used.
    fn run(&mut self, window: &[u8], at_end: bool, stop: usize, sink: &mut impl FnMut(Unit<'_>)) -> usize {
        let base = self.offset;
        let mut at = 0;
        let mut known = None;
        while at < stop {
            if self.skip.is_some() {
                at = self.skip_on(window, at, sink);
                continue;
            }
            let step = known.take().unwrap_or_else(|| self.framing.next(window, at, at_end));
            let frame = match step {
                Step::NeedMore | Step::End => break,
                Step::TooLong => {
                    self.begin_skip(window, at, base);
                    continue;
                }
                Step::Record(frame) => frame,
            };
            let Some((next, ahead)) = self.record(window, frame, base, at_end, sink) else { break };
            at = next;
            known = ahead;
        }
        self.offset = base + at as u64;
        at
    }

    /// Uses the unit that begins with `frame`; where the next one begins, and what was seen there already.
    /// `None`: the unit may not be whole in this window.
    #[inline]
    fn record(
        &mut self,
        window: &[u8],
        frame: Frame,
        base: u64,
        at_end: bool,
        sink: &mut impl FnMut(Unit<'_>),
    ) -> Option<(usize, Option<Step>)> {
        let kind = self.kind(window, frame);
        if !matches!(kind, Kind::G68 | Kind::G69) {
            self.single(window, frame, kind, base, sink);
            return Some((frame.next, None));
        }
        let ahead = self.framing.next(window, frame.next, at_end);
        match ahead {
            Step::NeedMore => return None,
            Step::Record(second) if self.is_opposite(kind, self.kind(window, second)) => {
                if self.belong_together(window, frame, second, kind, at_end)? {
                    self.pair(window, frame, second, kind, base, sink);
                    return Some((second.next, None));
                }
            }
            Step::Record(_) | Step::End | Step::TooLong => {}
        }
        self.single(window, frame, kind, base, sink);
        Some((frame.next, Some(ahead)))
    }

    #[inline(always)]
    fn kind(&self, window: &[u8], frame: Frame) -> Kind {
        self.framing.kind(window.get(frame.start..frame.end).unwrap_or(&[]))
    }

    #[inline(always)]
    fn is_opposite(&self, first: Kind, second: Kind) -> bool {
        matches!((first, second), (Kind::G68, Kind::G69) | (Kind::G69, Kind::G68))
    }

    /// Neighbours are a pair when their references agree. When they do not, they are a pair with an error (K17),
    /// unless the second agrees with the record after it. `None`: that record is not in the window yet.
    fn belong_together(
        &mut self,
        window: &[u8],
        first: Frame,
        second: Frame,
        kind: Kind,
        at_end: bool,
    ) -> Option<bool> {
        if self.agree(window, first, second, kind) {
            return Some(true);
        }
        match self.framing.next(window, second.next, at_end) {
            Step::NeedMore => None,
            Step::Record(third) if self.kind(window, third) == kind => {
                Some(!self.agree(window, third, second, kind))
            }
            Step::Record(_) | Step::End | Step::TooLong => Some(true),
        }
    }

    /// Whether two records, the first of kind `kind` and the second of the other, carry the same reference.
    fn agree(&mut self, window: &[u8], first: Frame, second: Frame, kind: Kind) -> bool {
        let plans = &self.checker.layouts.plans;
        let charset = self.framing.charset();
        let [one, two, _] = &mut self.scratch;
        let first = decode(charset, window.get(first.start..first.end).unwrap_or(&[]), one);
        let second = decode(charset, window.get(second.start..second.end).unwrap_or(&[]), two);
        let (payment, finance) = if kind == Kind::G68 { (first, second) } else { (second, first) };
        let reference = cells::posting_ref(plans, payment);
        reference.is_some() && reference == cells::payment_ref(plans, finance)
    }

    #[inline]
    fn single(
        &mut self,
        window: &[u8],
        frame: Frame,
        kind: Kind,
        base: u64,
        sink: &mut impl FnMut(Unit<'_>),
    ) {
        let [scratch, _, _] = &mut self.scratch;
        let mut line = self.checker.line(window, frame, base, self.framing.charset(), scratch);
        if !self.envelope.admit(kind, &line, &mut self.checker) {
            return;
        }
        line.record_no = self.checker.report.records;
        match kind {
            Kind::G68 => self.checker.payment(&mut self.desk, &line, None, sink),
            Kind::G69 => self.checker.finance(&mut self.desk, &line, sink),
            Kind::Z300 | Kind::Slutd | Kind::Other => {
                let interface = line.bytes.len().saturating_sub(3).min(3);
                self.checker.stranger(&mut self.desk, &line, (Code::S12, 3, interface), sink);
            }
        }
    }

    fn pair(
        &mut self,
        window: &[u8],
        first: Frame,
        second: Frame,
        kind: Kind,
        base: u64,
        sink: &mut impl FnMut(Unit<'_>),
    ) {
        let charset = self.framing.charset();
        let [one, two, _] = &mut self.scratch;
        let first = self.checker.line(window, first, base, charset, one);
        let admitted = self.envelope.admit(kind, &first, &mut self.checker);
        let first = Line { record_no: self.checker.report.records, ..first };
        let other = if kind == Kind::G68 { Kind::G69 } else { Kind::G68 };
        let second = self.checker.line(window, second, base, charset, two);
        let both = self.envelope.admit(other, &second, &mut self.checker) && admitted;
        let second = Line { record_no: self.checker.report.records, ..second };
        if both {
            let (payment, finance) = if kind == Kind::G68 { (first, second) } else { (second, first) };
            self.checker.payment(&mut self.desk, &payment, Some(&finance), sink);
        }
    }

    #[cold]
    fn begin_skip(&mut self, window: &[u8], at: usize, base: u64) {
        let rest = window.get(at..).unwrap_or(&[]);
        let shown = rest.get(..self.checker.layouts.record_length()).unwrap_or(rest);
        let head = decode(self.framing.charset(), shown, &mut Vec::new()).to_vec();
        self.skip = Some(Skipped { offset: base + at as u64, length: 0, head });
    }

    /// Skips towards the end of a line that is too long; where the window is used up to.
    #[cold]
    fn skip_on(&mut self, window: &[u8], at: usize, sink: &mut impl FnMut(Unit<'_>)) -> usize {
        let rest = window.get(at..).unwrap_or(&[]);
        let Some(mut skipped) = self.skip.take() else { return at };
        match self.framing.line_end(rest) {
            Some(length) => {
                skipped.length += length as u64;
                self.too_long(&skipped, sink);
                at + length + 1
            }
            None => {
                skipped.length += rest.len() as u64;
                self.skip = Some(skipped);
                window.len()
            }
        }
    }

    #[cold]
    fn too_long(&mut self, skipped: &Skipped, sink: &mut impl FnMut(Unit<'_>)) {
        self.checker.report.lines += 1;
        let line = Line {
            bytes: &skipped.head,
            line_no: self.checker.report.lines,
            record_no: self.checker.report.records + 1,
            offset: skipped.offset,
            length: u32::try_from(skipped.length).unwrap_or(u32::MAX),
        };
        if self.envelope.admit(Kind::Other, &line, &mut self.checker) {
            let longest = self.checker.layouts.plans.longest();
            let over = usize::try_from(skipped.length).unwrap_or(usize::MAX).saturating_sub(longest);
            self.checker.stranger(&mut self.desk, &line, (Code::F01, longest, over), sink);
        }
    }
}
