-- What the second edition of the medication review keeps. The columns may be null, since a program of
-- the version before may still be writing its own rows.

set local role ledger_projector;

alter table read_model.medication_episode
    -- The lineages of each flag, joined with commas.
    add column flag_lineages text[],
    -- The event that admits the client, and what it says of allergies: null where they were not recorded.
    add column admitted_by uuid,
    add column allergy text[],
    alter column flag_lineages set statistics 0,
    alter column allergy set statistics 0;

-- The episodes of one client, whose medications are reviewed together. An index has no room for the
-- longest key that an admission may name, so it has the beginning; likewise of a program, whose index
-- stopped the worker where a key was too long.
create index medication_episode_client_id_idx
    on read_model.medication_episode (ledger_id, generation, left(client_id, 200));
drop index read_model.medication_episode_ledger_id_generation_program_idx;
create index medication_episode_program_idx
    on read_model.medication_episode (ledger_id, generation, left(program, 200))
    where ended_at is null;

alter table read_model.medication_lineage
    -- What ended it. What was recorded before that, for later, is cancelled by it.
    add column stop_event_id uuid,
    add column stop_at bigint,
    add column stop_position bigint;

alter table read_model.medication_interval
    -- When the event that opened it, and the one that ended it, became known.
    add column known_at bigint,
    add column end_known_at bigint;

alter table read_model.medication_change
    -- By what the lineage was found: order_id, rxcui, name or substance.
    add column matched_by text;
