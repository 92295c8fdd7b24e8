-- revision 1
set local role ledger_owner;

-- Adds a key that signs beside the others of the log in force from now on, or ends one for good; null
-- stands for none. `p_tree` is `events` or `access`.
--
-- The caller holds the lease by `p_epoch` and has locked its row in this transaction. Returns false where
-- the lease is another's.
create or replace function change_verifier_keys(
    p_ledger_id integer,
    p_tree text,
    p_epoch bigint,
    p_added text,
    p_retired text
) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_tree not in ('events', 'access') or p_tree is null then
        raise exception 'the tree is neither "events" nor "access"' using errcode = 'EL002';
    end if;
    perform from public.sealer s
    where s.ledger_id = p_ledger_id and s.epoch = p_epoch and s.lease_until is not null
    for update;
    if not found then
        return false;
    end if;

    if p_tree = 'events' then
        insert into public.verifier_key (ledger_id, verifier_key, incarnation)
        select p_ledger_id, p_added, max(l.incarnation)
        from public.seal_log l
        where l.ledger_id = p_ledger_id and p_added is not null
        having count(*) > 0;
        update public.verifier_key k set retired_at = statement_timestamp()
        where k.ledger_id = p_ledger_id and k.verifier_key = p_retired and k.retired_at is null;
    else
        insert into public.access_verifier_key (ledger_id, verifier_key, incarnation)
        select p_ledger_id, p_added, max(l.incarnation)
        from public.access_seal_log l
        where l.ledger_id = p_ledger_id and p_added is not null
        having count(*) > 0;
        update public.access_verifier_key k set retired_at = statement_timestamp()
        where k.ledger_id = p_ledger_id and k.verifier_key = p_retired and k.retired_at is null;
    end if;
    -- Somebody has to sign.
    if p_tree = 'events' and not exists (
        select
        from public.verifier_key k
        where k.ledger_id = p_ledger_id and k.retired_at is null and k.incarnation = (
            select max(l.incarnation) from public.seal_log l where l.ledger_id = p_ledger_id
        )
    )
    or p_tree = 'access' and not exists (
        select
        from public.access_verifier_key k
        where k.ledger_id = p_ledger_id and k.retired_at is null and k.incarnation = (
            select max(l.incarnation) from public.access_seal_log l where l.ledger_id = p_ledger_id
        )
    ) then
        raise exception 'no key would be left that signs' using errcode = 'EL002';
    end if;
    return true;
end
$$;

revoke execute on function change_verifier_keys from public;
grant execute on function change_verifier_keys to ledger_projector;
