-- Every version of when an episode began and ended: what is needed to say, without folding it, that an
-- episode was not enrolled at a time, as that was known at any other time.

set local role ledger_projector;

-- One row for each admission and end that was recorded, and for each correction or retraction of one.
-- Rows are only added: they repeat what events say, whatever was recorded later.
create table read_model.census_life_cycle (
    ledger_id integer not null,
    generation integer not null,
    episode_id uuid not null,
    position bigint not null,
    type text collate "C" not null,
    -- As the event says, not as corrected.
    occurred_at bigint not null,
    known_at bigint not null,
    recorded_at bigint not null,
    primary key (ledger_id, generation, episode_id, position)
);

grant select on read_model.census_life_cycle to ledger_reader;

-- Nothing looks for an element of these lists: statistics about them cost more than all others.
alter table read_model.census_episode
    alter column session_at set statistics 0,
    alter column session_minutes set statistics 0,
    alter column flag set statistics 0,
    alter column flag_at set statistics 0,
    alter column flag_events set statistics 0;
alter table read_model.medication_episode
    alter column flag set statistics 0,
    alter column flag_at set statistics 0,
    alter column flag_events set statistics 0;
