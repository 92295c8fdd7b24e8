-- One row for each lineage of an episode. Times are microseconds since 1970 UTC.
create table {table} (
    ledger_id integer not null,
    episode_id uuid not null,
    lineage integer not null,
    -- What opened it: an event and, for a medication of an admission, the place from 0.
    opened_by uuid not null,
    opened_index integer,
    last_event_id uuid not null,
    last_event_at bigint not null,
    -- The hold in force, and the end of the episode where it lasted until then.
    hold_event_id uuid,
    hold_since bigint,
    hold_until bigint,
    hold_prescriber text,
    has_hold_reason boolean not null,
    hold_reason_code text,
    hold_reason_text text
);
