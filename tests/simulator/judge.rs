//! Judges what is left of a life: the store by its own statements through plain SQLite, NemKonto's and the ERP's books,
//! and what was delivered. Knows the tables, and calls nothing of the hub's but its archive's seals and its replay.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::civil::{Date, DateTime, time};
use rusqlite::{Connection, OpenFlags};
use toek::domain::identity::TransferNo;
use toek::generator::manifest::{Expected, FileState, RecordLine};
use toek::partners::{bank_days, erp};
use toek::pipelines::Hub;
use toek::store::Store;
use toek::store::archive::{Archive, Key, hash_of};
use toek_adapters::disk::RealDisk;
use toek_formats::vocabulary::MunicipalityCode;

use crate::house::{ARCHIVE, STORE};
use crate::life::{Life, instant};
use crate::machine::MemoryDisk;
use crate::outside::{Asked, Decided, Delivery, asked, is_to_be_paid};
use crate::promises::Promise;

/// A promise that was not kept.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) promise: Promise,
    pub(crate) what: String,
}

impl Violation {
    pub(crate) fn new(promise: Promise, what: String) -> Violation {
        Violation { promise, what }
    }
}

/// Codes of the store, as its migrations explain them.
mod code {
    pub(super) const ACCEPTED: i64 = 3;
    pub(super) const QUARANTINED: i64 = 4;
    /// Decided, or judged anew after it was.
    pub(super) const KEPT: [i64; 5] = [2, 3, 4, 6, 7];
    pub(super) const WAITING: i64 = 1;
    pub(super) const IN_PROGRESS: i64 = 2;
    pub(super) const UNCONFIRMED: i64 = 3;
    pub(super) const OPEN: i64 = 4;
    pub(super) const PAID: i64 = 5;
    /// In cash, over an own account, recalled, sent back: by a person.
    pub(super) const SETTLED: [i64; 4] = [6, 7, 9, 10];
    pub(super) const HELD: i64 = 16;
    pub(super) const HELD_LATE: i64 = 24;
    pub(super) const BUNDLE_IN_DOUBT: i64 = 6;
    pub(super) const BUNDLE_HELD: i64 = 10;
    /// Held before anything is posted: reasons 1 to 6.
    pub(super) const HELD_UNPOSTED: std::ops::RangeInclusive<i64> = 17..=22;
    /// Attempts that may still pay, or have.
    pub(super) const LIVE: &str = "(1, 2, 3, 4, 5, 6, 7, 8)";
    pub(super) const INTERIM: i64 = 2;
}

/// Everything there is to judge by.
pub(crate) struct Evidence<'a> {
    pub(crate) place: &'a Path,
    pub(crate) life: &'a Life,
    pub(crate) outside: &'a MemoryDisk,
    pub(crate) books: &'a erp::Seen,
    pub(crate) deliveries: Vec<(DateTime, &'a Delivery)>,
    pub(crate) changed_bytes: Vec<String>,
    pub(crate) first: Option<DateTime>,
    pub(crate) end: DateTime,
}

fn plain(place: &Path) -> Option<Connection> {
    let path = place.join(STORE);
    if !path.exists() {
        return None;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Some(Connection::open_with_flags_and_vfs(path, flags, "unix").unwrap())
}

/// The transfers that wait in quarantine, as a person would find them.
pub(crate) fn quarantined(hub: &Hub) -> Vec<i64> {
    let list = hub.store.read(|tx| toek::store::transfer::after(tx, TransferNo(0)));
    let waiting = list.unwrap_or_default().into_iter().filter(toek::serve::commands::waits);
    waiting.map(|transfer| transfer.no.0).collect()
}

struct Findings(Vec<Violation>);

impl Findings {
    fn expect(&mut self, holds: bool, promise: Promise, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation::new(promise, what()));
        }
    }
}

fn rows(db: &Connection, sql: &str) -> Vec<Vec<i64>> {
    let mut statement = db.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        (0..columns).map(|c| row.get::<_, Option<i64>>(c).map(Option::unwrap_or_default)).collect()
    });
    rows.unwrap().map(|row| row.unwrap()).collect()
}

