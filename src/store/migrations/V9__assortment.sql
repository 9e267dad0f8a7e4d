-- A version of an assortment: a file that was taken in. municipality: null where it is everybody's. is_current: 1 on the
-- version that counts, of each assortment the one changed last. since: the first day that any version so far speaks of.
create table assortment (
    version_no integer primary key,
    assortment_id text not null,
    transfer_no integer not null,
    municipality integer,
    name text not null,
    title text not null,
    owner text not null,
    valid_from integer not null,
    valid_until integer,
    since integer not null,
    changed_at integer not null,
    loaded_at integer not null,
    before_no integer,
    is_current integer not null
);
create index assortment_id on assortment (assortment_id, version_no);

-- What a version holds. is_carried: 1 where the file does not say it, but the version before did.
create table assortment_value (
    version_no integer not null,
    seq integer not null,
    part text not null,
    class text not null,
    name text not null,
    title text not null,
    valid_from integer not null,
    valid_until integer,
    is_carried integer not null,
    primary key (version_no, seq)
) without rowid;
