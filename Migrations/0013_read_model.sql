-- Tables for the rows of the read models, made once. Until now the program made a set of tables for
-- each rebuild and dropped the old one: that took the right to do so, waited for a running pg_dump, and
-- could not be distributed. Now a rebuild writes rows of another generation into the same tables.
--
-- A program that runs already goes on with its own tables (read_model.<table>_<number>) and with
-- projection, projection_generation, projection_parked and projection_rebuild. Nothing here touches
-- those, and the new program does not look at them.

set local role ledger_owner;

-- Where each read model of each ledger stands. A worker holds the lease by its epoch; what makes a
-- batch count is the compare-and-set on (position, epoch) in the transaction of its rows.
create table read_model_state (
    ledger_id integer not null,
    name text collate "C" not null,
    -- The generation of the rows that answer queries, and the newest one that was ever begun.
    generation integer not null default 1,
    last_generation integer not null default 1,
    -- The version of the fold that wrote them: a worker of another version takes no lease.
    fold_version integer not null,
    position bigint not null default 0 check (position >= 0),
    epoch bigint not null default 0,
    lease_holder text,
    lease_until timestamptz,
    updated_at timestamptz not null default clock_timestamp(),
    primary key (ledger_id, name)
)
with (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- Episodes whose fold failed. They keep their last good rows, and every answer names them.
create table read_model_parked (
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

-- The rebuild of a read model: who is at it, and how far it is. One at a time, by a lease.
create table read_model_rebuild (
    ledger_id integer not null,
    name text collate "C" not null,
    -- The generation that is filled, and the version of the fold that fills it.
    generation integer not null,
    fold_version integer not null,
    -- Events that have been folded, of how many.
    folded bigint not null default 0 check (folded >= 0),
    events bigint not null check (events >= 0),
    epoch bigint not null default 0,
    lease_holder text,
    lease_until timestamptz,
    began_at timestamptz not null default clock_timestamp(),
    primary key (ledger_id, name)
)
with (fillfactor = 10);

grant select, insert, update, delete
    on read_model_state, read_model_parked, read_model_rebuild to ledger_projector;
grant select
    on read_model_state, read_model_parked, read_model_rebuild to ledger_reader, ledger_writer;

-- The rows. Their owner is ledger_projector, so that a worker may vacuum and analyze what a rebuild
-- has left behind. Times are microseconds since 1970 UTC. What a batch or a rebuild replaces leaves
-- dead rows: autovacuum comes after a twentieth of a table has changed.
set local role ledger_projector;

-- One row for each episode with a known admission.
create table read_model.census_episode (
    ledger_id integer not null,
    generation integer not null,
    episode_id uuid not null,
    client_id text not null,
    admitted_at bigint not null,
    ended_at bigint,
    end_reason text,
    last_contact_at bigint,
    length_of_stay_days integer,
    -- Attended sessions that count toward hours, by start.
    session_at bigint[] not null,
    session_minutes integer[] not null,
    -- One element for each flag; the ids of its events are joined with commas.
    flag text[] not null,
    flag_at bigint[] not null,
    flag_events text[] not null,
    -- One episode's row; lists read them all, since overlaps are between a client's episodes.
    primary key (ledger_id, generation, episode_id)
)
with (autovacuum_vacuum_scale_factor = 0.05);

-- One row for each stay of an episode.
create table read_model.census_stay (
    ledger_id integer not null,
    generation integer not null,
    episode_id uuid not null,
    ordinal integer not null,
    program text not null,
    track text,
    level_of_care text not null,
    from_at bigint not null,
    to_at bigint,
    start_reason text not null,
    end_reason text,
    primary key (ledger_id, generation, episode_id, ordinal)
)
with (autovacuum_vacuum_scale_factor = 0.05);
-- The stays of a day or a period: those that end in it or later, and those that last.
create index on read_model.census_stay (ledger_id, generation, to_at);

-- One row for each episode with a known admission.
create table read_model.medication_episode (
    ledger_id integer not null,
    generation integer not null,
    episode_id uuid not null,
    client_id text not null,
    -- Of the last stay.
    program text not null,
    level_of_care text not null,
    admitted_at bigint not null,
    ended_at bigint,
    -- The last entry that takes part: an answer for an earlier time folds the history again.
    last_at bigint not null,
    -- One element for each flag; the ids of its events are joined with commas.
    flag text[] not null,
    flag_at bigint[] not null,
    flag_events text[] not null,
    -- One episode's row.
    primary key (ledger_id, generation, episode_id)
)
with (autovacuum_vacuum_scale_factor = 0.05);
-- A program's list: those that are enrolled.
create index on read_model.medication_episode (ledger_id, generation, program)
    where ended_at is null;
-- And those of which something lies after the time asked for.
create index on read_model.medication_episode (ledger_id, generation, last_at);

-- One row for each lineage of an episode.
create table read_model.medication_lineage (
    ledger_id integer not null,
    generation integer not null,
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
    hold_reason_text text,
    primary key (ledger_id, generation, episode_id, lineage)
)
with (autovacuum_vacuum_scale_factor = 0.05);

-- One row for each interval of a lineage.
create table read_model.medication_interval (
    ledger_id integer not null,
    generation integer not null,
    episode_id uuid not null,
    lineage integer not null,
    ordinal integer not null,
    position bigint not null,
    event_id uuid not null,
    name text not null,
    rxcui text,
    ndc text,
    form text,
    strength text,
    order_id text,
    -- An empty regimen is another thing than none; so is an empty reason.
    has_regimen boolean not null,
    dose double precision,
    unit text,
    route text,
    frequency text,
    times_per_day double precision,
    as_needed boolean,
    from_at bigint not null,
    to_at bigint,
    started_by text not null,
    ended_by text,
    prescriber text,
    has_reason boolean not null,
    reason_code text,
    reason_text text,
    primary key (ledger_id, generation, episode_id, lineage, ordinal)
)
with (autovacuum_vacuum_scale_factor = 0.05);

-- One row for each change that took effect.
create table read_model.medication_change (
    ledger_id integer not null,
    generation integer not null,
    episode_id uuid not null,
    ordinal integer not null,
    event_id uuid not null,
    at bigint not null,
    change text not null,
    -- What it applied to or opened.
    lineage integer,
    name text not null,
    rxcui text,
    ndc text,
    form text,
    strength text,
    order_id text,
    has_from_regimen boolean not null,
    from_dose double precision,
    from_unit text,
    from_route text,
    from_frequency text,
    from_times_per_day double precision,
    from_as_needed boolean,
    has_to_regimen boolean not null,
    to_dose double precision,
    to_unit text,
    to_route text,
    to_frequency text,
    to_times_per_day double precision,
    to_as_needed boolean,
    prescriber text not null,
    has_reason boolean not null,
    reason_code text,
    reason_text text,
    primary key (ledger_id, generation, episode_id, ordinal)
)
with (autovacuum_vacuum_scale_factor = 0.05);

-- One row for each ended episode.
create table read_model.discharge_summary (
    ledger_id integer not null,
    generation integer not null,
    episode_id uuid not null,
    client_id text not null,
    program text not null,
    admitted_at bigint not null,
    ended_at bigint not null,
    end_reason text not null,
    length_of_stay_days integer not null,
    -- The completeness elements that are missing.
    missing text[] not null,
    -- The sections and flags as JSON, byte for byte as a fold writes them.
    document text not null,
    primary key (ledger_id, generation, episode_id)
)
with (autovacuum_vacuum_scale_factor = 0.05);
-- The ends of a period, the newest first.
create index on read_model.discharge_summary (ledger_id, generation, ended_at);

grant select
    on read_model.census_episode, read_model.census_stay, read_model.medication_episode,
    read_model.medication_lineage, read_model.medication_interval, read_model.medication_change,
    read_model.discharge_summary
    to ledger_reader;

-- Takes over the rows that answer now, so that nothing has to be rebuilt. Each read model of a ledger
-- is copied by one statement: it sees rows, checkpoint and parked episodes as they were at one
-- moment, and waits for nobody. A worker of the old program goes on meanwhile, and a rebuild that
-- switches in between makes the statement copy nothing, so that it is done again.
do $$
declare
    models constant jsonb = '{
        "census": ["census_episode", "census_stay"],
        "medication_review": [
            "medication_episode", "medication_lineage", "medication_interval", "medication_change"
        ],
        "discharge_summary": ["discharge_summary"]
    }';
    stored record;
    answering integer;
    is_readable boolean;
    copies text;
begin
    for stored in
        select ledger_id, name
        from projection
        where models ? name
        order by ledger_id, name
    loop
        loop
            select generation into strict answering
            from projection
            where ledger_id = stored.ledger_id and name = stored.name;

            -- Tables that somebody else owns cannot be read: then the rows are folded anew.
            select coalesce(bool_and(has_table_privilege(old.name, 'select')), false)
            into is_readable
            from jsonb_array_elements_text(models -> stored.name) as t (name),
                format('read_model.%s_%s', t.name, answering) as old (name)
            where to_regclass(old.name) is not null
            having count(*) = jsonb_array_length(models -> stored.name);

            select string_agg(
                format(
                    ', copied_%1$s as (insert into read_model.%1$s (ledger_id, generation, %2$s)'
                        ' select p.ledger_id, p.generation, %3$s'
                        ' from p join read_model.%1$s_%4$s o using (ledger_id))',
                    t.name, c.columns, c.values, answering
                ),
                ''
            )
            into copies
            from jsonb_array_elements_text(models -> stored.name) as t (name),
                lateral (
                    select string_agg(a.attname, ', ' order by a.attnum) as columns,
                        string_agg('o.' || a.attname, ', ' order by a.attnum) as values
                    from pg_attribute a
                    where a.attrelid = ('read_model.' || t.name)::regclass and a.attnum > 2
                ) as c
            where is_readable;

            execute format(
                'with p as materialized ('
                    ' select ledger_id, name, generation, fold_version, position'
                    ' from projection'
                    ' where ledger_id = $1 and name = $2 and generation = $3'
                    ')%s, parked as ('
                    ' insert into read_model_parked (ledger_id, name, generation, episode_id,'
                    ' position, reason, parked_at, retry_asked)'
                    ' select k.ledger_id, k.name, k.generation, k.episode_id, k.position, k.reason,'
                    ' k.parked_at, k.retry_asked'
                    ' from projection_parked k join p using (ledger_id, name, generation)'
                    ')'
                    ' insert into read_model_state (ledger_id, name, generation, last_generation,'
                    ' fold_version, position)'
                    ' select ledger_id, name, generation, generation,'
                    ' case when $4 then fold_version else 0 end, position'
                    ' from p',
                copies
            )
            using stored.ledger_id, stored.name, answering, coalesce(is_readable, false);

            exit when exists (
                select from read_model_state
                where ledger_id = stored.ledger_id and name = stored.name
            );
        end loop;
    end loop;
end
$$;
