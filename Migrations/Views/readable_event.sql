-- revision 1
set local role ledger_owner;

-- The record decoded, for people at a psql prompt.
create or replace view readable_event as
select
    l.name as ledger,
    e.position,
    e.episode_id,
    e.version,
    e.event_id,
    e.type,
    to_timestamp(e.occurred_at / 1000000.0) as occurred_at,
    to_timestamp(e.recorded_at / 1000000.0) as recorded_at,
    to_timestamp(e.known_at / 1000000.0) as known_at,
    convert_from(e.header, 'UTF8')::jsonb ->> 'recorded_by' as recorded_by,
    convert_from(e.header, 'UTF8')::jsonb -> 'author' as author,
    convert_from(e.payload, 'UTF8')::jsonb as data,
    encode(e.leaf_hash, 'hex') as leaf_hash
from event e
join ledger l using (ledger_id);

grant select on readable_event to ledger_writer, ledger_projector, ledger_reader;
