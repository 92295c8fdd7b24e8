set local role ledger_owner;

-- The access log as a second transparency log of each ledger, in tables of its own: a program of before,
-- which still runs during an upgrade, sees no key, tile or checkpoint that it does not know.

-- Which row of the access log stands where in its tree. The sealer numbers rows 1, 2, 3… in the order of
-- access_log.entry, once every transaction that may still write a lower one has ended.
create table access_entry (
    ledger_id integer not null,
    number bigint not null check (number > 0),
    entry bigint not null,
    nonce bytea not null check (octet_length(nonce) = 32),
    commitment bytea not null check (octet_length(commitment) = 32),
    leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
    primary key (ledger_id, number),
    unique (ledger_id, entry)
);

-- As seal_log. The first one may begin when the ledger's own log has gone through restores.
create table access_seal_log (
    ledger_id integer not null,
    incarnation integer not null check (incarnation > 0),
    origin text collate "C" not null,
    declaration text,
    begun_at timestamptz not null default clock_timestamp(),
    primary key (ledger_id, incarnation),
    unique (ledger_id, origin)
);

-- As verifier_key.
create table access_verifier_key (
    ledger_id integer not null,
    verifier_key text collate "C" not null,
    incarnation integer not null,
    registered_at timestamptz not null default clock_timestamp(),
    retired_at timestamptz,
    primary key (ledger_id, verifier_key),
    foreign key (ledger_id, incarnation) references access_seal_log
);

-- As tile.
create table access_tile (
    ledger_id integer not null,
    level integer not null check (level >= 0),
    number bigint not null check (number >= 0),
    hashes bytea not null check (octet_length(hashes) = 8192),
    primary key (ledger_id, level, number)
);

-- As checkpoint.
create table access_checkpoint (
    ledger_id integer not null,
    size bigint not null check (size > 0),
    root bytea not null check (octet_length(root) = 32),
    note text not null,
    sealed_at timestamptz not null default clock_timestamp(),
    primary key (ledger_id, size)
);

-- Both trees of a ledger are sealed under one lease.
alter table sealer
    -- The size of the access log's newest checkpoint.
    add column access_size bigint not null default 0 check (access_size >= 0),
    -- Why nothing of it is signed any more, and at which number.
    add column access_trouble text,
    add column access_trouble_number bigint;

do $$
declare
    sealed text;
begin
    foreach sealed in array array[
        'access_entry', 'access_seal_log', 'access_tile', 'access_checkpoint'
    ] loop
        execute format(
            'create trigger %1$I
                before update or delete or truncate on %2$I
                for each statement execute function refuse_change(
                    ''what has been sealed is never changed''
                )',
            sealed || '_is_immutable', sealed
        );
        execute format(
            'alter table %2$I enable always trigger %1$I', sealed || '_is_immutable', sealed
        );
    end loop;
end
$$;

grant select, insert on access_entry, access_seal_log, access_tile, access_checkpoint
    to ledger_projector;
grant select, insert, update on access_verifier_key to ledger_projector;
grant select on access_entry, access_seal_log, access_verifier_key, access_tile, access_checkpoint
    to ledger_reader;
-- The sealer reads what it numbers, and how far numbers have been given.
grant select on access_log, access_log_entry_seq to ledger_projector;
