set local role ledger_owner;

-- Which functions and views are in place. Each has a file of its own, and `migrate` puts it in place
-- again when the revision in its first line has risen. A migration that drops one deletes its row.
create table schema_object (
    name text collate "C" primary key,
    revision integer not null check (revision > 0),
    checksum text not null,
    applied_at timestamptz not null default clock_timestamp()
);

grant select on schema_object to ledger_writer, ledger_projector, ledger_reader;

-- One function refuses every change, and its trigger says why. A trigger that was just replaced can be
-- switched off by `session_replication_role` until it is made to fire always: nobody writes meanwhile,
-- since the locks are held to the end. They are taken in the order in which an append takes them.
lock table access_log, event, seal_log, tile, checkpoint in share row exclusive mode;

create or replace trigger event_is_immutable
    before update or delete or truncate on event
    for each statement execute function refuse_change(
        'recorded events are never changed',
        'Record an entry_corrected or an entry_retracted instead.'
    );
alter table event enable always trigger event_is_immutable;

create or replace trigger tile_is_immutable
    before update or delete or truncate on tile
    for each statement execute function refuse_change('what has been sealed is never changed');
alter table tile enable always trigger tile_is_immutable;

create or replace trigger checkpoint_is_immutable
    before update or delete or truncate on checkpoint
    for each statement execute function refuse_change('what has been sealed is never changed');
alter table checkpoint enable always trigger checkpoint_is_immutable;

create or replace trigger seal_log_is_immutable
    before update or delete or truncate on seal_log
    for each statement execute function refuse_change('what has been sealed is never changed');
alter table seal_log enable always trigger seal_log_is_immutable;

create or replace trigger access_log_is_immutable
    before update or delete or truncate on access_log
    for each statement execute function refuse_change('what was asked for stays known');
alter table access_log enable always trigger access_log_is_immutable;

drop function refuse_change_of_evidence();
drop function refuse_change_of_access_log();
