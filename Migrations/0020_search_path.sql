-- Functions and tables are found in pg_catalog and then in public: each function says so itself, and so
-- does each session of the program. In a database that comes from PostgreSQL 14 or before, everybody may
-- create there, and a function or an operator that fits the arguments better would be taken for the
-- server's own. From 15 on nobody may: this makes an older one the same. Who owns neither the schema
-- nor the database cannot change it, and is told so by a warning.
do $$
begin
    if exists (
        select
        from pg_namespace n
        cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
        where n.nspname = 'public' and a.grantee = 0 and a.privilege_type = 'CREATE'
    ) then
        revoke create on schema public from public;
    end if;
end
$$;
