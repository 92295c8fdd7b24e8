set local role ledger_owner;

-- Messages of webhooks were named by the position of their event, until a restore from a backup gave one
-- name to two events. They are named by the event now. What a program before this one may have sent
-- keeps its name, since it may have to be sent again: of each ledger everything up to the head of now,
-- and after a restore only what that has kept. A table of its own: a column more would wait for every
-- statement that reads webhook.
create table message_name (
    ledger_id integer primary key,
    by_position_through bigint not null check (by_position_through >= 0)
);

insert into message_name (ledger_id, by_position_through)
select ledger_id, position
from ledger_head
where position > 0;

grant select, update on message_name to ledger_projector;
grant select on message_name to ledger_reader, ledger_writer;
