-- revision 1
set local role ledger_owner;

-- Begins a transparency log of a ledger, with its key: the first one, or after a restore that a signed
-- note declares. `p_tree` is `events` or `access`.
--
-- The caller holds the lease by `p_epoch` and has locked its row in this transaction. Returns false where
-- the lease is another's.
create or replace function begin_seal_log(
    p_ledger_id integer,
    p_tree text,
    p_epoch bigint,
    p_incarnation integer,
    p_origin text,
    p_declaration text,
    p_verifier_key text
) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    last integer;
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
        select coalesce(max(l.incarnation), 0) into last
        from public.seal_log l
        where l.ledger_id = p_ledger_id;
    else
        select coalesce(max(l.incarnation), 0) into last
        from public.access_seal_log l
        where l.ledger_id = p_ledger_id;
    end if;
    -- The access log goes with its ledger's: it may begin, or go on, behind restores of that.
    if p_incarnation <= last or p_tree = 'events' and p_incarnation <> last + 1 then
        raise exception 'log % does not follow log %', p_incarnation, last using errcode = 'EL002';
    end if;
    if last > 0 and p_declaration is null then
        raise exception 'a further log begins with a declaration' using errcode = 'EL002';
    end if;

    if starts_with(p_verifier_key, p_origin || '+') is not true then
        raise exception 'the key is not named like the log' using errcode = 'EL002';
    end if;
    if p_declaration is not null
    and not starts_with(p_declaration, concat('episode-ledger restore declaration 1', chr(10))) then
        raise exception 'the declaration is none' using errcode = 'EL002';
    end if;
    if p_tree = 'events' and last > 0 and p_origin is distinct from (
        select concat(l.origin, '/', p_incarnation)
        from public.seal_log l
        where l.ledger_id = p_ledger_id
        order by l.incarnation
        limit 1
    ) then
        raise exception 'the log is not named after the first one' using errcode = 'EL002';
    end if;
    -- The access log begins anew just before its ledger does.
    if p_tree = 'access' and p_incarnation > greatest(last, (
        select max(l.incarnation) from public.seal_log l where l.ledger_id = p_ledger_id
    )) + 1 then
        raise exception 'log % of the access log lies ahead', p_incarnation using errcode = 'EL002';
    end if;

    if p_tree = 'events' then
        insert into public.seal_log (ledger_id, incarnation, origin, declaration)
        values (p_ledger_id, p_incarnation, p_origin, p_declaration);
        insert into public.verifier_key (ledger_id, verifier_key, incarnation)
        values (p_ledger_id, p_verifier_key, p_incarnation);
    else
        insert into public.access_seal_log (ledger_id, incarnation, origin, declaration)
        values (p_ledger_id, p_incarnation, p_origin, p_declaration);
        insert into public.access_verifier_key (ledger_id, verifier_key, incarnation)
        values (p_ledger_id, p_verifier_key, p_incarnation);
    end if;
    return true;
end
$$;

revoke execute on function begin_seal_log from public;
grant execute on function begin_seal_log to ledger_projector;
