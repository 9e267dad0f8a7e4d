-- Vouchers that count and wait to be sent to the ERP. held: why they cannot be.
create table voucher_open (
    voucher_no integer primary key,
    attempt integer not null,
    municipality integer not null,
    booking_day integer not null,
    held text
);
insert into voucher_open (voucher_no, attempt, municipality, booking_day)
    select v.voucher_no, 1, v.municipality, v.booking_day from voucher v
    left join transfer t on v.source_kind = 1 and t.transfer_no = v.source_no
    where v.source_kind = 2 or t.accepted_at is not null;

-- A file of vouchers of one municipality. Its bytes are archived before anything leaves.
create table voucher_file (
    file_no integer primary key,
    transfer_no integer,
    municipality integer not null,
    created_at integer not null,
    vouchers integer not null,
    postings integer not null,
    sum_ore integer not null,
    undecided integer not null,
    state integer not null,
    sent_at integer,
    landed_at integer,
    overdue integer not null default 0
);
create index voucher_file_unfinished on voucher_file (state) where undecided > 0;

-- One try to send a voucher. state: 1 in a file, 2 accepted, 3 refused. contradicted: a later answer says another thing.
create table voucher_sent (
    voucher_no integer not null,
    attempt integer not null,
    file_no integer not null,
    file_line integer not null,
    booking_day integer not null,
    state integer not null,
    answered_by integer,
    erp_number text,
    cause text,
    contradicted integer not null default 0,
    primary key (voucher_no, attempt)
) without rowid;
create index voucher_sent_file on voucher_sent (file_no, file_line);

-- What came with a file, as Serviceplatformen told it.
alter table transfer add column companion blob;

-- What every look at a drop asks for: what is under way, of all that ever came.
create index transfer_receiving on transfer (endpoint) where state = 1;
create index transfer_unfinished on transfer (format) where state = 2;
