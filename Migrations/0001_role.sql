-- Roles are cluster-wide, and another database may be making them at this moment.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['ledger_owner', 'ledger_writer', 'ledger_projector', 'ledger_reader']
    loop
        begin
            if not exists (select from pg_roles where rolname = wanted) then
                execute format('create role %I nologin', wanted);
            end if;
        exception
            when duplicate_object or unique_violation then null;
        end;
        -- From PostgreSQL 16 on, who creates a role is a member that may not yet act as it.
        if not pg_has_role(
            current_user, wanted,
            case when current_setting('server_version_num')::integer < 160000
                then 'member' else 'set' end
        ) then
            begin
                execute format('grant %I to current_user', wanted);
            exception
                when duplicate_object or unique_violation then null;
            end;
        end if;
    end loop;
end
$$;

grant usage, create on schema public to ledger_owner;
grant usage on schema public to ledger_writer, ledger_projector, ledger_reader;

-- The projector makes and drops the tables of the read models, generation by generation.
create schema read_model;
grant usage, create on schema read_model to ledger_projector;
grant usage on schema read_model to ledger_owner, ledger_reader;

alter table schema_migration owner to ledger_owner;
grant select on schema_migration to ledger_writer, ledger_projector, ledger_reader;
