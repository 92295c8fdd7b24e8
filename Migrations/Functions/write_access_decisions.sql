-- revision 2
set local role ledger_owner;

-- Writes decisions to the access log each by itself, so that what the database has against one keeps
-- none of the others from being written. Texts come as the bytes of their UTF-8: a database of another
-- encoding would refuse the whole call for one character that it lacks.
--
-- One that is refused as it is (SQLSTATE classes 22, 23, 54) is written with its texts escaped and cut:
-- bytes beyond ASCII as \342\202\254, as encode(…, 'escape') writes them, and `detail` says so. Where
-- that is refused too, it is written without its detail and its purpose, in whose place the SQLSTATE
-- stands. Who asked, for what, when, and whether it was allowed is kept either way.
--
-- Returns the places, from 1, of those that could be written in no form; where `p_all` is true, one such
-- fails the call.
create or replace function write_access_decisions(
    p_ledger_id integer,
    p_subject bytea[],
    p_roles text[],
    p_operation text[],
    p_allowed boolean[],
    p_episode_id uuid[],
    p_detail bytea[],
    p_purpose bytea[],
    p_request_id bytea[],
    p_all boolean
) returns integer[]
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    decision record;
    told text;
    failed integer[] := '{}';
begin
    for decision in
        select t.*
        from unnest(
            p_subject, p_roles, p_operation, p_allowed, p_episode_id, p_detail, p_purpose,
            p_request_id
        ) with ordinality as t (
            subject, roles, operation, allowed, episode_id, detail, purpose, request_id, place
        )
        order by t.place
    loop
        for form in 1..3 loop
            begin
                -- What is longer is cut by the second form; what the program makes itself never is.
                if form = 1 and greatest(
                    octet_length(decision.subject), octet_length(decision.detail),
                    octet_length(decision.purpose), octet_length(decision.request_id)
                ) > 4096
                or greatest(octet_length(decision.roles), octet_length(decision.operation)) > 4096
                then
                    raise exception 'a text of an entry has more than 4,096 bytes'
                        using errcode = '22001';
                end if;
                insert into public.access_log (
                    ledger_id, subject, roles, operation, allowed, episode_id, detail, purpose,
                    request_id
                )
                values (
                    p_ledger_id,
                    case
                        when form = 1 then convert_from(decision.subject, 'UTF8')
                        else left(encode(decision.subject, 'escape'), 1020)
                    end,
                    string_to_array(decision.roles, ','),
                    decision.operation,
                    decision.allowed,
                    decision.episode_id,
                    case form
                        when 1 then convert_from(decision.detail, 'UTF8')
                        when 2 then concat_ws(
                            ': ',
                            'escaped (SQLSTATE ' || told || ')',
                            left(encode(decision.detail, 'escape'), 4096)
                        )
                        else 'not storable (SQLSTATE ' || told || ')'
                    end,
                    case form
                        when 1 then convert_from(decision.purpose, 'UTF8')
                        when 2 then left(encode(decision.purpose, 'escape'), 1020)
                        else
                            case
                                when decision.purpose is not null
                                then 'not storable (SQLSTATE ' || told || ')'
                            end
                    end,
                    case
                        when form = 1 then convert_from(decision.request_id, 'UTF8')
                        else left(encode(decision.request_id, 'escape'), 1020)
                    end
                );
                exit;
            exception
                when data_exception or integrity_constraint_violation or program_limit_exceeded then
                    told := sqlstate;
                    if form = 3 then
                        if p_all then
                            raise;
                        end if;
                        failed := failed || decision.place::integer;
                    end if;
            end;
        end loop;
    end loop;
    return failed;
end
$$;

revoke execute on function write_access_decisions from public;
grant execute on function write_access_decisions to ledger_writer;
