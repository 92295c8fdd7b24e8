alter table {table} add primary key (ledger_id, episode_id);
-- The ends of a period, the newest first.
create index on {table} (ledger_id, ended_at);
