-- One row for each episode with a known admission. Times are microseconds since 1970 UTC.
create table {table} (
    ledger_id integer not null,
    episode_id uuid not null,
    client_id text not null,
    -- Of the last stay.
    program text not null,
    level_of_care text not null,
    admitted_at bigint not null,
    ended_at bigint,
    -- The last entry that takes part: an answer for an earlier time folds the history again.
    last_at bigint not null,
    -- One element for each flag; the ids of its events are joined with commas.
    flag text[] not null,
    flag_at bigint[] not null,
    flag_events text[] not null
);
