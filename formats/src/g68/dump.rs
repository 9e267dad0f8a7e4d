//! A unit as text for people: fields by name, findings, and what it asks for. Personal values are masked.

use std::fmt::Write as _;

use crate::layout::{Class, Slot as _, bytes};

use super::cells::{self, Shape};
use super::codes::{Code, Severity};
use super::finding::shown;
use super::plan::{Plans, Span, Spec};
use super::reader::Unit;
use super::request::Request;
use super::slots::Layouts;

/// The unit as text, one line for each field that holds something, each finding and the request.
pub fn dump(layouts: &Layouts, unit: &Unit<'_>) -> String {
    let mut text = String::new();
    let plans = &layouts.plans;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "record {}-{}, line {}, bytes {}+{}",
        unit.record_no, unit.last_record_no, unit.line_no, unit.offset, unit.length
    );
    if unit.findings.iter().any(|finding| matches!(finding.code, Code::F01 | Code::F02 | Code::F03)) {
        // Shifted columns would show personal data under another field's name.
        text.push_str("  fields are not shown: their places cannot be trusted\n");
    } else {
        record(&mut text, plans, unit.raw);
        if let Some(partner) = unit.partner {
            text.push_str("  partner\n");
            record(&mut text, plans, partner);
        }
    }
    for finding in unit.findings {
        let severity = match finding.severity() {
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Reject => "reject",
        };
        let _ = writeln!(
            text,
            "  {severity} {} line {} {} {}-{} `{}`: {}",
            finding.code,
            finding.line_no,
            if finding.field.is_some() { finding.field_name() } else { "-" },
            finding.from,
            finding.to,
            unit.value_shown(finding),
            finding.code.rule()
        );
    }
    match unit.request {
        Some(asked) => request(&mut text, asked),
        None => text.push_str("  refused\n"),
    }
    text
}

/// The fields of a record, whichever form it has.
fn record(text: &mut String, plans: &Plans, raw: &[u8]) {
    let whole = bytes::trim_end(raw);
    if whole.get(3..6) == Some(b"G69") {
        head(text, &plans.finance_head, whole);
        return floating(text, plans, whole, 3, plans.finance_head_length);
    }
    match cells::shape(plans, raw) {
        Some(Shape::Fixed) => head(text, &plans.fixed, whole),
        Some(Shape::FloatingA) => {
            head(text, &plans.head_a, whole);
            floating(text, plans, whole, 2, plans.head_a_length);
        }
        Some(Shape::FloatingB) => {
            head(text, &plans.head_b, whole);
            floating(text, plans, whole, 2, plans.head_b_length);
        }
        None => {
            let _ = writeln!(text, "  {} characters that are no record", raw.len());
        }
    }
}

fn head(text: &mut String, specs: &[Spec], raw: &[u8]) {
    for spec in specs {
        let end = (usize::from(spec.span.at) + usize::from(spec.span.len)).min(raw.len());
        let at = usize::from(spec.span.at).min(end);
        field(text, spec.slot.name(), Some(spec), Span { at: at as u16, len: (end - at) as u16 }, raw);
    }
}

fn floating(text: &mut String, plans: &Plans, raw: &[u8], digits: usize, start: usize) {
    let numbered = if digits == 2 { &plans.floating } else { &plans.finance };
    let mut at = start;
    while at < raw.len() {
        let end = bytes::next_separator(raw, at + 1);
        let value_at = (at + 1 + digits).min(end);
        let number = raw.get(at + 1..value_at).and_then(bytes::number);
        let spec = number.and_then(|number| numbered.get(number as usize));
        let name = spec.map_or("unknown", |spec| spec.slot.name());
        let label = format!("{name} &{}", shown(raw.get(at + 1..value_at).unwrap_or(&[]), false));
        field(text, &label, spec, Span { at: value_at as u16, len: (end - value_at) as u16 }, raw);
        at = end;
    }
}

/// One field, unless it holds nothing. What the layout does not know is masked.
fn field(text: &mut String, name: &str, spec: Option<&Spec>, span: Span, raw: &[u8]) {
    let value = bytes::trim_end(span.of(raw));
    let zeros = spec.is_some_and(|spec| {
        !spec.zero_is_value
            && matches!(spec.class, Class::Digits | Class::Date)
            && value.iter().all(|b| *b == b'0')
    });
    if value.is_empty() || zeros {
        return;
    }
    let personal = spec.is_none_or(|spec| spec.personal);
    let _ = writeln!(
        text,
        "  {name:<14} {:>3}-{:<3} {}",
        span.at + 1,
        span.at + span.len,
        shown(value, personal)
    );
}

fn request(text: &mut String, request: &Request<'_>) {
    let _ = writeln!(
        text,
        "  request: {:?} {} kr. for municipality {} to {}, method {:02}, at disposal {}, effective {}",
        request.transaction_type,
        request.amount.danish(),
        request.municipality,
        request.payee.masked(),
        request.method.code(),
        request.disposition_date,
        request.effective_date
    );
    let latin1 = |value: &[u8]| shown(value, false);
    let _ = writeln!(
        text,
        "  request: benefit {} to {}, supplier {}, account {}, case {}, reference {}, posting {}, {} text lines",
        request.benefit,
        request.recipient.masked(),
        request.supplier,
        latin1(request.account),
        latin1(request.case_ref),
        latin1(request.transaction_ref),
        request.posting_ref.as_str(),
        request.text.len()
    );
}
