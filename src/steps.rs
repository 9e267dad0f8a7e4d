//! The durable steps: every place where the hub makes something durable, or visible outside.
//!
//! A process may die before, in the middle of or after each of them, and the next start must find its way. The table
//! says what it finds. What writes to the store names its step by type (`store::Write::STEP`); the steps of the disk and
//! of the endpoints are calls of their seams. The fault simulator kills the hub at every one, in every way, and fails
//! when one was never reached. Does nothing itself.

/// Which seam a step goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seam {
    /// A commit of the store.
    Store,
    /// A file of the archive.
    Archive,
    /// A counterparty's place.
    Endpoint,
}

impl Seam {
    /// Its name.
    pub fn text(self) -> &'static str {
        match self {
            Seam::Store => "store",
            Seam::Archive => "archive",
            Seam::Endpoint => "endpoint",
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The step.
    pub step: Step,
    /// What it is called.
    pub name: &'static str,
    /// Which seam it goes through.
    pub seam: Seam,
    /// What is durable, or visible, from then on.
    pub makes: &'static str,
    /// What the next start does when a crash comes right after it.
    pub then: &'static str,
}

macro_rules! steps {
    ($($number:literal $step:ident $seam:ident $name:literal: $makes:literal, $then:literal;)*) => {
        /// A durable step. Its number never changes: it stands in logs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Step {
            $(#[doc = $makes] $step = $number,)*
        }

        /// Every step, in the order of a file's way.
        pub const STEPS: &[Row] = &[
            $(Row { step: Step::$step, name: $name, seam: Seam::$seam, makes: $makes, then: $then },)*
        ];
    };
}

steps! {
    // In.
    1 Known Store "known": "a listed file, or one that is to go out, has a number and a key", "it is fetched, or written, from its beginning";
    2 Bytes Archive "bytes": "the archived file's bytes, under a dotted name", "the dotted file is emptied and written again";
    3 Name Archive "name": "the archived file's name", "it is written again to the same name";
    4 Folder Archive "folder": "names in a folder of the archive", "it is written again to the same name";
    5 Archived Store "archived": "that the archive holds a file; from here on it alone is read", "the file is judged from its beginning";
    6 Judged Store "judged": "the instant whose rules judge the file", "it is judged by the same rules";
    7 Chunk Store "chunk": "some of a file's records, with the checkpoint", "the file is read again and goes on after the checkpoint";
    8 Accepted Store "accepted": "that what a file says counts: balances, references, what is due", "the file is taken away from its drop";
    9 SetAside Store "set aside": "that a file is quarantined, ignored or refused, and why", "the file is taken away from its drop";
    10 Reopened Store "reopened": "that a file in quarantine is judged anew", "it is judged from its beginning";
    11 TakenAway Endpoint "taken away": "a settled file is gone from its drop", "nothing: it is known as settled";
    12 Removal Store "removal": "that a settled file is gone from its drop", "nothing";
    // Out.
    13 Numbered Store "numbered": "a bundle: its number, its payments, all that its bytes depend on", "the same bytes are written to the archive";
    14 Moved Store "moved": "how far a bundle is: archived, about to be committed, sent, held", "it goes on from there; about to be committed, it looks first";
    15 Uploaded Endpoint "uploaded": "a whole file at the counterparty under a name that it does not read", "it is uploaded again over that name";
    16 Committed Endpoint "committed": "the file is the counterparty's", "the upload is looked for; being gone, it counts as committed";
    17 Companion Endpoint "companion": "the file that makes another the counterparty's", "the same bytes are found there, which is as good";
    18 Landed Store "landed": "that a bundle was seen at the counterparty", "its answers are waited for";
    19 RunsEnded Store "runs ended": "that runs have nothing left to do", "nothing";
    20 TooLate Store "too late": "payments held because their time to be sent has passed", "a person decides";
    // Back.
    21 Booked Store "booked": "some of an answer: states, postings, tasks, with the checkpoint", "the answer is read again and goes on after the checkpoint";
    22 Matched Store "matched": "which bundle an answer is about, or that it is about none", "the answer is booked";
    23 Unreadable Store "unreadable": "that a counterparty could not read something of ours", "a person decides";
    24 Overdue Store "overdue": "that an answer has not come in time", "a person looks";
    // To the ERP.
    25 VouchersHeld Store "vouchers held": "vouchers that cannot be sent as they are, and why", "they are looked at again";
    26 Gathered Store "gathered": "a file of vouchers: its number and what is in it", "the same bytes are written to the archive";
    27 FileMoved Store "file moved": "how far a file of vouchers is", "it goes on from there; about to be committed, it looks first";
    28 Dissolved Store "dissolved": "that a file of vouchers which cannot be written is none", "its vouchers are gathered again";
    29 Delivered Store "delivered": "what a technical receipt says of a file of ours", "the receipt is taken away";
    30 Verdicts Store "verdicts": "what the ERP says of each voucher", "the answer is taken away";
    31 Rebuilt Store "rebuilt": "that a refused voucher waits to be sent anew", "it is gathered";
    32 VouchersOverdue Store "vouchers overdue": "that the ERP, or the way to it, has not answered in time", "a person looks";
    // Around it.
    33 Scheduled Store "scheduled": "that a pipeline is known to the schedule", "nothing before is caught up";
    34 Begun Store "begun": "that a due time is being served", "it is served again";
    35 Ended Store "ended": "that a due time is done with", "nothing";
    36 Told Store "told": "a line on the worklist, or that it is done with", "it is not said twice";
    37 Clock Store "clock": "that the clock is doubted, or believed again", "nothing is sent while it is doubted";
    38 People Store "people": "who did or looked at what", "the person asks again";
    39 Filters Store "filters": "the duplicate guard's memory of a month that is over", "it is made again";
    40 Nothing Store "nothing": "all that the store was given before, at a stop", "nothing";
    // After a restore.
    41 Restored Store "restored": "a new epoch: numbers are ahead of all that was ever used, places are held", "nothing is sent at a held place";
    42 Adopted Store "adopted": "what left in the lost time: a bundle, payments, vouchers", "it is known, and not sent again";
    43 Looked Store "looked": "what was found at a held place, or that it is held no more", "it is looked at again";
    // By persons.
    44 Settled Store "settled": "what persons proposed or decided: of a duplicate, a bundle, a payment, a voucher", "it is carried out, or waits for the second person";
    45 Evidence Store "evidence": "what was seen at the counterparty's side", "it is looked at again";
}

impl Step {
    /// Its row.
    pub fn row(self) -> &'static Row {
        &STEPS[self as usize - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_places_in_the_table_and_names_are_used_once() {
        let mut names = std::collections::HashSet::new();
        for (place, row) in (1..).zip(STEPS) {
            assert_eq!(row.step as usize, place, "{}", row.name);
            assert_eq!(row.step.row(), row);
            assert!(names.insert(row.name), "{} twice", row.name);
        }
    }
}