fn is_sound(db: &Connection) -> String {
    db.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap_or_else(|e| e.to_string())
}

/// What must be so right after a crash, before anybody mends anything: what was taken away from the case system is here.
pub(crate) fn after_crash(place: &Path, gone: &[&Delivery]) -> Vec<Violation> {
    let mut findings = Findings(Vec::new());
    let Some(db) = plain(place) else {
        findings.expect(gone.is_empty(), Promise::G1, || "the store is gone".to_owned());
        return findings.0;
    };
    let sound = is_sound(&db);
    findings.expect(sound == "ok", Promise::G3, || format!("after a crash SQLite says: {sound}"));
    for delivery in gone {
        let name = &delivery.line.name;
        let transfers = transfers_of(&db, name).into_iter().map(|transfer| {
            let file = place.join(ARCHIVE).join(archived_name(transfer.no));
            (transfer.no, code::KEPT.contains(&transfer.state), file.exists())
        });
        let transfers: Vec<_> = transfers.collect();
        let kept = transfers.iter().any(|(_, is_settled, is_archived)| *is_settled && *is_archived);
        findings.expect(kept, Promise::G1, || {
            format!(
                "{name} was taken away and is not kept after a crash: transfer, kept, archived {transfers:?}"
            )
        });
    }
    findings.0
}

fn archived_name(no: i64) -> String {
    format!("{:06}/{no:09}.toek", no / 1_000)
}

struct TransferRow {
    no: i64,
    state: i64,
}

fn transfers_of(db: &Connection, name: &str) -> Vec<TransferRow> {
    let sql =
        "select transfer_no, state from transfer where direction = 1 and name = ?1 order by transfer_no";
    let Ok(mut statement) = db.prepare_cached(sql) else { return Vec::new() }; // killed before there was a table
    let rows = statement.query_map([name], |row| Ok(TransferRow { no: row.get(0)?, state: row.get(1)? }));
    rows.unwrap().map(|row| row.unwrap()).collect()
}

/// What the judge says.
#[derive(Default)]
pub(crate) struct Judged {
    pub(crate) violations: Vec<Violation>,
    /// The end in words, for comparison.
    pub(crate) end: Vec<String>,
    pub(crate) late_windows: u64,
}

/// What must be so when all is quiet.
pub(crate) fn at_the_end(evidence: &Evidence<'_>) -> Judged {
    let mut findings = Findings(Vec::new());
    let Some(db) = plain(evidence.place) else {
        findings.expect(false, Promise::G1, || "the store is gone".to_owned());
        return Judged { violations: findings.0, ..Judged::default() };
    };
    let sound = is_sound(&db);
    findings.expect(sound == "ok", Promise::G3, || format!("SQLite says: {sound}"));
    let (asked, unreadable) = asked(evidence.outside, &evidence.life.script);
    for name in unreadable {
        findings.expect(false, Promise::G14, || format!("NemKonto could not read {name}"));
    }
    for name in &evidence.changed_bytes {
        findings
            .expect(false, Promise::G7, || format!("other bytes under a name that was sent before: {name}"));
    }
    let mut end = files(evidence, &db, &mut findings);
    end.extend(payments(evidence, &db, &asked, &mut findings));
    bundles(&db, &asked, &mut findings);
    end.extend(money(&db, &mut findings));
    end.extend(books(evidence, &db, &mut findings));
    windows(evidence, &db, &mut findings);
    replay(evidence, &mut findings);
    archive(evidence, &db, &mut findings);
    let late = "select coalesce(sum(missed + (begun_at - due_at > 60000000)), 0) from schedule_window";
    let late_windows = rows(&db, late)[0][0].unsigned_abs();
    Judged { violations: findings.0, end, late_windows }
}

