set local role ledger_owner;

-- Durable subscriptions: what somebody wants to be told, kept here and not in the subscriber.
create table subscription (
    ledger_id integer not null,
    name text collate "C" not null,
    -- Only these types; null for all.
    types text[],
    -- Only this episode; null for all.
    episode_id uuid,
    -- The last position that was not wanted when the subscription began.
    start_after bigint not null check (start_after >= 0),
    -- How long a consumer may keep what it was given before others get it.
    lease_seconds integer not null check (lease_seconds between 1 and 3600),
    -- How often an event is given out before it goes to the dead letters.
    max_deliveries integer not null check (max_deliveries between 1 and 1000),
    created_by text not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (ledger_id, name)
);

-- Where the consumers of a subscription are. Each of 64 buckets of episodes (the first byte of the
-- SHA-256 of the episode's sixteen bytes, modulo 64) has its own acknowledged
-- position; what makes an acknowledgement count is the compare-and-set on (position, epoch).
create table subscription_bucket (
    ledger_id integer not null,
    name text collate "C" not null,
    bucket integer not null check (bucket between 0 and 63),
    position bigint not null,
    epoch bigint not null default 0,
    -- Given out up to here, and not acknowledged yet; equal to position where nothing is.
    delivered bigint not null,
    -- How often what follows position has been given out.
    deliveries integer not null default 0,
    consumer text,
    lease_until timestamptz,
    primary key (ledger_id, name, bucket),
    foreign key (ledger_id, name) references subscription on delete cascade,
    check (delivered >= position)
)
with (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- Subscriptions that are sent to an address instead of being fetched: one position, in order.
create table webhook (
    ledger_id integer not null,
    name text collate "C" not null,
    url text not null,
    payload text not null check (payload in ('thin', 'full')),
    mode text not null check (mode in ('structured', 'binary')),
    signature text not null check (signature in ('v1', 'v1a')),
    position bigint not null,
    epoch bigint not null default 0,
    lease_holder text,
    lease_until timestamptz,
    -- Failed attempts to send the event after position, and when the next one is due.
    attempts integer not null default 0,
    next_attempt_at timestamptz,
    last_attempt_at timestamptz,
    -- The status of the last answer, or why there was none; never what was sent or answered.
    last_status integer,
    last_error text,
    -- Why nothing is sent any more; null while it is.
    disabled_reason text,
    primary key (ledger_id, name),
    foreign key (ledger_id, name) references subscription on delete cascade
)
with (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- What webhooks are signed with: the newest, and those before it until they expire. Only workers
-- read it.
create table webhook_secret (
    ledger_id integer not null,
    name text collate "C" not null,
    number integer not null,
    secret bytea not null,
    made_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz,
    primary key (ledger_id, name, number),
    foreign key (ledger_id, name) references webhook on delete cascade
);

-- Events that were given out in vain; the subscription has gone on without them.
create table subscription_dead_letter (
    ledger_id integer not null,
    name text collate "C" not null,
    position bigint not null,
    episode_id uuid not null,
    event_id uuid not null,
    deliveries integer not null,
    -- A code; never health information.
    reason text not null,
    died_at timestamptz not null default clock_timestamp(),
    primary key (ledger_id, name, position),
    foreign key (ledger_id, name) references subscription on delete cascade
);

grant select, insert, update, delete
    on subscription, subscription_bucket, webhook, webhook_secret, subscription_dead_letter
    to ledger_projector;
grant select on subscription, subscription_bucket, webhook, subscription_dead_letter
    to ledger_reader, ledger_writer;
