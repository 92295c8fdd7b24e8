set local role ledger_owner;

-- The rebuild of a read model that is under way: who is at it, and how far it is. One at a time for
-- each read model of a ledger, by a lease. A table of its own: a column more would wait for every
-- statement that reads projection_generation.
create table projection_rebuild (
    ledger_id integer not null,
    name text collate "C" not null,
    -- The tables that are filled, and the version of the fold that fills them.
    generation integer not null,
    fold_version integer not null,
    -- Events that have been folded, of how many.
    folded bigint not null default 0 check (folded >= 0),
    events bigint not null check (events >= 0),
    epoch bigint not null default 1,
    lease_holder text not null,
    lease_until timestamptz not null,
    began_at timestamptz not null default clock_timestamp(),
    primary key (ledger_id, name)
)
with (fillfactor = 10);

grant select, insert, update, delete on projection_rebuild to ledger_projector;
grant select on projection_rebuild to ledger_reader, ledger_writer;