/// G1, G5: every file has one fate, the right one, and every record of it is there.
fn files(evidence: &Evidence<'_>, db: &Connection, findings: &mut Findings) -> Vec<String> {
    let mut end = Vec::new();
    for (_, delivery) in &evidence.deliveries {
        let line = &delivery.line;
        let all = transfers_of(db, &line.name);
        let accepted: Vec<_> = all.iter().filter(|transfer| transfer.state == code::ACCEPTED).collect();
        let quarantined = all.iter().any(|transfer| transfer.state == code::QUARANTINED);
        let (name, states) = (&line.name, all.iter().map(|t| t.state).collect::<Vec<_>>());
        match line.state {
            FileState::Accepted => {
                findings.expect(accepted.len() == 1, Promise::G1, || {
                    format!("{name} is to be taken in once; its transfers are in states {states:?}")
                });
            }
            FileState::Quarantined => {
                findings.expect(accepted.is_empty() && quarantined, Promise::G5, || {
                    format!("{name} is to be set aside; its transfers are in states {states:?}")
                });
            }
        }
        end.push(format!("{name} {}", if accepted.is_empty() { "set aside" } else { "accepted" }));
        if let Some(transfer) = accepted.first() {
            let sql = format!(
                "select (select count(*) from payment where payment_id >> 20 = {0})
                    + (select count(*) from rejected where transfer_no = {0})",
                transfer.no
            );
            let kept = rows(db, &sql)[0][0];
            findings.expect(kept == i64::from(line.records), Promise::G1, || {
                format!("{name} has {} records, {kept} are kept", line.records)
            });
        }
    }
    end
}

struct PaymentRow {
    state: i64,
    /// Of the bundle it is in, if any.
    bundle: i64,
    amount: i64,
    municipality: i64,
}

/// G1, G2, G5, G12, G14: every record against what NemKonto was asked and what it decided.
fn payments(
    evidence: &Evidence<'_>,
    db: &Connection,
    asked: &[Asked],
    findings: &mut Findings,
) -> Vec<String> {
    let mut end = Vec::new();
    let mut by_payment: BTreeMap<i64, Vec<&Asked>> = BTreeMap::new();
    for one in asked {
        let id = one.reference.rsplit('-').next().and_then(|digits| digits.get(..12)?.parse().ok());
        by_payment.entry(id.unwrap_or(0)).or_default().push(one);
    }
    let stored: BTreeMap<i64, PaymentRow> = rows(
        db,
        "select payment_id, p.state, amount_ore, p.municipality, b.state from payment p
                left join bundle b on b.bundle_no = p.bundle_no",
    )
    .into_iter()
    .map(|row| (row[0], PaymentRow { state: row[1], amount: row[2], municipality: row[3], bundle: row[4] }))
    .collect();
    let rejected: BTreeSet<i64> = rows(db, "select transfer_no << 20 | record_no from rejected")
        .into_iter()
        .map(|row| row[0])
        .collect();
    let mut known = BTreeSet::new();
    let mut unclaimed = BTreeSet::new();
    let were_unread = asked.iter().any(|ask| ask.decided == Decided::Unread);
    for (_, delivery) in &evidence.deliveries {
        let accepted = transfers_of(db, &delivery.line.name).into_iter().find(|t| t.state == code::ACCEPTED);
        let Some(transfer) = accepted else { continue };
        for record in &delivery.records {
            let id = transfer.no << 20 | i64::from(record.record);
            known.insert(id);
            let codes = codes_of(db, transfer.no, record.record);
            let none = Vec::new();
            let asks = by_payment.get(&id).unwrap_or(&none);
            let is_rejected = rejected.contains(&id);
            let kept = Kept {
                payment: stored.get(&id),
                is_rejected,
                codes,
                were_unread,
                has_clerk: evidence.life.has_clerk,
            };
            let mut record = record.clone();
            // A record that was refused for coming too late claimed nothing: who repeats its reference is the first.
            if kept.is_too_late() {
                unclaimed.insert(record.transaction_ref.clone());
            } else if unclaimed.remove(&record.transaction_ref) {
                record.expected = Expected::Pay { answer: None };
            }
            let stands = one_record(&record, &kept, asks, findings);
            end.push(format!("{} {} {stands}", record.file, record.record));
        }
    }
    let of_strays = "select payment_id from payment p join transfer t on t.transfer_no = p.payment_id >> 20
        where t.name like 'stray%'";
    known.extend(rows(db, of_strays).into_iter().map(|row| row[0]));
    for (id, asks) in &by_payment {
        findings.expect(known.contains(id), Promise::G2, || {
            format!("NemKonto was asked for {}, which no record asks for", asks[0].reference)
        });
    }
    end
}

