-- One episode's row; lists read them all, since overlaps are between a client's episodes.
alter table {table} add primary key (ledger_id, episode_id);
