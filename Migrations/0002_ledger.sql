set local role ledger_owner;

-- One organisation's record: the unit of order, of tamper evidence, of access and of sharding.
create table ledger (
    ledger_id integer generated always as identity primary key,
    name text collate "C" not null unique
        check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    -- IANA name: the zone of the ledger's days, weeks and midnights.
    time_zone text not null,
    created_at timestamptz not null default clock_timestamp()
);

-- The newest position of each ledger. Its row lock is what orders the ledger: a batch takes it
-- first and holds it to the end of its transaction, so position order is commit order.
create table ledger_head (
    ledger_id integer primary key references ledger,
    position bigint not null default 0 check (position >= 0),
    -- Microseconds since 1970 UTC of the newest event: recorded times never decrease.
    recorded_at bigint not null default 0
)
-- Updated by every batch: room on the page keeps the updates off the index, and vacuum comes early.
with (
    fillfactor = 10,
    autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0
);

create function create_ledger(p_name text, p_time_zone text) returns integer
language plpgsql as $$
declare
    created integer;
begin
    insert into ledger (name, time_zone) values (p_name, p_time_zone) returning ledger_id into created;
    insert into ledger_head (ledger_id) values (created);
    return created;
end
$$;
revoke execute on function create_ledger from public;

grant select on ledger, ledger_head to ledger_writer, ledger_projector, ledger_reader;
grant update on ledger_head to ledger_writer;

select create_ledger('default', 'UTC');