/// What the store says of a record.
struct Kept<'a> {
    payment: Option<&'a PaymentRow>,
    is_rejected: bool,
    /// What was found wrong with it.
    codes: Vec<String>,
    /// Whether there was a bundle that NemKonto could not read.
    were_unread: bool,
    /// Whether persons settle payments.
    has_clerk: bool,
}

impl Kept<'_> {
    /// One that came more than five bank days after its day, because the hub was down, is refused and says so.
    fn is_too_late(&self) -> bool {
        self.is_rejected && self.codes == ["G68-K05"]
    }
}

fn codes_of(db: &Connection, transfer: i64, record: u32) -> Vec<String> {
    let sql = "select code from finding where transfer_no = ?1 and record_no = ?2 order by seq";
    let mut statement = db.prepare_cached(sql).unwrap();
    let codes = statement.query_map((transfer, record), |row| row.get(0)).unwrap();
    codes.map(|code| code.unwrap()).collect()
}

/// Where a record stands, in words; every mistake about it becomes a finding.
fn one_record(record: &RecordLine, kept: &Kept<'_>, asks: &[&Asked], findings: &mut Findings) -> String {
    let (payment, is_rejected) = (kept.payment, kept.is_rejected);
    let at = || format!("{} record {} ({} øre)", record.file, record.record, record.amount_ore);
    findings.expect(payment.is_some() != is_rejected, Promise::G3, || {
        format!("{}: payment {}, rejected {is_rejected}", at(), payment.is_some())
    });
    let is_right = match &record.expected {
        Expected::Pay { .. } => payment.is_some() || kept.is_too_late(),
        Expected::Rejected { .. } => is_rejected,
        Expected::Held { .. } => payment.is_some_and(|payment| code::HELD_UNPOSTED.contains(&payment.state)),
        Expected::Quarantined => false,
    };
    findings.expect(is_right, Promise::G5, || {
        let state = payment.map(|payment| payment.state);
        format!("{}: expected {:?}, is {state:?} {:?}", at(), record.expected, kept.codes)
    });
    if !is_to_be_paid(record) {
        findings.expect(asks.is_empty(), Promise::G2, || format!("{}: NemKonto was asked for it", at()));
    }
    for ask in asks {
        let is_same = ask.amount_ore == record.amount_ore && Some(&record.payee) == ask.payee.as_ref();
        findings.expect(is_same, Promise::G14, || format!("{}: NemKonto was asked for {ask:?}", at()));
        findings.expect(ask.municipality == record.municipality, Promise::G12, || {
            format!("{}: of {}, sent for {}", at(), record.municipality, ask.municipality)
        });
    }
    let live = asks.iter().filter(|ask| matches!(ask.decided, Decided::Paid | Decided::Silent)).count();
    findings.expect(live <= 1, Promise::G2, || format!("{}: may be paid {live} times: {asks:?}", at()));
    let is_settled = payment.is_some_and(|payment| code::SETTLED.contains(&payment.state));
    findings.expect(!is_settled || live == 0, Promise::G2, || {
        format!("{}: settled by a person, and NemKonto may pay it: {asks:?}", at())
    });
    let repeated = asks.iter().any(|ask| ask.decided == Decided::Repeated);
    findings.expect(!repeated, Promise::G2, || format!("{}: its bundle was sent twice", at()));
    let Some(payment) = payment else { return "rejected".to_owned() };
    findings.expect(payment.amount == record.amount_ore, Promise::G3, || {
        format!("{}: kept as {} øre", at(), payment.amount)
    });
    findings.expect(format!("{:04}", payment.municipality) == record.municipality, Promise::G12, || {
        format!("{}: kept for {}", at(), payment.municipality)
    });
    if is_to_be_paid(record) {
        let fits = fits(payment, asks.last().map(|ask| ask.decided), kept);
        findings.expect(fits, Promise::G1, || {
            let decided = asks.last().map(|ask| ask.decided);
            format!("{}: NemKonto decided {decided:?}, the payment is in state {}", at(), payment.state)
        });
        if let Some(ask) = asks.last() {
            let timely = record.effective.as_ref().is_none_or(|day| *day <= ask.day.to_string());
            findings.expect(timely, Promise::G5, || format!("{}: sent for {}", at(), ask.day));
        }
    }
    match payment.state {
        code::IN_PROGRESS | code::UNCONFIRMED => "no answer".to_owned(), // which, is a matter of when one looks
        state if state >= code::HELD => format!("held {}", state - code::HELD),
        state => format!("state {state}"),
    }
}

