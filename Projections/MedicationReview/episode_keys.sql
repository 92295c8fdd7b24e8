-- One episode's row.
alter table {table} add primary key (ledger_id, episode_id);
-- A programme's list: those that are enrolled.
create index on {table} (ledger_id, program) where ended_at is null;
-- And those of which something lies after the time asked for.
create index on {table} (ledger_id, last_at);
