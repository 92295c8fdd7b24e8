-- One row for each stay of an episode. Times are microseconds since 1970 UTC.
create table {table} (
    ledger_id integer not null,
    episode_id uuid not null,
    ordinal integer not null,
    program text not null,
    track text,
    level_of_care text not null,
    from_at bigint not null,
    to_at bigint,
    start_reason text not null,
    end_reason text
);
