-- revision 1
set local role ledger_owner;

-- What is recorded, sealed or logged is never changed: not by the writer, not by the owner, not by the
-- superuser. A trigger says why, and what to do instead where there is something.
create or replace function refuse_change() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
    if tg_nargs = 1 then
        raise exception '% on % is refused: %', tg_op, tg_table_name, tg_argv[0]
            using errcode = 'EL001';
    end if;
    raise exception '% on % is refused: %', tg_op, tg_table_name, tg_argv[0]
        using errcode = 'EL001', hint = tg_argv[1];
end
$$;

-- A trigger fires whatever its table's user may execute.
revoke execute on function refuse_change from public;
