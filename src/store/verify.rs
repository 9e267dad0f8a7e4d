//! Every invariant that the store alone can be held against: the books, the journal replayed, the keys.
//!
//! Reads only. The archive is checked beside it by the caller, which has the keys.

use std::collections::BTreeMap;

use rusqlite::params;
use toek_formats::vocabulary::{MunicipalityCode, Ore};

use super::journal::{self, EntryKind};
use super::sql::statements;
use super::{StoreError, Tx, bundle, ledger, report, seal, seen};
use crate::canary::{self, Canary};
use crate::domain::identity::{PaymentId, TransferNo};
use crate::domain::ledger::{Account, Rule};
use crate::domain::outcome::Outcome;
use crate::domain::payment::AttemptState;

statements! {
    SOUND = "select integrity_check from pragma_integrity_check limit 20";
    UNBALANCED = "select voucher_no, sum(amount_ore) from posting group by voucher_no
        having sum(amount_ore) <> 0 order by voucher_no limit 20";
    EMPTY = "select v.voucher_no from voucher v
        where not exists (select 1 from posting p where p.voucher_no = v.voucher_no) order by v.voucher_no limit 20";
    POSTED = "select v.municipality, p.account,
            sum(case when p.amount_ore > 0 then p.amount_ore else 0 end),
            sum(case when p.amount_ore < 0 then -p.amount_ore else 0 end)
        from voucher v join posting p on p.voucher_no = v.voucher_no
        left join transfer t on v.source_kind = 1 and t.transfer_no = v.source_no
        where v.source_kind = 2 or t.accepted_at is not null
        group by v.municipality, p.account order by v.municipality, p.account";
    STATES = "select p.payment_id, p.state, p.attempt, a.state from payment p
        left join attempt a on a.payment_id = p.payment_id and a.attempt = p.attempt order by p.payment_id";
    REJECTED = "select transfer_no, record_no from rejected order by transfer_no, record_no";
    UNACCEPTED_SENT = "select count(*) from attempt a join transfer t on t.transfer_no = a.payment_id >> 20
        where t.accepted_at is null";
    MEMBERS = "select count(*), coalesce(sum(p.amount_ore), 0),
            coalesce(sum(case when a.state is null then 1 else 0 end), 0)
        from attempt a join payment p on p.payment_id = a.payment_id
        where a.payment_id = $1 and a.bundle_no = $2";
    LOST_VOUCHERS = "select v.voucher_no from voucher v
        left join transfer t on v.source_kind = 1 and t.transfer_no = v.source_no
        where (v.source_kind = 2 or t.accepted_at is not null)
            and not exists (select 1 from voucher_open o where o.voucher_no = v.voucher_no)
            and not exists (select 1 from voucher_sent s where s.voucher_no = v.voucher_no)
        order by v.voucher_no limit 20";
    DOUBLE_VOUCHERS = "select voucher_no from voucher_sent where state <> 3 group by voucher_no having count(*) > 1
        order by voucher_no limit 20";
    OPEN_AND_SENT = "select o.voucher_no from voucher_open o join voucher_sent s on s.voucher_no = o.voucher_no
        where s.state <> 3 order by o.voucher_no limit 20";
    FILE_FIGURES = "select f.file_no from voucher_file f where f.vouchers <> (
            select count(*) from voucher_sent s where s.file_no = f.file_no)
        or f.undecided <> (select count(*) from voucher_sent s where s.file_no = f.file_no and s.state = 1)
        order by f.file_no limit 20";
    OTHER_BUNDLES = "select p.payment_id from payment p
        left join attempt a on a.payment_id = p.payment_id and a.attempt = p.attempt
        where p.bundle_no is distinct from a.bundle_no order by p.payment_id limit 20";
    ASSORTMENTS = "select assortment_id from assortment group by assortment_id having sum(is_current) <> 1
            or max(changed_at) <> max(case when is_current = 1 then changed_at end)
        order by assortment_id limit 20";
    OWN_STATES = "select a.state from attempt a where a.payment_id = $1 and a.bundle_no = $2";
}

