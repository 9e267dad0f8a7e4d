-- What is held back (blokering): a payee's payments or one payment, of all municipalities or one, for a while or until it
-- is lifted. Nothing is deleted: a block that was lifted stands with who lifted it and why.
create table block (
    block_no integer primary key,
    municipality integer,
    payee_code integer,
    payee_no integer,
    payment_id integer,
    from_day integer not null,
    until_day integer,
    reason text not null,
    by_whom text not null,
    at integer not null,
    lifted_by text,
    lifted_reason text,
    lifted_at integer
);

-- Payments that a block holds now, so that nobody must look through all of them to let go what no block holds any more.
create table blocked (
    payment_id integer primary key,
    block_no integer not null
);
