-- The duplicate guard's filter of a month that is over: SHA-256 of the rest, then the bits. Whoever adds to such a month
-- takes its row away, so a filter never lacks a fingerprint.
create table seen_filter (
    month integer primary key,
    bits blob not null
);
