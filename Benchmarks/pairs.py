"""Measures this program against an older one, in turns and in one run.

    python3 Benchmarks/pairs.py export OLD [EPISODES] [ROUNDS]
    python3 Benchmarks/pairs.py rebuild OLD [EPISODES] [OTHERS] [ROUNDS]
    python3 Benchmarks/pairs.py append-batch [EVENTS] [ROUNDS]
    python3 Benchmarks/pairs.py service OLD [SECONDS] [ROUNDS] [OPTIONS OF serve …]
    python3 Benchmarks/pairs.py projections OLD [RATE] [SECONDS] [ROUNDS]
    python3 Benchmarks/pairs.py idle OLD [LEDGERS] [STREAMS] [SECONDS]

OLD is the release build of another commit. Both programs have the same simulated ledger, each in a
private cluster of its own, and work by turns. `export`: they write it to /dev/null; beside them psql
copies the same columns as text. `rebuild`: they rebuild its census, this program with the rows of
OTHERS other ledgers of that size in the same tables, whose size is told after each round.
`append-batch`: `append_batch`, which programs before called, and `append_batch_2`, side by side in one
database that holds EVENTS events, by the server's own clock. `service`, `projections` and `idle`: see Http/against.py. Uses
.build/release/episode-ledger, or what EPISODE_LEDGER_PROGRAM names, and psql.
"""

import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Benchmarks/Http"))

import against
from bench import PROGRAM

COLUMNS = (
    "position, version, occurred_at, recorded_at, known_at, episode_id, event_id, type, leaf_hash,"
    " header, payload"
)


class Place:
    """A data folder, and one program that uses it; its cluster runs as long as this is open."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.keeper = None

    def __enter__(self):
        # Any command that stays keeps the cluster up.
        self.run("ledgers")
        self.keeper = subprocess.Popen(
            self.words("follow"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        file = self.folder / "postgresql/postmaster.pid"
        for _ in range(200):
            if file.exists() and "ready" in file.read_text():
                return self
            time.sleep(0.05)
        sys.exit("the cluster does not start")

    def __exit__(self, *_):
        self.keeper.terminate()
        self.keeper.wait(30)

    def words(self, *words):
        return [self.program, *words, "--data-dir", str(self.folder)]

    def run(self, *words, **options):
        subprocess.run(
            self.words(*words), check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, **options,
        )

    def psql(self, script):
        lines = (self.folder / "postgresql/postmaster.pid").read_text().splitlines()
        return subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", lines[4], "-p", lines[3],
             "-U", "episode_ledger", "-d", "episode_ledger", "-f", "-"],
            input=script, text=True, check=True, stdout=subprocess.PIPE,
        ).stdout


def seconds(body):
    began = time.monotonic()
    body()
    return time.monotonic() - began


@contextlib.contextmanager
def both(old_program, episodes):
    """The same simulated ledger under the older program and under this one, and its events."""
    with tempfile.TemporaryDirectory(prefix="el-pairs-") as name:
        os.chmod(name, 0o755)
        folder = pathlib.Path(name)
        old, new = folder / "old", folder / "new"
        simulated = folder / "simulated.ndjson"
        with open(simulated, "wb") as file:
            words = [PROGRAM, "simulate", "--episodes", str(episodes), "--seed", "7"]
            subprocess.run(words, check=True, stdout=file)
        events = sum(1 for _ in open(simulated, "rb"))
        with Place(old_program, old) as place, open(simulated, "rb") as file:
            place.run("import", "-", stdin=file)
            place.psql("vacuum (freeze, analyze) event;")
        subprocess.run(["cp", "-a", str(old), str(new)], check=True)
        with Place(old_program, old) as old_place, Place(PROGRAM, new) as new_place:
            new_place.run("migrate")
            yield old_place, new_place, events


def export(old_program, episodes, rounds):
    with both(old_program, episodes) as (old_place, new_place, events):
        # What comes first after a copy finds cold caches and unset hint bits.
        for place in old_place, new_place:
            place.run("export")
        copy = f"copy (select {COLUMNS} from event order by position) to stdout;"
        print(f"{events:,} events; events/s")
        print(f"{'round':>6} {'old':>9} {'new':>9} {'ratio':>6} {'COPY as text':>13}")
        ratios = []
        for number in range(1, rounds + 1):
            before = seconds(lambda: old_place.run("export"))
            after = seconds(lambda: new_place.run("export"))
            copied = seconds(lambda: new_place.psql(copy))
            ratios.append(before / after)
            print(
                f"{number:>6} {events / before:>9,.0f} {events / after:>9,.0f}"
                f" {before / after:>6.2f} {events / copied:>13,.0f}"
            )
        print(f"median ratio {statistics.median(ratios):.2f}")


# Of all read models and ledgers together, with indexes.
TABLES = """
select coalesce(sum(pg_total_relation_size(oid)), 0)
from pg_class
where relnamespace = 'read_model'::regnamespace and relkind = 'r';
"""


# The rows of one ledger once more for each of some others.
OTHER_ROWS = """
do $$
declare
    name text;
    columns text;
begin
    for name in
        select relname from pg_class
        where relnamespace = 'read_model'::regnamespace and relkind = 'r'
    loop
        select string_agg(quote_ident(attname), ', ' order by attnum) into columns
        from pg_attribute
        where attrelid = ('read_model.' || name)::regclass and attnum > 0 and not attisdropped
        and attname <> 'ledger_id';
        execute format(
            'insert into read_model.%I (ledger_id, %s) select 100 + n, %s from read_model.%I, '
            'generate_series(1, {others}) as n', name, columns, columns, name
        );
    end loop;
