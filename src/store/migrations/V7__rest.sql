-- What each table's rows add up to, moved in the transaction that changes a row. columns: which are hashed, in order.
-- The row `version` says with which version of the schema all of them were made; 0: they are to be made anew.
create table seal (
    name text primary key,
    columns text not null,
    sum blob not null
) without rowid;
insert into seal (name, columns, sum) values ('version', '', x'0000000000000000');
