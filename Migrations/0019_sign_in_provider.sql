-- Signing in with an identity provider. The columns may be null: sessions of links have none of it, and
-- a program of the version before may still be writing such sessions.

set local role ledger_owner;

alter table sign_in.session
    -- In which ledgers; null for all.
    add column ledgers text[],
    -- Of the provider: null where a link signed in.
    add column issuer text,
    -- The session's name there, by which the provider ends it.
    add column sid text,
    -- Whom the subject is as an author, as far as the provider says it.
    add column author_id text,
    add column author_name text,
    add column author_role text;

-- A sign-in that was begun and has not come back from the provider. Its state and the cookie that it is
-- bound to are kept as SHA-256 alone.
create table sign_in.flow (
    hash bytea primary key check (octet_length(hash) = 32),
    cookie bytea not null check (octet_length(cookie) = 32),
    nonce text not null,
    -- Of PKCE (RFC 7636): it is sent with the code.
    verifier text not null,
    -- Where to go afterwards: a page of this service.
    return_page text not null,
    -- Who began it, to count how many an address has.
    address text not null,
    expires_at timestamptz not null
);
create index on sign_in.flow (address);

-- Logout tokens that were obeyed, until nobody would take them any more.
create table sign_in.logout (
    -- SHA-256 of issuer and jti.
    hash bytea primary key check (octet_length(hash) = 32),
    expires_at timestamptz not null
);

grant select, insert, update, delete on sign_in.flow, sign_in.logout to ledger_sign_in;
