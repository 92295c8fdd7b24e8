set local role ledger_owner;

-- What a ledger has set: which key has which value from which date on, who said so and when. Rows are
-- only added, since answers of the past rest on them: a question as known at a time uses those recorded
-- by then. On a date the row counts with the last `from_date` up to it, of several the last entry.
-- Which keys there are, and what their values may be, the program says.
create table ledger_setting (
    ledger_id integer not null references ledger,
    -- From 1 without gaps: given under the lock of the ledger's head, as positions are.
    entry bigint not null check (entry > 0),
    key text collate "C" not null check (key <> ''),
    value text collate "C" not null check (value <> ''),
    from_date date not null,
    recorded_by text not null,
    -- Microseconds since 1970 UTC: after the newest event when it was recorded, before all later ones.
    recorded_at bigint not null,
    primary key (ledger_id, entry)
);

create trigger ledger_setting_is_immutable
    before update or delete or truncate on ledger_setting
    for each statement execute function refuse_change(
        'settings are evidence and only added to',
        'Set another value, from the same date or a later one.'
    );
alter table ledger_setting enable always trigger ledger_setting_is_immutable;

grant select on ledger_setting to ledger_writer, ledger_projector, ledger_reader;
