-- The embedded store (SQLite). Rows are narrow and keyed so that intake is an append: payment_id is
-- transfer_no * 2^20 + record_no. Instants are microseconds since 1970, days are days since 1970, amounts are oere.

create table installation (
    key text primary key,
    value text not null
) without rowid;

-- A file, in or out. state: 1 receiving, 2 archived, 3 accepted, 4 quarantined, 5 unmatched, 6 ignored, 7 rejected,
-- 8 out.
create table transfer (
    transfer_no integer primary key,
    direction integer not null,
    endpoint text not null,
    name text not null,
    size integer not null,
    modified_at integer not null,
    format text not null,
    state integer not null,
    received_at integer not null,
    decided_at integer,
    salt blob not null,
    data_key blob,
    sha256 blob,
    layout blob,
    physical integer,
    municipality integer,
    records integer not null default 0,
    sum_ore integer not null default 0,
    checkpoint integer not null default 0,
    accepted_at integer,
    removed_at integer,
    message_id text,
    bundle_no integer,
    reason text,
    constraint transfer_identity unique (direction, endpoint, name, size, modified_at)
);
create index transfer_sha on transfer (sha256);
create index transfer_bundle on transfer (bundle_no) where bundle_no is not null;
create index transfer_message on transfer (message_id) where message_id is not null;

create table payment (
    payment_id integer primary key,
    municipality integer not null,
    supplier integer not null,
    benefit integer not null,
    method integer not null,
    amount_ore integer not null,
    payee_code integer not null,
    payee_no integer not null,
    recipient_code integer not null,
    recipient_no integer not null,
    disposition_day integer not null,
    effective_day integer not null,
    period_from integer,
    period_to integer,
    state integer not null,
    attempt integer not null,
    bundle_no integer,
    warnings integer not null,
    line_no integer not null,
    byte_offset integer not null,
    byte_length integer not null,
    posting_ref blob not null,
    advice blob not null
);

-- One try to pay. state is null while only the bundle as a whole has been answered.
create table attempt (
    payment_id integer not null,
    attempt integer not null,
    bundle_no integer not null,
    bundle_line integer not null,
    state integer,
    stop_requested integer not null default 0,
    answered_by integer,
    primary key (payment_id, attempt)
) without rowid;

-- What is to be sent, per transfer, municipality, day and chunk of intake (part: its first record). records: the
-- payments as differences; the first `taken` of them are in bundles. Counts only once its transfer is accepted.
create table due (
    transfer_no integer not null,
    municipality integer not null,
    day integer not null,
    immediate integer not null,
    part integer not null,
    payments integer not null,
    sum_ore integer not null,
    taken integer not null,
    records blob not null,
    primary key (transfer_no, municipality, day, immediate, part)
) without rowid;
create index due_open on due (municipality, day) where taken < payments;

create table run (
    run_no integer primary key,
    pipeline text not null,
    municipality integer not null,
    bank_day integer not null,
    run_window text not null,
    begun_at integer not null,
    finished_at integer,
    constraint run_identity unique (pipeline, municipality, bank_day, run_window)
);

-- A bundle's bytes are a function of its row and its payments.
create table bundle (
    bundle_no integer primary key,
    run_no integer not null,
    transfer_no integer,
    municipality integer not null,
    run_day integer not null,
    part integer not null,
    group_id text not null unique,
    created_at integer not null,
    execution_day integer not null,
    immediate integer not null,
    authority text not null,
    agreement text not null,
    debit_account text not null,
    bank integer not null,
    supplier_id text not null,
    supplier_gln text not null,
    nks_id text not null,
    nks_gln text not null,
    implied_decimals integer not null,
    benefits text not null,
    payments integer not null,
    sum_ore integer not null,
    undecided integer not null,
    overdue integer not null default 0,
    state integer not null,
    sent_at integer,
    landed_at integer,
    members blob not null
);
create index bundle_unfinished on bundle (state) where undecided > 0;
create index bundle_run on bundle (run_no);

-- Bundle numbers per municipality and day; never reused.
create table group_sequence (
    municipality integer not null,
    run_day integer not null,
    last integer not null,
    primary key (municipality, run_day)
) without rowid;

create table voucher (
    voucher_no integer primary key,
    municipality integer not null,
    rule integer not null,
    source_kind integer not null,
    source_no integer not null,
    part integer not null,
    booking_day integer not null,
    posted_at integer not null
);
create index voucher_source on voucher (source_kind, source_no);

-- Debit positive, credit negative.
create table posting (
    voucher_no integer not null,
    line_no integer not null,
    account integer not null,
    benefit integer not null,
    payment_id integer,
    amount_ore integer not null,
    primary key (voucher_no, line_no)
) without rowid;

-- Running totals, moved in the transaction of their vouchers.
create table balance (
    municipality integer not null,
    account integer not null,
    debit_ore integer not null,
    credit_ore integer not null,
    primary key (municipality, account)
) without rowid;

create table rejected (
    transfer_no integer not null,
    record_no integer not null,
    line_no integer not null,
    byte_offset integer not null,
    byte_length integer not null,
    earlier_payment integer,
    primary key (transfer_no, record_no)
) without rowid;

-- What was wrong, where. record_no 0: the file as a whole.
create table finding (
    transfer_no integer not null,
    record_no integer not null,
    seq integer not null,
    line_no integer not null,
    code text not null,
    field text,
    column_from integer not null,
    column_to integer not null,
    value text not null,
    primary key (transfer_no, record_no, seq)
) without rowid;

-- Duplicate guard. period: the day of acceptance, so that a day's inserts stay within a day's pages.
create table seen (
    period integer not null,
    fingerprint integer not null,
    payment_id integer not null,
    primary key (period, fingerprint, payment_id)
) without rowid;

-- What a person must look at.
create table task (
    task_no integer primary key,
    kind text not null,
    municipality integer,
    subject text not null,
    text text not null,
    opened_at integer not null,
    closed_at integer,
    constraint task_identity unique (kind, subject)
);

create table supplier (
    supplier integer primary key,
    short_id blob not null unique
);

create table journal (
    entry_no integer primary key,
    at integer not null,
    kind integer not null,
    subject_no integer not null,
    salt blob not null,
    body blob not null,
    root blob not null,
    leaf blob not null
);