/// Whether a payment's state agrees with NemKonto's last word; `None`: it was never asked.
fn fits(payment: &PaymentRow, decided: Option<Decided>, kept: &Kept<'_>) -> bool {
    let state = payment.state;
    if kept.has_clerk && code::SETTLED.contains(&state) {
        return !matches!(decided, Some(Decided::Paid | Decided::Repeated));
    }
    // Sent anew, and held: the second attempt is one that NemKonto was never asked for.
    let is_held = state == code::HELD_LATE || payment.bundle == code::BUNDLE_HELD;
    if kept.has_clerk && is_held && matches!(decided, Some(Decided::Returned | Decided::Refused)) {
        return true;
    }
    match decided {
        // Not sent: only a hold that says so, of the payment or of its bundle; or a receipt for a file that NemKonto could
        // not read, which names no bundle, came while this one was about to leave.
        None => {
            let is_in_doubt = kept.were_unread && payment.bundle == code::BUNDLE_IN_DOUBT;
            state == code::HELD_LATE || payment.bundle == code::BUNDLE_HELD || is_in_doubt
        }
        Some(Decided::Paid | Decided::Repeated) => state == code::PAID,
        Some(Decided::Returned) => state == code::OPEN,
        Some(Decided::Refused) => [code::OPEN, code::WAITING].contains(&state),
        Some(Decided::Silent | Decided::Unread) => {
            [code::IN_PROGRESS, code::UNCONFIRMED, code::OPEN].contains(&state)
        }
    }
}

/// G2: what stands in bundles.
fn bundles(db: &Connection, asked: &[Asked], findings: &mut Findings) {
    let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in asked.iter().filter(|one| one.decided != Decided::Repeated) {
        groups.entry(&one.reference).or_default().insert(&one.group);
    }
    for (reference, groups) in groups {
        findings.expect(groups.len() == 1, Promise::G2, || format!("{reference} stands in {groups:?}"));
    }
    let sql = format!(
        "select payment_id, count(*) from attempt a join bundle b on b.bundle_no = a.bundle_no
            where coalesce(a.state, case b.state when 9 then 10 else 2 end) in {} group by payment_id
            having count(*) > 1",
        code::LIVE
    );
    for row in rows(db, &sql) {
        findings.expect(false, Promise::G2, || format!("payment {} has {} live attempts", row[0], row[1]));
    }
    for row in rows(db, "select payment_id, attempt, count(*) from attempt group by 1, 2 having count(*) > 1")
    {
        findings
            .expect(false, Promise::G2, || format!("attempt {}/{} in {} bundles", row[0], row[1], row[2]));
    }
    let mixed = "select a.payment_id, p.municipality, b.municipality from attempt a
        join payment p on p.payment_id = a.payment_id join bundle b on b.bundle_no = a.bundle_no
        where p.municipality <> b.municipality";
    for row in rows(db, mixed) {
        findings.expect(false, Promise::G12, || {
            format!("payment {} of {} in a bundle of {}", row[0], row[1], row[2])
        });
    }
    let mixed = "select p.payment_id, p.municipality, v.municipality from posting l
        join voucher v on v.voucher_no = l.voucher_no join payment p on p.payment_id = l.payment_id
        where p.municipality <> v.municipality";
    for row in rows(db, mixed) {
        findings.expect(false, Promise::G12, || {
            format!("payment {} of {} booked for {}", row[0], row[1], row[2])
        });
    }
}

