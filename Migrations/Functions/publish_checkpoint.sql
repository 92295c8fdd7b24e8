-- revision 1
set local role ledger_owner;

-- Publishes a signed checkpoint, after its tiles and in their transaction. `p_tree` is `events` or
-- `access`.
--
-- What makes a seal count is the compare-and-set on (size, epoch): `p_before` is the size that the caller
-- has sealed up to. Returns when, or null where the lease is another's or the size has moved.
--
-- The size is greater than that, and not beyond what there is; size and root are those of the note, whose
-- first line is the origin of the log in force. Whether its signatures are right is for those who have the
-- keys: `verify` looks.
create or replace function publish_checkpoint(
    p_ledger_id integer,
    p_tree text,
    p_epoch bigint,
    p_before bigint,
    p_size bigint,
    p_root bytea,
    p_note text
) returns timestamptz
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    head bigint;
    origin text;
    published timestamptz;
begin
    if p_tree = 'events' then
        select h.position into head from public.ledger_head h where h.ledger_id = p_ledger_id;
        select l.origin into origin
        from public.seal_log l
        where l.ledger_id = p_ledger_id
        order by l.incarnation desc
        limit 1;
    elsif p_tree = 'access' then
        select max(e.number) into head from public.access_entry e where e.ledger_id = p_ledger_id;
        select l.origin into origin
        from public.access_seal_log l
        where l.ledger_id = p_ledger_id
        order by l.incarnation desc
        limit 1;
    else
        raise exception 'the tree is neither "events" nor "access"' using errcode = 'EL002';
    end if;
    if (p_size <= coalesce(head, 0)) is not true then
        raise exception 'a checkpoint of size % lies beyond %, which is all there is', p_size, head
            using errcode = 'EL002';
    end if;
    if (p_size > p_before) is not true then
        raise exception 'a checkpoint of size % does not follow one of %', p_size, p_before
            using errcode = 'EL002';
    end if;
    if origin is null or starts_with(
        p_note, concat(origin, chr(10), p_size, chr(10), encode(p_root, 'base64'), chr(10))
    ) is not true then
        raise exception 'the note is not of this log, size and root' using errcode = 'EL002';
    end if;

    if p_tree = 'events' then
        update public.sealer s
        set size = p_size, updated_at = statement_timestamp(), trouble = null,
            trouble_position = null
        where s.ledger_id = p_ledger_id and s.epoch = p_epoch and s.lease_until is not null
        and s.size = p_before;
        if found then
            insert into public.checkpoint (ledger_id, size, root, note)
            values (p_ledger_id, p_size, p_root, p_note)
            returning sealed_at into published;
        end if;
    else
        update public.sealer s
        set access_size = p_size, updated_at = statement_timestamp(), access_trouble = null,
            access_trouble_number = null
        where s.ledger_id = p_ledger_id and s.epoch = p_epoch and s.lease_until is not null
        and s.access_size = p_before;
        if found then
            insert into public.access_checkpoint (ledger_id, size, root, note)
            values (p_ledger_id, p_size, p_root, p_note)
            returning sealed_at into published;
        end if;
    end if;
    return published;
end
$$;

revoke execute on function publish_checkpoint from public;
grant execute on function publish_checkpoint to ledger_projector;
