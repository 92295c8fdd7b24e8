set local role ledger_owner;

-- Every decision on health information that the service made: who asked, for what, when, why, and
-- whether it was given. Written before anything leaves. What was asked for is named by the request
-- and its episode or positions, never by its content.
create table access_log (
    ledger_id integer not null,
    entry bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    subject text not null,
    roles text[] not null,
    operation text not null,
    allowed boolean not null,
    episode_id uuid,
    -- The positions or dates that were asked for, such as {"after":0}.
    detail text,
    -- What the caller gave as its purpose.
    purpose text,
    request_id text not null,
    primary key (ledger_id, entry)
);
-- Who has looked at an episode.
create index on access_log (ledger_id, episode_id, entry) where episode_id is not null;

create function refuse_change_of_access_log() returns trigger
language plpgsql as $$
begin
    raise exception '% on % is refused: what was asked for stays known', tg_op, tg_table_name
        using errcode = 'EL001';
end
$$;

create trigger access_log_is_immutable
    before update or delete or truncate on access_log
    for each statement execute function refuse_change_of_access_log();
alter table access_log enable always trigger access_log_is_immutable;

grant insert on access_log to ledger_writer;
grant select on access_log to ledger_reader;
