-- When each pipeline that runs by the wall clock was first seen: nothing before is ever caught up.
create table schedule_origin (
    pipeline text primary key,
    since integer not null
) without rowid;

-- A time at which a pipeline was due. Begun in one write and finished in another: what is begun and not finished runs
-- again. missed: earlier times that this run stands for, the first of them in first_missed.
create table schedule_window (
    pipeline text not null,
    due_at integer not null,
    begun_at integer not null,
    finished_at integer,
    missed integer not null,
    first_missed integer,
    primary key (pipeline, due_at)
) without rowid;

-- What was said about a file that was expected, so that it is said once. word: 1 a warning, 2 late.
create table deadline_told (
    pipeline text not null,
    place text not null,
    day integer not null,
    word integer not null,
    told_at integer not null,
    primary key (pipeline, place, day, word)
) without rowid;

-- Who looked at what that is about persons.
create table read_log (
    entry_no integer primary key,
    at integer not null,
    who text not null,
    act text not null,
    subject text not null
);

-- Who changed what by a command.
create table command_log (
    entry_no integer primary key,
    at integer not null,
    who text not null,
    act text not null,
    subject text not null
);
