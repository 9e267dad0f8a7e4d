-- What persons did, and what one proposed and another must approve. state: 1 open, 2 done, 3 turned down. What needs one
-- person alone is done in the write that makes its row. Holds no personal value: a subject is `P3-17`, `bundle 4`.
create table person_act (
    act_no integer primary key,
    act integer not null,
    subject text not null,
    municipality integer,
    state integer not null,
    by_whom text not null,
    reason text not null,
    at integer not null,
    settled_by text,
    settled_reason text,
    settled_at integer
);
create index person_act_subject on person_act (subject);
-- Of an act there is one open proposal per subject.
create unique index person_act_open on person_act (act, subject) where state = 1;

-- Payments held as possible duplicates, and which payment each equals (null: taken in before that was kept).
create table duplicate (
    payment_id integer primary key,
    earlier_payment integer
);
insert into duplicate (payment_id) select payment_id from payment where state = 18;
create index duplicate_held on payment (municipality, payment_id) where state = 18;

-- What was seen at a counterparty's place when somebody looked: the same again only moves last_at and looks.
create table evidence (
    subject text not null,
    seq integer not null,
    what text not null,
    first_at integer not null,
    last_at integer not null,
    looks integer not null,
    primary key (subject, seq)
) without rowid;

-- Since when a person's word on an unanswered bundle stands; how often a person had the same bytes sent again.
alter table bundle add column settled_at integer;
alter table bundle add column resent integer not null default 0;

-- What waits for a person.
create index payment_unconfirmed on payment (payment_id) where state = 3;
create index attempt_manual on attempt (payment_id) where state = 14;
create index voucher_contradicted on voucher_sent (voucher_no) where contradicted = 1;