end
$$;
vacuum analyze;
"""


def rebuild(old_program, episodes, others, rounds):
    with both(old_program, episodes) as (old_place, new_place, events):
        for place in old_place, new_place:
            place.run("projections", "run", "--until-caught-up")
        # The older program may have tables of its own for each ledger: rows of others are not in them.
        new_place.psql(OTHER_ROWS.replace("{others}", str(others)))
        print(f"{events:,} events, {others} other ledgers of that size; events/s, size in MB")
        print(f"{'round':>6} {'old':>9} {'new':>9} {'ratio':>6} {'old size':>9} {'new size':>9}")
        ratios = []
        for number in range(rounds + 1):
            if number:
                before, after = (
                    seconds(lambda: place.run("projections", "rebuild", "census"))
                    for place in (old_place, new_place)
                )
                ratios.append(before / after)
                rates = f"{events / before:>9,.0f} {events / after:>9,.0f} {ratios[-1]:>6.2f}"
            sizes = [int(place.psql(TABLES)) / 1e6 for place in (old_place, new_place)]
            print(
                f"{number:>6} {rates if number else '':>26} {sizes[0]:>9,.0f} {sizes[1]:>9,.0f}"
            )
        print(f"median ratio {statistics.median(ratios):.2f}")


# One batch of new events, each of an episode of its own, as a service sends them: ids are of any
# order, since every writer makes its own.
BATCH = """
create or replace function time_batch(p_function text, p_size integer) returns double precision
language plpgsql as $$
declare
    began timestamptz;
    requests integer[] := array(select generate_series(1, p_size));
    ids uuid[] := array(select gen_random_uuid() from generate_series(1, p_size));
    episodes uuid[] := array(select gen_random_uuid() from generate_series(1, p_size));
    zeros bigint[] := array_fill(0::bigint, array[p_size]);
    ones bigint[] := array_fill(1::bigint, array[p_size]);
    nulls bigint[] := array_fill(null::bigint, array[p_size]);
    types text[] := array_fill('session_attended'::text, array[p_size]);
    hashes bytea[] := array_fill(decode(repeat('00', 32), 'hex'), array[p_size]);
    texts bytea[] := array_fill(convert_to(repeat('p', 250), 'UTF8'), array[p_size]);
begin
    began := clock_timestamp();
    if p_function = 'append_batch' then
        perform append_batch(1, episodes, zeros, requests, episodes, ones, ids, types, zeros, nulls,
            hashes, hashes, texts, texts);
    else
        perform append_batch_2(1, requests, episodes, ones, ids, types, zeros, nulls,
            hashes, hashes, texts, texts, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', false);
    end if;
    return extract(epoch from clock_timestamp() - began);
end
$$;
"""


def append_batch(events, rounds):
    with tempfile.TemporaryDirectory(prefix="el-pairs-") as name:
        os.chmod(name, 0o755)
        with Place(PROGRAM, pathlib.Path(name) / "data") as place:
            place.psql(BATCH)
            size = 1_024
            place.psql(
                f"select time_batch('append_batch_2', {size}) from generate_series(1, {events // size});"
                " vacuum analyze event;"
            )
            print(f"{events:,} events there; microseconds an event, by the server's clock")
            print(f"{'batch':>6} {'before':>7} {'today':>7} {'ratio':>6}")
            for size in 1, 8, 64, 1_024:
                times = {"append_batch": [], "append_batch_2": []}
                repeats = min(512, max(4, 4_096 // size))
                # One session: the plans are made once, as in a service. The order is turned each time.
                script = "".join(
                    f"select '{function}', time_batch('{function}', {size});\n"
                    for number in range(rounds * repeats)
                    for function in sorted(times, reverse=number % 2 == 1)
                )
                for line in place.psql(script).split():
                    function, took = line.split("|")
                    times[function].append(float(took) / size * 1e6)
                # The first calls make plans and find cold pages.
                old, new = (statistics.median(times[name][repeats:]) for name in times)
                print(f"{size:>6} {old:>7.1f} {new:>7.1f} {old / new:>6.2f}")


def main(words):
    if len(words) >= 2 and words[0] == "export":
        numbers = [int(word) for word in words[2:]] + [4_000, 5][len(words) - 2:]
        return export(os.path.abspath(words[1]), *numbers[:2])
    if len(words) >= 2 and words[0] == "rebuild":
        numbers = [int(word) for word in words[2:]] + [9_500, 10, 10][len(words) - 2:]
        return rebuild(os.path.abspath(words[1]), *numbers[:3])
    if words and words[0] == "append-batch":
        numbers = [int(word) for word in words[1:]] + [500_000, 5][len(words) - 1:]
        return append_batch(*numbers[:2])
    if len(words) >= 2 and words[0] == "service":
        numbers = [int(word) for word in words[2:] if word.isdigit()]
        options = [word for word in words[2:] if not word.isdigit()]
        return against.service(words[1], *numbers[:2], options=options)
    if len(words) >= 2 and words[0] in ("projections", "idle"):
        return getattr(against, words[0])(words[1], *map(int, words[2:5]))
    sys.exit(__doc__)


if not shutil.which("psql"):
    sys.exit("psql is missing")
main(sys.argv[1:])
