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
    add column session_outcome text[] not null default '{}';

alter table read_model.census_stay
    -- The event that opened the stay.
    add column opened_by uuid not null default '00000000-0000-0000-0000-000000000000',
    -- What followed one another within the stay, each with the time from which it was in force.
    add column tracks text[] not null default '{}',
    add column track_at bigint[] not null default '{}',
    add column schedules text[] not null default '{}',
    add column schedule_at bigint[] not null default '{}';
