set local role ledger_owner;

-- The record. Times are microseconds since 1970 UTC. `header` and `payload` are canonical JSON as
-- bytes, never printed again from anything else; the other columns repeat what they say, for the
-- keys and the filters, or are what the append adds. `known_at` is the knowledge time:
-- `source_recorded_at` where the writer gave one, else `recorded_at`.
--
-- Not partitioned by position: a unique key of a partitioned table must contain the partition
-- column, and two of the three keys could not. No foreign key: every insert passes through the
-- row of ledger_head, which has one.
create table event (
    ledger_id integer not null,
    position bigint not null check (position > 0),
    version bigint not null check (version > 0),
    occurred_at bigint not null,
    recorded_at bigint not null,
    known_at bigint not null,
    episode_id uuid not null,
    event_id uuid not null,
    type text collate "C" not null,
    nonce bytea not null check (octet_length(nonce) = 32),
    commitment bytea not null check (octet_length(commitment) = 32),
    leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
    header bytea not null,
    payload bytea not null,
    -- Reading in order, following, rebuilding.
    primary key (ledger_id, position),
    -- An episode's history, and its newest version at append.
    unique (ledger_id, episode_id, version),
    -- Idempotency, and looking up one event.
    unique (ledger_id, event_id)
)
-- Insert-only: what vacuum has to do is freeze and mark all-visible, and it may do so often.
with (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- Nothing recorded is ever changed: not by the writer, not by the owner, not by the superuser.
create function refuse_change() returns trigger
language plpgsql as $$
begin
    raise exception '% on % is refused: recorded events are never changed', tg_op, tg_table_name
        using errcode = 'EL001',
              hint = 'Record an entry_corrected or an entry_retracted instead.';
end
$$;

create trigger event_is_immutable
    before update or delete or truncate on event
    for each statement execute function refuse_change();

alter table event enable always trigger event_is_immutable;

grant insert, select on event to ledger_writer;
grant select on event to ledger_projector, ledger_reader;
