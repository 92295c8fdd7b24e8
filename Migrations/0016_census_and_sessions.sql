-- What the second version of the census keeps besides: columns that a program of the version before,
-- which may still be writing, leaves at their defaults.

set local role ledger_projector;

alter table read_model.census_episode
    -- What the admission says; null where it does not.
    add column referral_source text,
    add column payer_class text,
    add column prior_level_of_care text,
    -- session_at has every session from now on, each once; session_minutes is 0 for those that do not
    -- count toward hours. This says who was there: attended, family_without_client, or why it was
    -- missed.
    add column session_outcome text[] not null default '{}',
    -- As of the other lists of this table: nothing looks for an element.
    alter column session_outcome set statistics 0;

alter table read_model.census_stay
    -- The event that opened the stay.
    add column opened_by uuid not null default '00000000-0000-0000-0000-000000000000',
    -- What followed one another within the stay, each with the time from which it was in force.
    add column tracks text[] not null default '{}',
    add column track_at bigint[] not null default '{}',
    add column schedules text[] not null default '{}',
    add column schedule_at bigint[] not null default '{}',
    alter column tracks set statistics 0,
    alter column track_at set statistics 0,
    alter column schedules set statistics 0,
    alter column schedule_at set statistics 0;

-- One row for each session entry that is in force, held or missed, whether it counts or not.
create table read_model.session_entry (
    ledger_id integer not null,
    generation integer not null,
    episode_id uuid not null,
    event_id uuid not null,
    client_id text not null,
    -- The same for everyone in a group session; a missed one may have none.
    session_id text,
    kind text not null,
    modality text,
    topic text,
    starts_at bigint not null,
    -- Null for a missed one.
    minutes integer,
    outcome text not null,
    reason text,
    attendance text,
    -- Whether its minutes count toward the hours of a week.
    counted boolean not null,
    -- Whether it is a session of the episode, and if not, why.
    standing text not null,
    group_size bigint,
    -- Those in force at its start.
    program text not null,
    level_of_care text not null,
    facilitators text[] not null,
    author text not null,
    primary key (ledger_id, generation, episode_id, event_id)
)
with (autovacuum_vacuum_scale_factor = 0.05);
-- The sessions of a day or a month.
create index on read_model.session_entry (ledger_id, generation, starts_at);
-- One session, or a series: by the beginning of its id, since an index has no room for the longest.
create index session_entry_session_id_idx
    on read_model.session_entry (ledger_id, generation, left(session_id, 200));

-- One row for each stay of an episode: who is enrolled when a session begins.
create table read_model.session_stay (
    ledger_id integer not null,
    generation integer not null,
    episode_id uuid not null,
    ordinal integer not null,
    client_id text not null,
    program text not null,
    from_at bigint not null,
    to_at bigint,
    primary key (ledger_id, generation, episode_id, ordinal)
)
with (autovacuum_vacuum_scale_factor = 0.05);
-- A program's, those that end after a time and those that last.
create index session_stay_program_idx
    on read_model.session_stay (ledger_id, generation, left(program, 200), to_at);

grant select on read_model.session_entry, read_model.session_stay to ledger_reader;
