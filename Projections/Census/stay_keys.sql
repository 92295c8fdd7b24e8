alter table {table} add primary key (ledger_id, episode_id, ordinal);
-- The stays of a day or a period: those that end in it or later, and those that last.
create index on {table} (ledger_id, to_at);
