-- Who is signed in to the pages. No ledger and no health information: rows that may be lost, and that
-- are deleted after they expire. They have a role of their own, so that who reads or writes a ledger
-- cannot make a session, and the other way round.
do $$
begin
    begin
        if not exists (select from pg_roles where rolname = 'ledger_sign_in') then
            create role ledger_sign_in nologin;
        end if;
    exception
        when duplicate_object or unique_violation then null;
    end;
    -- From PostgreSQL 16 on, who creates a role is a member that may not yet act as it.
    if not pg_has_role(
        current_user, 'ledger_sign_in',
        case when current_setting('server_version_num')::integer < 160000
            then 'member' else 'set' end
    ) then
        begin
            grant ledger_sign_in to current_user;
        exception
            when duplicate_object or unique_violation then null;
        end;
    end if;
end
$$;

create schema sign_in;
grant usage, create on schema sign_in to ledger_owner;
grant usage on schema sign_in to ledger_sign_in;

set local role ledger_owner;

-- A link that signs in once. Of every secret only its SHA-256 is kept.
create table sign_in.link (
    hash bytea primary key check (octet_length(hash) = 32),
    subject text not null check (subject <> ''),
    roles text[] not null,
    expires_at timestamptz not null
);

create table sign_in.session (
    session_id bigint generated always as identity,
    hash bytea primary key check (octet_length(hash) = 32),
    subject text not null check (subject <> ''),
    -- In every ledger.
    roles text[] not null,
    -- Why the subject looks, from HL7's list; null where that is not said.
    purpose text,
    uses_keys boolean not null default true,
    created_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    -- However busy the subject is.
    expires_at timestamptz not null
);
create unique index on sign_in.session (session_id);

-- Attempts to sign in that failed, by address.
create table sign_in.failure (
    address text not null,
    at timestamptz not null default clock_timestamp()
);
create index on sign_in.failure (address, at);

-- What forms are signed with.
create table sign_in.form_key (
    only_row boolean primary key default true check (only_row),
    key bytea not null check (octet_length(key) = 32)
);

grant select, insert, update, delete on all tables in schema sign_in to ledger_sign_in;
