-- revision 3
set local role ledger_owner;

-- What programs before `append_batch_2` call, with privileges of their own on the tables; see
-- Migrator/finish.
--
-- Appends a batch of requests, each whole or not at all, and tells each its own outcome.
--
-- `p_episode` and `p_base` have one element for each episode of the batch: the version that its
-- first request was decided on. The other arrays have one element for each event, in the order of
-- the requests; `p_request` numbers the requests from 1, `p_version` is the version that the event
-- will have if everything decided before it is appended too.
--
-- Several statements, so that all but the first see what was committed before the lock on the head
-- was granted.
--
-- Returns one row. The events of the requests that are not in `refused` were appended, in order,
-- at the positions from `first_position` on, with `leaf_hash` in the same order. `outcome` and
-- `reached` go with `refused`:
--   present  every one of the request's event ids is recorded already
--   partial  some of its event ids are recorded already, some are not
--   again    the episode is not at the version the request was decided on, or an earlier request
--            of the episode in this batch was not appended; `reached` is the episode's version
create or replace function append_batch(
    p_ledger_id integer,
    p_episode uuid[],
    p_base bigint[],
    p_request integer[],
    p_episode_id uuid[],
    p_version bigint[],
    p_event_id uuid[],
    p_type text[],
    p_occurred_at bigint[],
    p_source_recorded_at bigint[],
    p_nonce bytea[],
    p_commitment bytea[],
    p_header bytea[],
    p_payload bytea[],
    out first_position bigint,
    out recorded_at bigint,
    out leaf_hash bytea[],
    out refused integer[],
    out outcome text[],
    out reached bigint[]
)
language plpgsql
set search_path = public, pg_temp
-- The plan is the same for every batch: two index look-ups and three index insertions for each
-- event, whatever the statistics say.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    head_position bigint;
    this_moment bigint;
begin
    select h.position, greatest(
        h.recorded_at,
        (extract(epoch from clock_timestamp()) * 1000000)::bigint
    )
    into strict head_position, this_moment
    from ledger_head h
    where h.ledger_id = p_ledger_id
    for update;

    refused := '{}';
    -- Written so that there is one index that fits, the narrowest: a plan that was made while the
    -- table was empty, when all indexes cost the same, is kept and has to serve when it is large.
    -- The order names the index. The upper bound matters: without it every look-up of a new id
    -- fetches the event that has the next one.
    if exists (
        select
        from unnest(p_event_id) as i (event_id)
        where i.event_id = (
            select e.event_id
            from event e
            where e.ledger_id = p_ledger_id
            and e.event_id >= i.event_id and e.event_id <= i.event_id
            order by e.event_id
            limit 1
        )
    )
    or exists (
        select
        from unnest(p_episode, p_base) as c (episode_id, base)
        where c.base <> coalesce((
            select e.version
            from event e
            where e.ledger_id = p_ledger_id and e.episode_id = c.episode_id
            order by e.version desc
            limit 1
        ), 0)
    ) then
        with
        request as materialized (
            select
                r.request,
                r.episode_id,
                min(r.version) as first_version,
                count(*) as size,
                count(*) filter (
                    where r.event_id = (
                        select e.event_id
                        from event e
                        where e.ledger_id = p_ledger_id
                        and e.event_id >= r.event_id and e.event_id <= r.event_id
                        order by e.event_id
                        limit 1
                    )
                ) as recorded
            from unnest(p_request, p_episode_id, p_version, p_event_id)
                as r (request, episode_id, version, event_id)
            group by r.request, r.episode_id
        ),
        chain as (
            select
                r.*,
                c.version + sum(r.size) over (
                    partition by r.episode_id order by r.request
                ) - r.size + 1 as next_version,
                c.version as current_version
            from request r
            join (
                select
                    d.episode_id,
                    coalesce((
                        select e.version
                        from event e
                        where e.ledger_id = p_ledger_id and e.episode_id = d.episode_id
                        order by e.version desc
                        limit 1
                    ), 0) as version
                from (select distinct r.episode_id from request r) d
            ) c using (episode_id)
        ),
        judged as (
            select
                c.*,
                bool_and(c.recorded = 0 and c.first_version = c.next_version) over (
                    partition by c.episode_id order by c.request
                ) as accepted
            from chain c
        )
        select
            coalesce(array_agg(j.request), '{}'),
            array_agg(
                case
                    when j.recorded = j.size then 'present'
                    when j.recorded > 0 then 'partial'
                    else 'again'
                end
            ),
            array_agg(j.current_version)
        into refused, outcome, reached
        from judged j
        where not j.accepted;
    end if;

    with placed as (
        select a.*, head_position + row_number() over (order by a.place) as position
        from unnest(
            p_request, p_episode_id, p_version, p_event_id, p_type, p_occurred_at,
            p_source_recorded_at, p_nonce, p_commitment, p_header, p_payload
        ) with ordinality as a (
            request, episode_id, version, event_id, type, occurred_at,
            source_recorded_at, nonce, commitment, header, payload, place
        )
        where refused = '{}' or a.request <> all (refused)
    ),
    stored as (
        insert into event (
            ledger_id, position, version, occurred_at, recorded_at, known_at, episode_id, event_id,
            type, nonce, commitment, leaf_hash, header, payload
        )
        select
            p_ledger_id, p.position, p.version, p.occurred_at, this_moment,
            coalesce(p.source_recorded_at, this_moment), p.episode_id, p.event_id,
            p.type, p.nonce, p.commitment,
            -- The RFC 6962 leaf over the entry of 112 bytes: 0x00, "episode-ledger1" and a
            -- line feed, the ids, version, position, time, eight zero bytes, commitment. No backslash: what
            -- it means in a text is the session's to say.
            sha256(
                decode('00657069736f64652d6c6564676572310a', 'hex')
                || uuid_send(p.event_id)
                || uuid_send(p.episode_id)
                || int8send(p.version)
                || int8send(p.position)
                || int8send(this_moment)
                || decode('0000000000000000', 'hex')
                || p.commitment
            ),
            p.header, p.payload
        from placed p
        returning event.position, event.leaf_hash
    )
    select array_agg(s.leaf_hash order by s.position)
    into leaf_hash
    from stored s;

    first_position := head_position + 1;
    recorded_at := this_moment;
    if cardinality(leaf_hash) > 0 then
        update ledger_head h
        set position = head_position + cardinality(leaf_hash), recorded_at = this_moment
        where h.ledger_id = p_ledger_id;
    end if;
end
$$;

revoke execute on function append_batch from public;
do $$
begin
    if has_table_privilege('ledger_writer', 'event', 'INSERT') then
        grant execute on function append_batch to ledger_writer;
    end if;
end
$$;

-- Where Citus spreads the ledgers over servers it cannot plan a statement of this function without
-- its parameters' values. A plan made for the values is made by the statistics: without sorting
-- there is one way to look up again.
do $$
begin
    if exists (select from pg_extension where extname = 'citus') then
        alter function append_batch reset plan_cache_mode;
        alter function append_batch set enable_sort = off;
    end if;
end
$$;
