-- revision 1
set local role ledger_owner;

-- Gives entries of the access log their numbers, one after the other from the last one on, in the order of
-- the entries. The arrays have one element for each.
--
-- The caller holds the lease by `p_epoch` and has locked its row in this transaction; it has waited for
-- those who may still write a lower entry. Returns false where the lease is another's.
create or replace function number_access_entries(
    p_ledger_id integer,
    p_epoch bigint,
    p_number bigint[],
    p_entry bigint[],
    p_nonce bytea[],
    p_commitment bytea[],
    p_leaf_hash bytea[]
) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    last_number bigint;
    last_entry bigint;
begin
    perform from public.sealer s
    where s.ledger_id = p_ledger_id and s.epoch = p_epoch and s.lease_until is not null
    for update;
    if not found then
        return false;
    end if;

    select e.number, e.entry into last_number, last_entry
    from public.access_entry e
    where e.ledger_id = p_ledger_id
    order by e.number desc
    limit 1;
    -- They are all the entries that there are up to the last of them.
    if p_entry is distinct from array(
        select a.entry
        from public.access_log a
        where a.ledger_id = p_ledger_id and a.entry > coalesce(last_entry, 0)
        and a.entry <= p_entry[cardinality(p_entry)]
        order by a.entry
    )
    or p_number is distinct from array(
        select coalesce(last_number, 0) + place
        from generate_series(1, cardinality(p_entry)) as place
    ) then
        raise exception 'numbers follow the last one, in the order of entries, and leave none out'
            using errcode = 'EL002';
    end if;

    insert into public.access_entry (ledger_id, number, entry, nonce, commitment, leaf_hash)
    select p_ledger_id, t.number, t.entry, t.nonce, t.commitment, t.leaf_hash
    from unnest(p_number, p_entry, p_nonce, p_commitment, p_leaf_hash)
        as t (number, entry, nonce, commitment, leaf_hash);
    return true;
end
$$;

revoke execute on function number_access_entries from public;
grant execute on function number_access_entries to ledger_projector;
