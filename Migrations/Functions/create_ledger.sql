-- revision 1
set local role ledger_owner;

-- Makes a ledger with its head. The name is taken as the table checks it, the zone by its IANA name.
create or replace function create_ledger(p_name text, p_time_zone text) returns integer
language plpgsql
set search_path = public, pg_temp
as $$
declare
    created integer;
begin
    insert into ledger (name, time_zone) values (p_name, p_time_zone) returning ledger_id into created;
    insert into ledger_head (ledger_id) values (created);
    return created;
end
$$;
revoke execute on function create_ledger from public;
