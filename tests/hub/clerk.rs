//! What persons do by commands, and what NemKonto answers.

use std::process::Output;

use jiff::civil::{DateTime, datetime};
use serde_json::Value;
use toek::partners::answers::{self, Kind, Listed, Stamp};
use toek::partners::bundle::Bundle;
use toek::partners::script::AmountForm;

use super::{Hub, said};

const ANSWERED: DateTime = datetime(2026, 3, 4, 15, 0, 0, 0);

/// A command in somebody's name at an instant; words are parted by blanks.
pub(crate) fn at(hub: &Hub, instant: &str, who: &str, arguments: &str) -> Output {
    let mut all = vec!["--at", instant, "--as", who];
    all.extend(arguments.split(' '));
    hub.toek(&all)
}

#[track_caller]
pub(crate) fn done(hub: &Hub, instant: &str, who: &str, arguments: &str) -> String {
    let output = at(hub, instant, who, arguments);
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

#[track_caller]
pub(crate) fn refused(hub: &Hub, instant: &str, who: &str, arguments: &str, why: &str) {
    let output = at(hub, instant, who, arguments);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains(why), "{why}: {}", said(&output));
}

/// What a command gives for programs, line by line; it may find nothing.
pub(crate) fn lines(hub: &Hub, arguments: &str) -> Vec<Value> {
    let mut all: Vec<&str> = arguments.split(' ').collect();
    all.push("--json");
    let output = hub.toek(&all);
    let lines = output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

pub(crate) fn stamp(number: u64) -> Stamp {
    Stamp { number, created: ANSWERED, amounts: AmountForm::Decimal2 }
}

/// Puts an answer where NemKonto leaves them, and takes it in.
pub(crate) fn answer(hub: &Hub, name: &str, bytes: Vec<u8>, at: &str) {
    std::fs::write(hub.outbox().join(name), bytes).unwrap();
    hub.run("receive-answers", at);
    let taken = hub.transfers(name);
    assert_eq!(hub.states(name), ["accepted"], "{taken:?}");
}

/// An answer that names a bundle's payment number `place`, from 0.
pub(crate) fn about(bytes: &[u8], kind: Kind, number: u64, place: usize, accepted: bool) -> Vec<u8> {
    let bundle = Bundle::read(bytes).unwrap();
    let payment = bundle.payments().nth(place).unwrap();
    let listed = Listed {
        payment,
        accepted,
        code: None,
        text: None,
        account: accepted.then(|| "99970000000001".to_owned()),
        amount_ore: payment.amount_ore,
    };
    let parts = [(&bundle.debits[0], vec![listed])];
    answers::list(kind, None, &bundle, &bundle.group_id, stamp(number), &parts)
}
