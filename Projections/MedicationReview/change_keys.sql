alter table {table} add primary key (ledger_id, episode_id, ordinal);
