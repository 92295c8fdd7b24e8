alter table {table} add primary key (ledger_id, episode_id);
-- `episodes --client`, and clients with two episodes at once.
create index on {table} (ledger_id, client_id);
