set local role ledger_owner;

-- The transparency logs of a ledger: one, and one more for each restore from a backup that was
-- declared. A log is known by its origin, the first line of its checkpoints.
create table seal_log (
    ledger_id integer not null,
    incarnation integer not null check (incarnation > 0),
    origin text collate "C" not null,
    -- Of a restore: the signed note that declares it.
    declaration text,
    begun_at timestamptz not null default clock_timestamp(),
    primary key (ledger_id, incarnation),
    unique (ledger_id, origin),
    check ((incarnation = 1) = (declaration is null))
);

-- The public keys of the logs. A key that is not retired signs every checkpoint: during a change
-- of keys there are two.
create table verifier_key (
    ledger_id integer not null,
    verifier_key text collate "C" not null,
    incarnation integer not null,
    registered_at timestamptz not null default clock_timestamp(),
    retired_at timestamptz,
    primary key (ledger_id, verifier_key),
    foreign key (ledger_id, incarnation) references seal_log
);

-- The full tiles of the tree over all leaf hashes: 256 hashes of 32 bytes. What lies to the right
-- of them is computed from the events.
create table tile (
    ledger_id integer not null,
    level integer not null check (level >= 0),
    number bigint not null check (number >= 0),
    hashes bytea not null check (octet_length(hashes) = 8192),
    primary key (ledger_id, level, number)
);

-- What has been signed. `note` is the signed note, byte for byte as it is handed out; size and root
-- repeat what it says.
create table checkpoint (
    ledger_id integer not null,
    size bigint not null check (size > 0),
    root bytea not null check (octet_length(root) = 32),
    note text not null,
    sealed_at timestamptz not null default clock_timestamp(),
    primary key (ledger_id, size)
);

-- How far each ledger is sealed, and who seals it. The sealer holds the lease by its epoch; what
-- makes a seal count is the compare-and-set on (size, epoch) in the transaction of its tiles.
create table sealer (
    ledger_id integer primary key,
    -- The size of the newest checkpoint.
    size bigint not null default 0 check (size >= 0),
    epoch bigint not null default 0,
    lease_holder text,
    lease_until timestamptz,
    -- Why nothing is signed any more, and at which position; never health information.
    trouble text,
    trouble_position bigint,
    updated_at timestamptz not null default clock_timestamp()
)
with (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

create function refuse_change_of_evidence() returns trigger
language plpgsql as $$
begin
    raise exception '% on % is refused: what has been sealed is never changed', tg_op, tg_table_name
        using errcode = 'EL001';
end
$$;

create trigger tile_is_immutable
    before update or delete or truncate on tile
    for each statement execute function refuse_change_of_evidence();
alter table tile enable always trigger tile_is_immutable;

create trigger checkpoint_is_immutable
    before update or delete or truncate on checkpoint
    for each statement execute function refuse_change_of_evidence();
alter table checkpoint enable always trigger checkpoint_is_immutable;

create trigger seal_log_is_immutable
    before update or delete or truncate on seal_log
    for each statement execute function refuse_change_of_evidence();
alter table seal_log enable always trigger seal_log_is_immutable;

-- Sealing is a worker's task, like filling the read models.
grant select, insert on seal_log, tile, checkpoint to ledger_projector;
grant select, insert, update on sealer, verifier_key to ledger_projector;
grant select on seal_log, verifier_key, tile, checkpoint, sealer to ledger_reader, ledger_writer;
