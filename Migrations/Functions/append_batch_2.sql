-- revision 2
set local role ledger_owner;

-- Appends a batch of requests, each whole or not at all, and tells each its own outcome; and writes the
-- access decisions that go with it, in the same statement.
--
-- The arrays from `p_request` to `p_payload` have one element for each event, in the order of the
-- requests; `p_request` numbers the requests from 1, `p_version` is the version that the event will have
-- if everything decided before it is appended too. Those from `p_subject` to `p_request_id` are of
-- `write_access`: one element for each decision.
--
-- Versions have no gap, and nothing was recorded elsewhere after it is recorded here. Position and time
-- are this function's to say, and so is the leaf that the event has in the tree: it is made of the columns
-- as they are stored.
--
-- An id that is recorded already is looked up where `p_looks` is true or a version does not fit. Else the
-- table's key finds it (23505), nothing is done, and the caller asks again with `p_looks`: to look up each
-- id of each batch costs a tenth of it, and hardly ever finds one.
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
create or replace function append_batch_2(
    p_ledger_id integer,
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
    p_subject bytea[],
    p_roles text[],
    p_operation text[],
    p_allowed boolean[],
    p_of_episode uuid[],
    p_detail bytea[],
    p_purpose bytea[],
    p_request_id bytea[],
    p_looks boolean,
    out first_position bigint,
    out recorded_at bigint,
    out leaf_hash bytea[],
    out refused integer[],
    out outcome text[],
    out reached bigint[]
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
-- The plan is the same for every batch: an index look-up for each episode and three index insertions for
-- each event, whatever the statistics say.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    head_position bigint;
    this_moment bigint;
    -- What the entries of a batch end with, before the commitment: the time and eight zero bytes.
    moment_bytes bytea;
    -- What the clock said when the head was locked, which may lie ahead of it.
    clock_at_lock bigint;
    -- When what was recorded elsewhere was recorded last.
    last_known bigint;
begin
    -- First: what it locks, nobody who appends waits for.
    if cardinality(p_subject) > 0 then
        perform public.write_access(
            p_ledger_id, p_subject, p_roles, p_operation, p_allowed, p_of_episode, p_detail, p_purpose,
            p_request_id
        );
    end if;

    select h.position, greatest(
        h.recorded_at,
        (extract(epoch from clock_timestamp()) * 1000000)::bigint
    )
    into strict head_position, this_moment
    from public.ledger_head h
    where h.ledger_id = p_ledger_id
    for update;
    clock_at_lock := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
    moment_bytes := int8send(this_moment) || decode('0000000000000000', 'hex');

    refused := '{}';
    -- The order names the index: a plan that was made while the table was empty, when all indexes cost
    -- the same, is kept and has to serve when it is large.
    if p_looks or exists (
        select
        from (
            select
                p_version[i] - coalesce(
                    lag(p_version[i]) over (partition by p_episode_id[i] order by i),
                    (
                        select e.version
                        from public.event e
                        where e.ledger_id = p_ledger_id and e.episode_id = p_episode_id[i]
                        order by e.version desc
                        limit 1
                    ),
                    0
                ) as step
            from generate_series(1, cardinality(p_episode_id)) as i
        ) r
        where r.step <> 1
    ) then
        -- What is judged here by its place is stored by its subscript.
        if array_lower(p_request, 1) <> 1 or array_lower(p_episode_id, 1) <> 1
            or array_lower(p_version, 1) <> 1 or array_lower(p_event_id, 1) <> 1
        then
            raise exception 'arrays are counted from 1' using errcode = 'EL002';
        end if;
        if exists (
            select
            from (
                select
                    u.request, u.episode_id,
                    lag(u.request) over places as request_before,
                    lag(u.episode_id) over places as episode_before
                from unnest(p_request, p_episode_id) with ordinality
                    as u (request, episode_id, place)
                window places as (order by u.place)
            ) r
            where r.request < r.request_before
            or r.request = r.request_before and r.episode_id <> r.episode_before
        ) then
            raise exception 'requests come in their order, each of one episode'
                using errcode = 'EL002';
        end if;

        with
        request as materialized (
            select
                r.request,
                r.episode_id,
                min(r.version) as first_version,
                min(r.version - r.place) = max(r.version - r.place) as is_in_order,
                count(*) as size,
                count(*) filter (
                    where r.event_id = (
                        select e.event_id
                        from public.event e
                        where e.ledger_id = p_ledger_id
                        and e.event_id >= r.event_id and e.event_id <= r.event_id
                        order by e.event_id
                        limit 1
                    )
                ) as recorded
            -- Those of a request follow each other.
            from unnest(p_request, p_episode_id, p_version, p_event_id) with ordinality
                as r (request, episode_id, version, event_id, place)
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
                        from public.event e
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
                bool_and(
                    c.recorded = 0 and c.first_version = c.next_version
                    and c.is_in_order
                ) over (
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
        if refused <> '{}' then
            -- What is left.
            select
                array_agg(a.episode_id order by a.place), array_agg(a.version order by a.place),
                array_agg(a.event_id order by a.place), array_agg(a.type order by a.place),
                array_agg(a.occurred_at order by a.place),
                array_agg(a.source_recorded_at order by a.place),
                array_agg(a.nonce order by a.place), array_agg(a.commitment order by a.place),
                array_agg(a.header order by a.place), array_agg(a.payload order by a.place)
            into
                p_episode_id, p_version, p_event_id, p_type, p_occurred_at, p_source_recorded_at,
                p_nonce, p_commitment, p_header, p_payload
            from unnest(
                p_request, p_episode_id, p_version, p_event_id, p_type, p_occurred_at,
                p_source_recorded_at, p_nonce, p_commitment, p_header, p_payload
            ) with ordinality as a (
                request, episode_id, version, event_id, type, occurred_at, source_recorded_at,
                nonce, commitment, header, payload, place
            )
            where a.request <> all (refused);
        end if;
    end if;

    with stored as (
        insert into public.event (
            ledger_id, position, version, occurred_at, recorded_at, known_at, episode_id,
            event_id, type, nonce, commitment, leaf_hash, header, payload
        )
        -- By subscripts: a row source for each array costs a batch of one a fifth of its time.
        select
            p_ledger_id, head_position + i, p_version[i], p_occurred_at[i], this_moment,
            coalesce(p_source_recorded_at[i], this_moment), p_episode_id[i], p_event_id[i],
            p_type[i], p_nonce[i], p_commitment[i],
            -- The RFC 6962 leaf over the entry of 112 bytes: 0x00, "episode-ledger1" and a
            -- line feed, the ids, version, position, time, eight zero bytes, commitment. No
            -- backslash: what it means in a text is the session's to say.
            sha256(
                decode('00657069736f64652d6c6564676572310a', 'hex')
                || uuid_send(p_event_id[i])
                || uuid_send(p_episode_id[i])
                || int8send(p_version[i])
                || int8send(head_position + i)
                || moment_bytes
                || p_commitment[i]
            ),
            p_header[i], p_payload[i]
        from generate_series(1, cardinality(p_episode_id)) as i
        returning event.position, event.leaf_hash, event.known_at
    ),
    moved as (
        update public.ledger_head h
        set position = head_position + cardinality(p_episode_id), recorded_at = this_moment
        where h.ledger_id = p_ledger_id and cardinality(p_episode_id) > 0
    )
    select
        array_agg(s.leaf_hash order by s.position),
        max(s.known_at) filter (where s.known_at <> this_moment)
    into leaf_hash, last_known
    from stored s;

    -- By the clock: a head may lie ahead of it.
    if last_known > clock_at_lock then
        raise exception 'an event was recorded elsewhere after this moment' using errcode = '22008';
    end if;

    first_position := head_position + 1;
    recorded_at := this_moment;
end
$$;

revoke execute on function append_batch_2 from public;
grant execute on function append_batch_2 to ledger_writer;

-- Where Citus spreads the ledgers over servers it cannot plan a statement of this function without
-- its parameters' values. A plan made for the values is made by the statistics: without sorting
-- there is one way to look up again.
do $$
begin
    if exists (select from pg_extension where extname = 'citus') then
        alter function append_batch_2 reset plan_cache_mode;
        alter function append_batch_2 set enable_sort = off;
    end if;
end
$$;
