//! `toek unknown`: what cannot be known by looking, with the evidence, and what a person may say of it.

use anyhow::{Context as _, bail};
use clap::{ArgGroup, Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use super::duplicates::{Proposed, acted, proposed};
use super::installation::{Access, Open, open};
use super::quarantine::hex;
use super::{Colour, Context, Outcome, remote, story};
use crate::domain::answers::BundleState;
use crate::domain::calendar::copenhagen;
use crate::domain::identity::{BundleNo, PaymentId, TransferNo};
use crate::domain::payment::PaymentState;
use crate::domain::people::Act;
use crate::serve::commands::{Command, Subject};
use crate::store::bundle::Bundle;
use crate::store::person_act::{self, PersonAct, Step};
use crate::store::task;
use crate::store::transfer::{self, Direction};
use crate::store::unknown::{self as unknowns, bundle_subject};
use crate::store::{bundle, evidence, intake, report};

/// What cannot be known by looking, with the evidence.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toek -C my-hub unknown                                          all of it, with the evidence
  toek -C my-hub unknown show T0751-20260304-000001
  toek -C my-hub unknown settle T0751-20260304-000001 --as-sent --reason 'NemKonto has it, told by phone'
  toek -C my-hub unknown settle T0751-20260304-000001 --as-never-arrived --reason 'NemKonto has nothing' --dry-run
  toek -C my-hub unknown settle T0751-20260304-000001 --as-never-arrived --reason 'NemKonto has nothing'
  toek -C my-hub unknown approve T0751-20260304-000001 --reason 'asked NemKonto again'    by another account
  toek -C my-hub unknown settle P1-3 --as-paid --reason 'statement of 9 March'")]
pub(super) struct Unknown {
    #[command(subcommand)]
    act: Option<Acts>,
}

#[derive(Debug, Subcommand)]
enum Acts {
    /// One bundle or payment, with all that is known of it.
    Show(One),
    /// Say what became of it. That a bundle never arrived is only proposed: it would pay twice if it were wrong.
    Settle(Settle),
    /// Approve that a bundle never arrived, as another proposed: the same bytes go again under the same reference.
    Approve(Approve),
}

/// Which one.
#[derive(Debug, Args)]
struct One {
    /// A bundle (its reference) or a payment (P3-17).
    #[arg(value_name = "BUNDLE|PAYMENT")]
    subject: String,
}

/// See [`Acts::Settle`].
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("said").required(true)))]
struct Settle {
    /// A bundle (its reference) or a payment (P3-17).
    #[arg(value_name = "BUNDLE|PAYMENT")]
    subject: String,
    /// A bundle: NemKonto has it, and will answer.
    #[arg(long, group = "said")]
    as_sent: bool,
    /// A bundle: NemKonto has it not; another person must approve, then the same bytes go again.
    #[arg(long, group = "said")]
    as_never_arrived: bool,
    /// A payment: the payee has the money.
    #[arg(long, group = "said")]
    as_paid: bool,
    /// A payment: it failed, and is owed still.
    #[arg(long, group = "said")]
    as_failed: bool,
    /// Why: where the evidence is.
    #[arg(long)]
    reason: String,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// See [`Acts::Approve`].
#[derive(Debug, Args)]
struct Approve {
    /// The bundle's reference.
    #[arg(value_name = "BUNDLE")]
    subject: String,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A piece of evidence.
#[derive(Clone, Debug, Serialize)]
struct Fact {
    at: String,
    what: String,
    #[serde(skip)]
    order: i64,
}

/// Something unknown, with its evidence.
#[derive(Serialize)]
struct Line {
    subject: String,
    kind: &'static str,
    municipality: String,
    state: String,
    /// Why it cannot be known.
    why: String,
    evidence: Vec<Fact>,
    proposed: Option<Proposed>,
    /// What a person may say.
    settle: Vec<&'static str>,
}

pub(super) fn run(context: &Context, command: &Unknown) -> anyhow::Result<Outcome> {
    match &command.act {
        None => list(context),
        Some(Acts::Show(one)) => show(context, &one.subject),
        Some(Acts::Settle(asked)) => settle(context, asked),
        Some(Acts::Approve(asked)) => {
            let (act, step) = (Act::BundleNeverArrived, Step::Approve);
            take(context, &asked.subject, act, step, &asked.reason, asked.dry_run)
        }
    }
}

fn list(context: &Context) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let store = &open.hub.store;
    let mut last = BundleNo(0);
    loop {
        let page = store.read(|tx| unknowns::bundles_after(tx, last))?;
        let Some(end) = page.last() else { break };
        last = end.no;
        for bundle in &page {
            tell(context, &of_bundle(&open, bundle)?)?;
        }
    }
    for after in [unknowns::unclear_after, unknowns::unconfirmed_after] {
        let mut last = PaymentId::from_i64(0);
        loop {
            let page = store.read(|tx| after(tx, last))?;
            let Some(end) = page.last() else { break };
            last = *end;
            for payment in page {
                tell(context, &of_payment(&open, payment)?)?;
            }
        }
    }
    for voucher in store.read(unknowns::contradicted)? {
        tell(context, &of_voucher(&open, &voucher)?)?;
    }
    for (file, municipality, sent_at) in store.read(unknowns::silent_files)? {
        let sent = sent_at.map(|at| fact(at, "it left".to_owned()));
        tell(
            context,
            &Line {
                subject: format!("voucher file {file}"),
                kind: "voucher file",
                municipality: municipality.to_string(),
                state: "sent".to_owned(),
                why: "neither receipt nor answer came in time; ask Serviceplatformen and the ERP".to_owned(),
                evidence: sent.into_iter().collect(),
                proposed: None,
                settle: vec![],
            },
        )?;
    }
    Ok(Outcome::Done)
}

fn fact(at: i64, what: String) -> Fact {
    let shown = Timestamp::from_microsecond(at).map(copenhagen);
    let shown = shown.map(|t| t.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default();
    Fact { at: shown, what, order: at }
}

fn acts(open: &Open, subject: &str) -> anyhow::Result<Vec<PersonAct>> {
    Ok(open.hub.store.read(|tx| person_act::of(tx, subject))?)
}

/// All that is known of what became of a bundle, oldest first.
fn evidence_of(open: &Open, about: &Bundle) -> anyhow::Result<Vec<Fact>> {
    let store = &open.hub.store;
    let subject = bundle_subject(about.no);
    let mut facts = vec![fact(
        about.frozen.created_at,
        format!("{} payments over {} kr. numbered", about.payments, about.sum.danish()),
    )];
    let file = about.transfer.map(|no| store.read(|tx| transfer::get(tx, no))).transpose()?.flatten();
    if let Some(file) = file {
        let sha256 = file.sha256.map(|hash| hex(&hash)).unwrap_or_default();
        let (name, size) = (&file.identity.name, file.identity.size);
        facts.push(fact(
            about.frozen.created_at,
            format!("written as {name}, {size} bytes, SHA-256 {sha256}"),
        ));
    }
    facts.extend(about.sent_at.map(|at| fact(at, "handed to NemKonto".to_owned())));
    facts.extend(about.landed_at.map(|at| fact(at, "seen at NemKonto's side".to_owned())));
    for sight in store.read(|tx| evidence::of(tx, &subject))? {
        let since = match sight.looks {
            1 => String::new(),
            looks => format!(" ({looks} looks, the first at {})", fact(sight.first_at, String::new()).at),
        };
        facts.push(fact(sight.last_at, format!("looked: {}{since}", sight.what)));
    }
    for answer in store.read(|tx| transfer::of_bundle(tx, about.no))? {
        if answer.identity.direction == Direction::In {
            let what = answer.message_id.as_deref().unwrap_or("an answer");
            let (name, no, state) = (&answer.identity.name, answer.no.0, answer.state.text());
            facts.push(fact(answer.received_at, format!("{what} came: {name}, transfer {no}, {state}")));
        }
    }
    for task in store.read(|tx| task::about(tx, &subject))? {
        let words = format!("{}: {}", task.kind, task.text);
        facts.push(fact(task.opened_at, words));
    }
    for act in acts(open, &subject)? {
        facts.extend(story::acts_told(std::slice::from_ref(&act)).into_iter().map(|line| fact(act.at, line)));
    }
    facts.sort_by_key(|fact| fact.order);
    Ok(facts)
}

fn of_bundle(open: &Open, about: &Bundle) -> anyhow::Result<Line> {
    let why = match about.state {
        BundleState::Suspect => "NemKonto could not read a file, perhaps this one",
        _ => "it was sent, and no receipt came in time",
    };
    let told = ["none", "receipt 0 or 1", "answer 2", "a final answer"];
    let missed = told.get(usize::from(about.overdue)).copied().unwrap_or_default();
    let why =
        if about.overdue > 0 { format!("{why}; {missed} has not come in time") } else { why.to_owned() };
    let is_settled = about.settled_at.is_some() && about.state != BundleState::Suspect;
    let is_unknown = about.state.is_unknown(about.overdue > 0);
    let settle = match (is_unknown, about.undecided == about.payments) {
        (true, true) => vec!["--as-sent", "--as-never-arrived"],
        (true, false) => vec!["--as-sent"],
        (false, _) => vec![],
    };
    Ok(Line {
        subject: about.group_id.clone(),
        kind: "bundle",
        municipality: about.municipality.to_string(),
        state: format!("{}, {} of {} undecided", about.state.text(), about.undecided, about.payments),
        why: match (is_unknown, is_settled) {
            (false, _) => "nothing is unknown about it".to_owned(),
            (true, true) => "a person said that it arrived; its answers are awaited".to_owned(),
            (true, false) => why,
        },
        evidence: evidence_of(open, about)?,
        proposed: proposed(&acts(open, &bundle_subject(about.no))?),
        settle,
    })
}

fn of_payment(open: &Open, id: PaymentId) -> anyhow::Result<Line> {
    let store = &open.hub.store;
    let stored = store.read(|tx| intake::payment(tx, id))?;
    let stored = stored.with_context(|| format!("there is no payment {id}"))?;
    let last = store.read(|tx| report::attempts(tx, id))?.pop();
    let mut facts = Vec::new();
    let mut state = stored.state.to_string();
    let mut is_unknown = false;
    if let Some(last) = &last {
        let about = store.read(|tx| bundle::get(tx, last.bundle))?;
        let (reference, line, group) = (&last.reference, last.bundle_line, &last.group_id);
        facts.push(fact(
            about.frozen.created_at,
            format!("sent as {reference}, payment {line} of bundle {group}, for {}", about.execution_day),
        ));
        facts.extend(evidence_of(open, &about)?);
        facts.extend(answer_fact(open, last.answered_by)?);
        state = format!("{state} ({} in {group})", last.state.text());
        is_unknown = unknowns::is_unknown(stored.state, last.state);
    }
    let attempt = last.map(|last| last.id.to_string()).unwrap_or_default();
    for task in store.read(|tx| task::about(tx, &attempt))? {
        facts.push(fact(task.opened_at, format!("{}: {}", task.kind, task.text)));
    }
    let acts = acts(open, &id.to_string())?;
    for act in &acts {
        facts.extend(story::acts_told(std::slice::from_ref(act)).into_iter().map(|line| fact(act.at, line)));
    }
    facts.sort_by_key(|fact| fact.order);
    let why = match stored.state {
        _ if !is_unknown => "nothing is unknown about it",
        PaymentState::Unconfirmed => "no answer told in time whether it was paid",
        _ => "what NemKonto said of it is unclear or contradicts itself",
    };
    Ok(Line {
        subject: id.to_string(),
        kind: "payment",
        municipality: stored.request.municipality.to_string(),
        state,
        why: why.to_owned(),
        evidence: facts,
        proposed: proposed(&acts),
        settle: if is_unknown { vec!["--as-paid", "--as-failed"] } else { vec![] },
    })
}

fn answer_fact(open: &Open, answer: Option<TransferNo>) -> anyhow::Result<Option<Fact>> {
    let answer = answer.map(|no| open.hub.store.read(|tx| transfer::get(tx, no))).transpose()?.flatten();
    Ok(answer.map(|answer| {
        let what = answer.message_id.as_deref().unwrap_or("an answer");
        fact(answer.received_at, format!("{what} named it last ({})", answer.identity.name))
    }))
}

fn of_voucher(open: &Open, voucher: &unknowns::Contradicted) -> anyhow::Result<Line> {
    let subject = unknowns::voucher_subject(voucher.voucher_no);
    let first = format!("its first answer: {} {}", voucher.state.text(), voucher.first);
    let mut facts = vec![Fact { at: String::new(), what: first.trim_end().to_owned(), order: 0 }];
    for task in open.hub.store.read(|tx| task::about(tx, &subject))? {
        facts.push(fact(task.opened_at, format!("{}: {}", task.kind, task.text)));
    }
    Ok(Line {
        kind: "voucher",
        municipality: voucher.municipality.to_string(),
        state: voucher.state.text().to_owned(),
        why: "the ERP both accepted and refused it: `toek vouchers settle`".to_owned(),
        evidence: facts,
        proposed: None,
        settle: vec!["--as-booked", "--as-refused"],
        subject,
    })
}

fn tell(context: &Context, line: &Line) -> anyhow::Result<()> {
    let printer = &context.printer;
    if printer.is_json() {
        return printer.value(line);
    }
    let Line { subject, municipality, state, why, .. } = line;
    printer.line(format!("{municipality}  {}  {state}: {why}", printer.paint(Colour::Bold, subject)));
    for Fact { at, what, .. } in &line.evidence {
        printer.line(format!("      {at:<19}  {what}"));
    }
    if let Some(Proposed { .. }) = &line.proposed {
        printer.line("      it is proposed; another account may approve: `toek unknown approve`");
    }
    if !line.settle.is_empty() {
        printer.line(format!("      a person may settle it: {}", line.settle.join(" or ")));
    }
    Ok(())
}

fn line_of(open: &Open, subject: &str) -> anyhow::Result<Line> {
    match Subject::named(&open.hub, subject)? {
        Subject::Payment(id) => of_payment(open, id),
        Subject::Bundle(no) => of_bundle(open, &open.hub.store.read(|tx| bundle::get(tx, no))?),
        Subject::Voucher(_) => bail!("`{subject}` is a voucher: see `toek vouchers show`"),
    }
}

fn show(context: &Context, subject: &str) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let line = line_of(&open, subject)?;
    remote::note_reading(context, &open, "unknown show", &line.subject)?;
    tell(context, &line)?;
    Ok(Outcome::Done)
}

fn settle(context: &Context, asked: &Settle) -> anyhow::Result<Outcome> {
    let act = match (asked.as_sent, asked.as_never_arrived, asked.as_paid) {
        (true, ..) => Act::BundleArrived,
        (_, true, _) => Act::BundleNeverArrived,
        (.., true) => Act::PaymentPaid,
        _ => Act::PaymentFailed,
    };
    let step = if act.needs_two() { Step::Propose } else { Step::Do };
    take(context, &asked.subject, act, step, &asked.reason, asked.dry_run)
}

fn take(
    context: &Context,
    subject: &str,
    act: Act,
    step: Step,
    reason: &str,
    dry_run: bool,
) -> anyhow::Result<Outcome> {
    if reason.trim().is_empty() {
        bail!("`--reason` must say why");
    }
    if dry_run {
        return would(context, subject, act, step);
    }
    let asked = Command::Act { act, step, subject: subject.to_owned(), reason: reason.to_owned() };
    acted(context, subject, remote::perform(context, &asked)?)
}

fn would(context: &Context, subject: &str, act: Act, step: Step) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let line = line_of(&open, subject)?;
    let option = match act {
        Act::BundleArrived => "--as-sent",
        Act::BundleNeverArrived => "--as-never-arrived",
        Act::PaymentPaid => "--as-paid",
        _ => "--as-failed",
    };
    if !line.settle.contains(&option) {
        bail!("{subject} is {}: a person cannot settle it {option}", line.state);
    }
    if step == Step::Approve && line.proposed.is_none() {
        bail!("{subject}: nothing is proposed that could be approved");
    }
    tell(context, &line)?;
    let what = match (act, step) {
        (Act::BundleNeverArrived, Step::Approve) => {
            "would be sent again with the next run: the same bytes, the same reference"
        }
        (Act::BundleNeverArrived, _) => "would be proposed to be sent again; another account approves",
        (Act::BundleArrived, _) => "would count as sent, and its answers be awaited",
        (Act::PaymentPaid, _) => "would count as paid, and be posted (P6)",
        _ => "would count as failed, and be owed still",
    };
    context.printer.line(format!("{subject} {what}"));
    Ok(Outcome::Done)
}
