-- Controls: what the bank says it moved, and what case systems say they sent.

-- A statement of one account and period. opening, closing: its balances and their days.
create table bank_statement (
    statement_no integer primary key,
    transfer_no integer not null,
    municipality integer not null,
    bank integer not null,
    account text not null,
    statement_id text not null,
    sequence integer,
    opening_ore integer not null,
    opening_day integer not null,
    closing_ore integer not null,
    closing_day integer not null,
    constraint bank_statement_identity unique (account, statement_id)
);

-- A booked line of a statement. amount: above zero it came in, below it went out. reference: the bank's own.
create table bank_line (
    line_no integer primary key,
    statement_no integer not null,
    municipality integer not null,
    booking_day integer not null,
    amount_ore integer not null,
    reference text not null
);

-- What of a line is for what: a bundle, a payment of one, or neither (it is not the hub's). how: 1 the bundle's reference,
-- 2 the payment's, 3 by a person. A match that was undone counts no more.
create table bank_match (
    match_no integer primary key,
    line_no integer not null,
    bundle_no integer,
    payment_id integer,
    attempt integer,
    amount_ore integer not null,
    how integer not null,
    matched_at integer not null,
    matched_by text,
    reason text,
    undone_at integer,
    undone_by text,
    undone_reason text
);
create index bank_match_line on bank_match (line_no);
create index bank_match_bundle on bank_match (bundle_no) where bundle_no is not null;

-- What a case system says it sent: a row of a control file. endpoint: where the file itself comes.
create table order_control (
    endpoint text not null,
    file text not null,
    transfer_no integer not null,
    sender text not null,
    records integer not null,
    sum_ore integer not null,
    day integer not null,
    primary key (endpoint, file)
) without rowid;
