-- revision 1
set local role ledger_owner;

-- Keeps tiles that became full, before the checkpoint that covers them and in its transaction. `p_tree` is
-- `events` or `access`; the arrays have one element for each tile.
--
-- The caller holds the lease by `p_epoch` and has locked its row in this transaction. Returns false where
-- the lease is another's. A tile lies within what there is, and behind what is sealed already.
create or replace function publish_tiles(
    p_ledger_id integer,
    p_tree text,
    p_epoch bigint,
    p_level integer[],
    p_number bigint[],
    p_hashes bytea[]
) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    sealed bigint;
    head bigint;
begin
    select case p_tree when 'events' then s.size when 'access' then s.access_size end
    into sealed
    from public.sealer s
    where s.ledger_id = p_ledger_id and s.epoch = p_epoch and s.lease_until is not null
    for update;
    if not found then
        return false;
    end if;
    if p_tree = 'events' then
        select h.position into head from public.ledger_head h where h.ledger_id = p_ledger_id;
    elsif p_tree = 'access' then
        select max(e.number) into head from public.access_entry e where e.ledger_id = p_ledger_id;
    else
        raise exception 'the tree is neither "events" nor "access"' using errcode = 'EL002';
    end if;
    -- A tile of level n covers 256 to the power n + 1 leaves. As numeric: no number is too great for it.
    if exists (
        select
        from unnest(p_level, p_number) as t (level, number)
        where t.level is null or t.number is null or t.level not between 0 and 7 or t.number < 0
        or (t.number + 1::numeric) * 256::numeric ^ (t.level + 1) > head
        or (t.number + 1::numeric) * 256::numeric ^ (t.level + 1) <= sealed
    ) then
        raise exception 'a tile does not lie between what is sealed and what there is'
            using errcode = 'EL002';
    end if;

    if p_tree = 'events' then
        insert into public.tile (ledger_id, level, number, hashes)
        select p_ledger_id, t.level, t.number, t.hashes
        from unnest(p_level, p_number, p_hashes) as t (level, number, hashes);
    else
        insert into public.access_tile (ledger_id, level, number, hashes)
        select p_ledger_id, t.level, t.number, t.hashes
        from unnest(p_level, p_number, p_hashes) as t (level, number, hashes);
    end if;
    return true;
end
$$;

revoke execute on function publish_tiles from public;
grant execute on function publish_tiles to ledger_projector;