/// One invariant, held or broken.
#[derive(Clone, Debug)]
pub struct Check {
    /// What must be so.
    pub name: &'static str,
    /// The first few places where it is not.
    pub broken: Vec<String>,
}

const SHOWN: usize = 10;

fn check(name: &'static str, mut broken: Vec<String>) -> Check {
    broken.truncate(SHOWN);
    Check { name, broken }
}

/// Holds the store against all its invariants.
pub fn all(tx: &Tx<'_>) -> Result<Vec<Check>, StoreError> {
    let replay = Replay::of(tx)?;
    Ok(vec![
        check("the database is sound", soundness(tx)?),
        check("every voucher balances", unbalanced(tx)?),
        check("every account's running balance is the sum of its lines", balances(tx)?),
        check("the interim account equals the open payments", interim(tx)?),
        check("each municipality's accounts add up to nothing", zero_sums(tx)?),
        check("the journal is whole and unchanged", replay.damaged.clone()),
        check("replaying the journal gives every payment's state", replay.states(tx)?),
        check("replaying the journal gives every account's balance", replay.balances(tx)?),
        check("bundles hold what they say, each attempt once", bundles(tx)?),
        check("every payment is in the bundle of its newest attempt", other_bundles(tx)?),
        check("nothing of an unaccepted file was sent", unaccepted(tx)?),
        check("every voucher that counts waits, or went to the ERP once", vouchers(tx)?),
        check("of every assortment the version changed last counts", assortments(tx)?),
        check("the duplicate guard's filters know every fingerprint", seen::unknown_to_filters(tx)?),
        check("every row is as toek wrote it", unsealed(tx)?),
    ])
}