/// Postings that count: of accepted files, and of answers.
const COUNTING: &str = "voucher v join posting l on l.voucher_no = v.voucher_no
    left join transfer t on v.source_kind = 1 and t.transfer_no = v.source_no
    where (v.source_kind <> 1 or t.accepted_at is not null)";

/// G3: double entry.
fn money(db: &Connection, findings: &mut Findings) -> Vec<String> {
    for row in
        rows(db, "select voucher_no, sum(amount_ore) from posting group by 1 having sum(amount_ore) <> 0")
    {
        findings.expect(false, Promise::G3, || format!("voucher {} is off by {} øre", row[0], row[1]));
    }
    let sql = format!(
        "select v.municipality, l.account, sum(max(l.amount_ore, 0)), sum(max(-l.amount_ore, 0)) from {COUNTING}
            group by 1, 2 order by 1, 2"
    );
    let posted = rows(db, &sql);
    let kept = rows(
        db,
        "select municipality, account, debit_ore, credit_ore from balance
        where debit_ore <> 0 or credit_ore <> 0 order by 1, 2",
    );
    findings.expect(posted == kept, Promise::G3, || format!("balances {kept:?}, lines say {posted:?}"));
    let open = "select p.municipality, sum(p.amount_ore) from payment p
        join transfer t on t.transfer_no = p.payment_id >> 20
        where t.accepted_at is not null and p.state in (1, 2, 3, 4, 23, 24) group by 1 order by 1";
    let owed: BTreeMap<i64, i64> = rows(db, open).into_iter().map(|row| (row[0], row[1])).collect();
    let mut interim: BTreeMap<i64, i64> = BTreeMap::new();
    for row in posted.iter().filter(|row| row[1] == code::INTERIM) {
        *interim.entry(row[0]).or_insert(0) += row[3] - row[2];
    }
    interim.retain(|_, ore| *ore != 0);
    findings.expect(owed == interim, Promise::G3, || {
        format!("open payments {owed:?}, the interim account says {interim:?}")
    });
    kept.iter().map(|row| format!("account {row:?}")).collect()
}

/// G2 towards the ERP: its books are what the hub knows to be booked.
fn books(evidence: &Evidence<'_>, db: &Connection, findings: &mut Findings) -> Vec<String> {
    let sql = "select v.municipality, sum(max(l.amount_ore, 0)) from voucher v
        join posting l on l.voucher_no = v.voucher_no
        where exists (select 1 from voucher_sent s where s.voucher_no = v.voucher_no and s.state = 2)
        group by 1 order by 1";
    let cvr = |code: i64| {
        let code = MunicipalityCode(u16::try_from(code).unwrap_or(0));
        let known = evidence.life.installation.municipalities.get(code);
        known.map(|municipality| municipality.cvr.to_string()).unwrap_or_default()
    };
    let ours: BTreeMap<String, i64> = rows(db, sql).into_iter().map(|row| (cvr(row[0]), row[1])).collect();
    let theirs = evidence.books.balances.iter().map(|(authority, accounts)| {
        (authority.clone(), accounts.values().map(|account| account.debit_ore).sum())
    });
    let theirs: BTreeMap<String, i64> = theirs.filter(|(_, sum)| *sum != 0).collect();
    findings.expect(ours == theirs, Promise::G2, || {
        format!("the ERP booked {theirs:?}, the hub knows of {ours:?}")
    });
    // What takes another back goes when the ERP has accepted that one.
    let due = format!(
        "select count(*) from voucher_open o join voucher v on v.voucher_no = o.voucher_no
            where o.held is null and o.booking_day < {} and not exists (
                select 1 from voucher w where w.source_kind = v.source_kind and w.source_no = v.source_no
                    and w.voucher_no < v.voucher_no and not exists (
                        select 1 from voucher_sent s where s.voucher_no = w.voucher_no and s.state = 2))",
        instant(evidence.end).as_second() / 86_400
    );
    for row in rows(db, &due) {
        findings.expect(row[0] == 0, Promise::G8, || format!("{} vouchers were never sent", row[0]));
    }
    theirs.iter().map(|(authority, sum)| format!("booked {authority} {sum}")).collect()
}

