-- One row for each episode with a known admission. Times are microseconds since 1970 UTC.
create table {table} (
    ledger_id integer not null,
    episode_id uuid not null,
    client_id text not null,
    admitted_at bigint not null,
    ended_at bigint,
    end_reason text,
    last_contact_at bigint,
    length_of_stay_days integer,
    -- Attended sessions that count toward hours, by start.
    session_at bigint[] not null,
    session_minutes integer[] not null,
    -- One element for each flag; the ids of its events are joined with commas.
    flag text[] not null,
    flag_at bigint[] not null,
    flag_events text[] not null
);
