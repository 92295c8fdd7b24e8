-- revision 1
set local role ledger_owner;

-- Writes decisions to the access log, all or none; number and time are the database's to say. Texts come
-- as the bytes of their UTF-8, roles joined by commas.
--
-- Whoever inserts holds the table's lock for it from before an entry is given to the end, shared with all
-- who insert: whoever numbers the entries knows by it whom to wait for.
--
-- A database of another encoding lacks characters: there each is written by itself, with what cannot be
-- stored marked. In UTF8 the database refuses what no text may hold, and texts of more than 4,096 bytes;
-- whoever calls tries `write_access_decisions` then.
create or replace function write_access(
    p_ledger_id integer,
    p_subject bytea[],
    p_roles text[],
    p_operation text[],
    p_allowed boolean[],
    p_episode_id uuid[],
    p_detail bytea[],
    p_purpose bytea[],
    p_request_id bytea[]
) returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if getdatabaseencoding() <> 'UTF8' then
        perform public.write_access_decisions(
            p_ledger_id, p_subject, p_roles, p_operation, p_allowed, p_episode_id, p_detail, p_purpose,
            p_request_id, true
        );
        return;
    end if;
    -- All together are hardly ever longer than one may be: then none is, and no statement looks.
    if octet_length(array_send(p_subject)) + octet_length(array_send(p_roles))
        + octet_length(array_send(p_operation)) + octet_length(array_send(p_detail))
        + octet_length(array_send(p_purpose)) + octet_length(array_send(p_request_id)) > 4096
    then
        if exists (
            select
            from unnest(p_subject, p_roles, p_operation, p_detail, p_purpose, p_request_id)
                as t (subject, roles, operation, detail, purpose, request_id)
            where greatest(
                octet_length(t.subject), octet_length(t.roles), octet_length(t.operation),
                octet_length(t.detail), octet_length(t.purpose), octet_length(t.request_id)
            ) > 4096
        ) then
            raise exception 'a text of an entry has more than 4,096 bytes' using errcode = '22001';
        end if;
    end if;
    insert into public.access_log (
        ledger_id, subject, roles, operation, allowed, episode_id, detail, purpose, request_id
    )
    select
        p_ledger_id, convert_from(t.subject, 'UTF8'), string_to_array(t.roles, ','), t.operation,
        t.allowed, t.episode_id, convert_from(t.detail, 'UTF8'), convert_from(t.purpose, 'UTF8'),
        convert_from(t.request_id, 'UTF8')
    from unnest(
        p_subject, p_roles, p_operation, p_allowed, p_episode_id, p_detail, p_purpose, p_request_id
    ) as t (subject, roles, operation, allowed, episode_id, detail, purpose, request_id);
end
$$;

revoke execute on function write_access from public;
grant execute on function write_access to ledger_writer;