/// G6: every time at which bundles were due was served once, by its own run or by one that says it stands for it.
fn windows(evidence: &Evidence<'_>, db: &Connection, findings: &mut Findings) {
    let Some(first) = evidence.first else { return };
    let sql = "select due_at, coalesce(first_missed, due_at), missed, coalesce(finished_at, 0), begun_at
        from schedule_window where pipeline = 'send-bundles' order by due_at";
    let served = rows(db, sql);
    let mut day: Date = first.date();
    while day < evidence.end.date() {
        let due = instant(day.to_datetime(time(13, 0, 0, 0))).as_microsecond();
        let by = served.iter().filter(|run| run[3] > 0 && run[1] <= due && due <= run[0]).count();
        match bank_days::is_open(day) {
            true => findings.expect(by == 1, Promise::G6, || {
                format!("13:00 on {day} was served by {by} runs: {served:?}")
            }),
            false => findings.expect(!has_own(&served, due), Promise::G6, || format!("a run on {day}")),
        }
        day = day.tomorrow().unwrap();
    }
}

fn has_own(served: &[Vec<i64>], due: i64) -> bool {
    served.iter().any(|run| run[0] == due)
}

/// G3: the journal, replayed, gives the store.
fn replay(evidence: &Evidence<'_>, findings: &mut Findings) {
    let store = Store::open_inline(&evidence.place.join(STORE)).unwrap();
    for check in store.read(toek::store::verify::all).unwrap() {
        findings.expect(check.broken.is_empty(), Promise::G3, || {
            format!("`verify`: not so: {}: {:?}", check.name, check.broken)
        });
    }
}

/// G1, G10: the archive gives back every byte that was delivered.
fn archive(evidence: &Evidence<'_>, db: &Connection, findings: &mut Findings) {
    let place = evidence.place.join(ARCHIVE);
    let archive = Archive::new(Arc::new(RealDisk), place);
    let mut statement = db
        .prepare("select transfer_no, name, sha256, data_key from transfer where sha256 is not null")
        .unwrap();
    let all = statement.query_map([], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, Vec<u8>>(2)?,
            row.get::<_, Vec<u8>>(3)?,
        ))
    });
    let delivered: BTreeMap<&str, &str> = evidence
        .deliveries
        .iter()
        .map(|(_, delivery)| (delivery.line.name.as_str(), delivery.line.sha256.as_str()))
        .collect();
    for row in all.unwrap() {
        let (no, name, hash, wrapped) = row.unwrap();
        let read = Key::new([7; 32])
            .unwrap_key(&wrapped)
            .and_then(|key| archive.open(TransferNo(no), &key))
            .and_then(|mut reader| hash_of(&mut reader));
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match read {
            Err(error) => findings.expect(false, Promise::G1, || format!("{name} cannot be read: {error}")),
            Ok(read) => {
                findings
                    .expect(read.sha256[..] == hash[..], Promise::G10, || format!("{name} has other bytes"));
                let is_delivered = delivered.get(name.as_str()).is_none_or(|known| *known == hex(&hash));
                findings.expect(is_delivered, Promise::G1, || format!("{name} is not what was delivered"));
            }
        }
    }
}