fn soundness(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    let lines: Vec<String> = tx.all(SOUND, [], |row| row.get(0))?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

fn unbalanced(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    let mut broken: Vec<String> = tx.all(UNBALANCED, [], |row| {
        Ok(format!("voucher {} is off by {}", row.get::<_, i64>(0)?, Ore(row.get(1)?).danish()))
    })?;
    broken.extend(tx.all(EMPTY, [], |row| Ok(format!("voucher {} has no line", row.get::<_, i64>(0)?)))?);
    Ok(broken)
}

type Sums = BTreeMap<(MunicipalityCode, i64), (i64, i64)>;

fn stored_balances(tx: &Tx<'_>) -> Result<Sums, StoreError> {
    let all = ledger::balances(tx)?;
    Ok(all.into_iter().map(|b| ((b.municipality, b.account.code()), (b.debit.0, b.credit.0))).collect())
}

fn differences(left: &Sums, right: &Sums) -> Vec<String> {
    let keys: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let value = |sums: &Sums, key| sums.get(key).copied().unwrap_or((0, 0));
    keys.into_iter()
        .filter(|key| value(left, key) != value(right, key))
        .map(|key| {
            let account = Account::from_code(key.1).map_or_else(|_| key.1.to_string(), |a| a.to_string());
            let (has, should) = (value(left, key), value(right, key));
            format!(
                "{} {account}: debit {} credit {}, not {} and {}",
                key.0, has.0, has.1, should.0, should.1
            )
        })
        .collect()
}

fn balances(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    let mut posted = Sums::new();
    tx.each(POSTED, [], |row| {
        posted.insert((MunicipalityCode(row.get(0)?), row.get(1)?), (row.get(2)?, row.get(3)?));
        Ok(())
    })?;
    Ok(differences(&stored_balances(tx)?, &posted))
}

fn interim(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    let mut open = report::open_payments(tx)?;
    let mut broken = Vec::new();
    for balance in ledger::balances(tx)?.into_iter().filter(|b| b.account == Account::Interim) {
        let owed = open.remove(&balance.municipality).unwrap_or_default();
        let stands = balance.credit - balance.debit;
        if owed != stands {
            let municipality = balance.municipality;
            broken.push(format!("{municipality}: {} stands, {} is open", stands.danish(), owed.danish()));
        }
    }
    let unposted = open.into_iter().filter(|(_, owed)| *owed != Ore::ZERO);
    broken
        .extend(unposted.map(|(municipality, owed)| {
            format!("{municipality}: nothing stands, {} is open", owed.danish())
        }));
    Ok(broken)
}

fn zero_sums(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    let mut sums: BTreeMap<MunicipalityCode, i64> = BTreeMap::new();
    for balance in ledger::balances(tx)? {
        *sums.entry(balance.municipality).or_default() += balance.debit.0 - balance.credit.0;
    }
    let off = sums.into_iter().filter(|(_, sum)| *sum != 0);
    Ok(off.map(|(municipality, sum)| format!("{municipality} is off by {}", Ore(sum).danish())).collect())
}

fn unaccepted(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    let sent: i64 = tx.one(UNACCEPTED_SENT, [], |row| row.get(0))?.unwrap_or(0);
    Ok(if sent == 0 { vec![] } else { vec![format!("{sent} attempts")] })
}

fn other_bundles(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    tx.all(OTHER_BUNDLES, [], |row| row.get(0).map(|id| PaymentId::from_i64(id).to_string()))
}

fn unsealed(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    if canary::is_active(Canary::BlindVerify) {
        return Ok(Vec::new());
    }
    seal::broken(tx)
}

fn vouchers(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    let mut broken = Vec::new();
    for (sql, what) in [
        (LOST_VOUCHERS, "voucher {} neither waits nor was sent"),
        (DOUBLE_VOUCHERS, "voucher {} stands more than once"),
        (OPEN_AND_SENT, "voucher {} was sent, and waits to be sent"),
        (FILE_FIGURES, "voucher file {} does not hold what it says"),
    ] {
        let found: Vec<i64> = tx.all(sql, [], |row| row.get(0))?;
        broken.extend(found.into_iter().map(|no| what.replace("{}", &no.to_string())));
    }
    Ok(broken)
}

fn assortments(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    tx.all(ASSORTMENTS, [], |row| Ok(format!("assortment {}", row.get::<_, String>(0)?)))
}

fn bundles(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    let (mut broken, mut last) = (Vec::new(), 0);
    loop {
        let page = bundle::after(tx, last)?;
        let Some(end) = page.last() else { return Ok(broken) };
        last = end.no.0;
        for bundle in page {
            let (mut sum, mut undecided) = (0, 0);
            for member in &bundle.members {
                let key = params![member.as_i64(), bundle.no.0];
                let (count, amount, _): (i64, i64, i64) = tx
                    .one(MEMBERS, key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                    .unwrap_or_default();
                if count != 1 {
                    broken.push(format!("{}: {member} has {count} attempts in it", bundle.group_id));
                }
                sum += amount;
                let own: Option<Option<u8>> = tx.one(OWN_STATES, key, |row| row.get(0))?;
                let state = match own.flatten() {
                    Some(code) => AttemptState::from_code(code)?,
                    None => bundle.state.attempt_state(),
                };
                undecided += u32::from(state.is_undecided());
            }
            let counted = bundle.members.len() == bundle.payments as usize && sum == bundle.sum.0;
            if !counted || undecided != bundle.undecided {
                broken.push(format!(
                    "{}: {} payments over {}, {undecided} undecided, but it says {}, {}, {}",
                    bundle.group_id,
                    bundle.members.len(),
                    Ore(sum).danish(),
                    bundle.payments,
                    bundle.sum.danish(),
                    bundle.undecided
                ));
            }
        }
    }
}

/// What the journal alone makes of every record: three bytes each, by transfer.
struct Replay {
    transfers: BTreeMap<TransferNo, Vec<[u8; 3]>>,
    balances: Sums,
    damaged: Vec<String>,
}

const NOTHING: [u8; 3] = [u8::MAX, 0, 0];

impl Replay {
    fn of(tx: &Tx<'_>) -> Result<Replay, StoreError> {
        let mut replay = Replay { transfers: BTreeMap::new(), balances: Sums::new(), damaged: Vec::new() };
        let mut waiting: BTreeMap<i64, Sums> = BTreeMap::new(); // of transfers not accepted yet
        let mut expected = 1;
        journal::each(tx, |entry| {
            if entry.entry_no != expected || !entry.intact {
                replay.damaged.push(format!("entry {}", entry.entry_no));
            }
            expected = entry.entry_no + 1;
            for outcome in &entry.outcomes {
                replay.apply(outcome);
                let sums = match entry.kind {
                    EntryKind::Intake => waiting.entry(entry.subject_no).or_default(),
                    _ => &mut replay.balances,
                };
                post(sums, outcome)?;
            }
            if entry.kind == EntryKind::Accepted {
                for (key, (debit, credit)) in waiting.remove(&entry.subject_no).unwrap_or_default() {
                    let sums = replay.balances.entry(key).or_default();
                    sums.0 += debit;
                    sums.1 += credit;
                }
            }
            Ok(())
        })?;
        Ok(replay)
    }

    fn apply(&mut self, outcome: &Outcome) {
        let records = self.transfers.entry(outcome.payment.transfer()).or_default();
        let at = outcome.payment.record_no() as usize;
        if records.len() <= at {
            records.resize(at + 1, NOTHING);
        }
        let record = &mut records[at];
        record[0] = outcome.payment_state;
        // What becomes of an earlier attempt says nothing about the newest.
        if outcome.attempt_state > 0 && outcome.attempt >= record[1] {
            record[1] = outcome.attempt;
            record[2] = outcome.attempt_state;
        }
    }

    fn record(&mut self, id: PaymentId) -> Option<&mut [u8; 3]> {
        self.transfers.get_mut(&id.transfer())?.get_mut(id.record_no() as usize)
    }

    fn states(&self, tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
        let mut left =
            Replay { transfers: self.transfers.clone(), balances: Sums::new(), damaged: Vec::new() };
        let mut broken = Vec::new();
        tx.each(STATES, [], |row| {
            let id = PaymentId::from_i64(row.get(0)?);
            let own_state = row.get::<_, Option<u8>>(3)?;
            let attempt: u8 = row.get(2)?;
            // An attempt without a state of its own is as it was when it was numbered.
            let untouched = if attempt > 0 { AttemptState::Ready as u8 } else { 0 };
            let stored = [row.get(1)?, attempt, own_state.unwrap_or(untouched)];
            let replayed = left.record(id).map(|record| std::mem::replace(record, NOTHING));
            if replayed != Some(stored) {
                broken.push(format!("{id} is {stored:?}, the journal says {replayed:?}"));
            }
            Ok(())
        })?;
        tx.each(REJECTED, [], |row| {
            let id = PaymentId::new(TransferNo(row.get(0)?), row.get(1)?);
            let replayed = left.record(id).map(|record| std::mem::replace(record, NOTHING));
            if replayed != Some([0, 0, 0]) {
                broken.push(format!("record {id} is rejected, the journal says {replayed:?}"));
            }
            Ok(())
        })?;
        for (transfer, records) in &left.transfers {
            let lost = records.iter().enumerate().filter(|(_, record)| **record != NOTHING);
            broken.extend(
                lost.take(SHOWN).map(|(no, _)| format!("record {no} of transfer {} is lost", transfer.0)),
            );
        }
        Ok(broken)
    }

    fn balances(&self, tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
        Ok(differences(&stored_balances(tx)?, &self.balances))
    }
}

fn post(sums: &mut Sums, outcome: &Outcome) -> Result<(), StoreError> {
    for code in outcome.rules.into_iter().filter(|code| *code > 0) {
        let (each, direction, counter) = Rule::from_code(code)?.sides(outcome.bank);
        for (account, amount) in
            [(each, direction * outcome.amount.0), (counter, -direction * outcome.amount.0)]
        {
            let sum = sums.entry((outcome.municipality, account.code())).or_default();
            sum.0 += amount.max(0);
            sum.1 += (-amount).max(0);
        }
    }
    Ok(())
}
