-- One row for each ended episode. Times are microseconds since 1970 UTC.
create table {table} (
    ledger_id integer not null,
    episode_id uuid not null,
    client_id text not null,
    program text not null,
    admitted_at bigint not null,
    ended_at bigint not null,
    end_reason text not null,
    length_of_stay_days integer not null,
    -- The completeness elements that are missing.
    missing text[] not null,
    -- The sections and flags as JSON, byte for byte as a fold writes them.
    document text not null
);
