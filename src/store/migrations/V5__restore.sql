-- Numbers that a restore has skipped: what is counted begins above.
create table number_floor (
    what text primary key,
    last integer not null
) without rowid;

-- A place to which nothing is sent since a restore, until what left in the lost time is known or a person releases it.
-- The row stays when it is released: later evidence is still looked for.
create table endpoint_hold (
    endpoint text primary key,
    epoch integer not null,
    pictured_at integer not null,
    held_at integer not null,
    released_at integer,
    released_by text,
    reason text
) without rowid;

-- When each pipeline last looked at a held place without any failure.
create table endpoint_look (
    endpoint text not null,
    pipeline text not null,
    looked_at integer not null,
    primary key (endpoint, pipeline)
) without rowid;

-- What turned up at a restored place. open: it is not explained, and keeps the place held.
create table found (
    endpoint text not null,
    reference text not null,
    text text not null,
    evidence text not null,
    found_at integer not null,
    open integer not null,
    primary key (endpoint, reference)
) without rowid;

-- Payments known to be sent whose file the store has lost. Its record, delivered again, is held: same_as is that payment.
-- word: what was said of it last, as an answer names it.
create table sent_before (
    payment_id integer not null,
    attempt integer not null,
    bundle_no integer not null,
    municipality integer not null,
    reference text not null,
    amount_ore integer not null,
    payee_code integer,
    payee_no integer,
    benefit text,
    execution_day integer,
    evidence text not null,
    word text,
    same_as integer,
    primary key (payment_id, attempt)
) without rowid;
create index sent_before_open on sent_before (municipality) where same_as is null;

-- Vouchers that the ERP was sent, or has answered, and that the store has lost.
create table voucher_before (
    id text primary key,
    file_no integer not null,
    evidence text not null,
    word text
) without rowid;
