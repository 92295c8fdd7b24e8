set local role ledger_owner;

-- Where each read model of each ledger stands. A worker holds the lease by its epoch; what makes a
-- batch count is the compare-and-set on (position, epoch) in the transaction of its rows.
create table projection (
    ledger_id integer not null,
    name text collate "C" not null,
    -- The tables that answer queries: read_model.<table>_<generation>.
    generation integer not null,
    -- The version of the fold that filled them: a worker of another version takes no lease.
    fold_version integer not null,
    position bigint not null default 0 check (position >= 0),
    epoch bigint not null default 0,
    lease_holder text,
    lease_until timestamptz,
    updated_at timestamptz not null default clock_timestamp(),
    primary key (ledger_id, name)
)
with (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- Every set of tables ever made for a read model of a ledger, and what became of it.
create table projection_generation (
    ledger_id integer not null,
    name text collate "C" not null,
    generation integer not null,
    fold_version integer not null,
    state text not null check (state in ('building', 'active', 'retired', 'dropped')),
    made_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    primary key (ledger_id, name, generation)
);

-- Episodes whose fold failed. They keep their last good rows, and every answer names them.
create table projection_parked (
    ledger_id integer not null,
    name text collate "C" not null,
    generation integer not null,
    episode_id uuid not null,
    -- The position up to which the episode's history was folded when it failed.
    position bigint not null,
    -- Never holds health information.
    reason text not null,
    parked_at timestamptz not null default clock_timestamp(),
    -- Set by `projections retry`; the lease holder folds the episode again and clears it.
    retry_asked boolean not null default false,
    primary key (ledger_id, name, generation, episode_id)
);

grant select, insert, update, delete
    on projection, projection_generation, projection_parked to ledger_projector;
grant select on projection, projection_generation, projection_parked to ledger_reader, ledger_writer;
