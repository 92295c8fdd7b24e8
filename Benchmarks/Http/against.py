"""The service against that of an older program, in turns: appends and reads, the processor time of read
models, and what waiting costs. These are commands of pairs.py; a median is that of the rounds' ratios.
"""

import contextlib
import json
import os
import resource
import statistics
import subprocess
import threading
import time

from bench import PROGRAM, Bench, Services, open_stream, processor_seconds
from cluster import Cluster
from load import Load

NAMES = ("old", "new")


def in_turns(number):
    """Who comes first takes turns."""
    return NAMES if number % 2 else NAMES[::-1]


def caught_up(services, ledger, seals=True):
    """Waits until read models, and seals, are at the head: what is left over would be done while
    somebody else is measured."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        told = json.loads(services.run("status", "--ledger", ledger, "--format", "json"))
        if all(model["lag"] == 0 for model in told["projections"]):
            if not seals or told["seal"]["unsealed"] == 0:
                return
        time.sleep(0.3)
    raise SystemExit("the read models do not get to the head")


class Side:
    """One of the two programs, with a cluster of its own and whatever is made in it."""

    def __init__(self, stack, program, make, settings=()):
        self.cluster = stack.enter_context(Cluster(settings=settings))
        self.cluster.sql("create database ledger")
        self.services = stack.enter_context(make(database=self.url("postgres"), program=program))

    def url(self, user):
        return f"postgresql://{user}@127.0.0.1:{self.cluster.port}/ledger"

    def processor_seconds(self, *processes):
        """Of the server with all its processes, and of some of the program."""
        return processor_seconds(self.cluster.postmaster(), children=True) + sum(
            processor_seconds(process.pid) for process in processes
        )


def sides(stack, old, make, **options):
    programs = {"old": os.path.abspath(old), "new": PROGRAM}
    return {name: Side(stack, programs[name], make, **options) for name in NAMES}


# ---------------------------------------------------------------------------------- service

CONNECTIONS = 32
KINDS = ("append", "census", "episode", "page")


class Serving:
    """A service with a ledger to append to, and one of simulated episodes that is read."""

    def __init__(self, side, lines, options):
        self.side, self.bench = side, side.services
        self.bench.run("ledgers", "create", "reads", "--time-zone", "America/New_York")
        self.bench.run("import", "-", "--ledger", "reads", input=lines)
        self.token = self.bench.bearer("service", "auditor")
        self.service = self.bench.serve(*options)
        events = [json.loads(line) for line in lines.splitlines()]
        self.episodes = sorted({event["episode_id"] for event in events})
        self.head = len(events)

    def request(self, kind):
        """What makes the n-th request of a kind."""
        paths = {
            "census": lambda number: "census?date=2025-10-01",
            "episode": lambda number: f"episodes/{self.episodes[number % len(self.episodes)]}",
            "page": lambda number: f"events?after={number * 100 % (self.head - 100)}&limit=100",
        }
        if kind == "append":
            return self.bench.append
        return lambda number: (
            f"GET /v1/ledgers/reads/{paths[kind](number)} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {self.token}\r\n\r\n"
        ).encode()

    def measure(self, kind, seconds):
        """Answers a second, and processor time for each in microseconds, the database's included."""
        before = self.side.processor_seconds(self.service)
        load = Load(self.service.port, self.request(kind), seconds, CONNECTIONS).wait()
        used = self.side.processor_seconds(self.service) - before
        if load.failed:
            raise SystemExit(f"{kind}: {load.statuses}")
        return load.rate, used / load.acknowledged * 1e6


def service(old, seconds=4, rounds=10, options=()):
    lines = subprocess.run(
        [PROGRAM, "simulate", "--episodes", "300", "--seed", "7"], check=True, text=True,
        stdout=subprocess.PIPE,
    ).stdout
    with contextlib.ExitStack() as stack:
        serving = {
            name: Serving(side, lines, options)
            for name, side in sides(stack, old, Bench).items()
        }
        for bench in serving.values():
            caught_up(bench.bench, "reads", seals="--without-workers" not in options)
        found = {kind: [] for kind in KINDS}
        print(f"{CONNECTIONS} connections; answers/s old, new, ratio")
        print(f"{'round':>6}" + "".join(f"{kind:>26}" for kind in KINDS))
        # What comes first finds cold caches, and makes plans.
        for number in range(rounds + 1):
            line = f"{number:>6}"
            for kind in KINDS:
                one = {}
                for name in in_turns(number):
                    one[name] = serving[name].measure(kind, seconds if number else 1)
                    if kind == "append" and "--without-workers" not in options:
                        caught_up(serving[name].bench, "bench")
                rates = [one[name][0] for name in NAMES]
                line += f"{rates[0]:>10,.0f} {rates[1]:>8,.0f} {rates[1] / rates[0]:>6.2f}"
                found[kind].append(one)
            if number:
                print(line, flush=True)
        print(f"\n{'median of':>10} {'old/s':>9} {'new/s':>9} {'ratio':>6} {'least':>6} {'most':>6}"
              f" {'old CPU µs':>11} {'new CPU µs':>11} {'ratio':>6}")
        for kind, every in found.items():
            every = every[1:]
            ratios = [one["new"][0] / one["old"][0] for one in every]
            costs = [one["new"][1] / one["old"][1] for one in every]
            rates, used = (
                [statistics.median(one[name][part] for one in every) for name in NAMES]
                for part in (0, 1)
            )
            print(f"{kind:>10} {rates[0]:>9,.0f} {rates[1]:>9,.0f} {statistics.median(ratios):>6.2f}"
                  f" {min(ratios):>6.2f} {max(ratios):>6.2f} {used[0]:>11,.0f} {used[1]:>11,.0f}"
                  f" {statistics.median(costs):>6.2f}")


# ---------------------------------------------------------------------------------- projections

class Backends:
    """Processor time of the sessions of one user, also of those that end meanwhile, as far as a look a
    second sees them."""

    def __init__(self, cluster, user):
        self.cluster, self.user = cluster, user
        self.first, self.last = {}, {}
        self.end = threading.Event()
        self.look(before=True)
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def look(self, before=False):
        pids = self.cluster.sql(
            f"select pid from pg_stat_activity where usename = '{self.user}'"
        )
        for pid in map(int, pids.split()):
            with contextlib.suppress(OSError):
                now = processor_seconds(pid)
                # One that came later has done nothing before.
                self.first.setdefault(pid, now if before else 0)
                self.last[pid] = now

    def watch(self):
        while not self.end.wait(1):
            self.look()

    def seconds(self):
        self.end.set()
        self.thread.join()
        self.look()
        return sum(self.last[pid] - self.first[pid] for pid in self.last)


def projections(old, rate=1000, seconds=20, rounds=10):
    def make(**options):
        return Bench(episodes=4000, **options)

    with contextlib.ExitStack() as stack:
        pair = sides(stack, old, make)
        for side in pair.values():
            side.cluster.sql("create role worker login superuser")
        ports = {
            name: side.services.serve("--without-workers").port for name, side in pair.items()
        }
        print(f"{rate:,} events/s for {seconds} s; processor time for an event in microseconds: of"
              " `projections run`, and of the database's sessions that work for it")
        print(f"{'round':>6} {'old':>7} {'database':>9} {'sum':>7} {'new':>9} {'database':>9}"
              f" {'sum':>7} {'ratio':>6}")
        ratios, left_out = [], 0
        # What comes first finds cold caches, and makes plans.
        one_round(pair, ports, rate, 5, 0)
        while len(ratios) < rounds:
            used = one_round(pair, ports, rate, seconds, len(ratios) + 1)
            if used is None:
                left_out += 1
                print("a round is left out: the machine was too busy for so many events", flush=True)
                if left_out > 3 * rounds:
                    raise SystemExit("too many events for this machine")
                continue
            sums = [sum(used[name]) for name in NAMES]
            ratios.append(sums[1] / sums[0])
            old_used, new_used = (used[name] for name in NAMES)
            print(f"{len(ratios):>6} {old_used[0]:>7.0f} {old_used[1]:>9.0f} {sums[0]:>7.0f}"
                  f" {new_used[0]:>9.0f} {new_used[1]:>9.0f} {sums[1]:>7.0f}"
                  f" {ratios[-1]:>6.2f}", flush=True)
        print(f"median ratio {statistics.median(ratios):.2f}")


def one_round(pair, ports, rate, seconds, number):
    """What each used; none if one did not get its events at that rate."""
    used = {
        name: one_projection(pair[name], ports[name], rate, seconds) for name in in_turns(number)
    }
    return None if None in used.values() else used


def one_projection(side, port, rate, seconds):
    """Microseconds an event, of a worker and of its sessions; none if the rate was not reached."""
    services = side.services
    worker = services.start(
        "worker", "projections", "run", "--without-sealer", "--database", side.url("worker")
    )
    # It reads what it needs to begin with, and what came since the last one.
    time.sleep(2)
    caught_up(services, "bench", seals=False)
    backends, before = Backends(side.cluster, "worker"), processor_seconds(worker.pid)
    load = Load(port, services.append, seconds, 8, rate).wait()
    caught_up(services, "bench", seals=False)
    used = processor_seconds(worker.pid) - before, backends.seconds()
    worker.terminate()
    worker.wait(30)
    if load.failed:
        raise SystemExit(f"appends: {load.statuses}")
    if load.rate < rate * 0.95:
        return None
    return [part / load.acknowledged * 1e6 for part in used]


# ---------------------------------------------------------------------------------- idle

class Idle:
    """What a service makes the database do while nothing happens."""

    def __init__(self, side, counts):
        self.side, self.counts = side, counts
        self.service = side.services.serve()

    def totals(self):
        cluster = self.side.cluster
        commits = cluster.sql(
            "select xact_commit + xact_rollback from pg_stat_database where datname = 'ledger'"
        )
        calls = self.counts and cluster.sql(
            "select sum(calls) from pg_stat_statements join pg_database d on d.oid = dbid"
            " where datname = 'ledger'"
        )
        return [
            float(commits), float(calls or 0), self.side.processor_seconds(self.service) * 1000,
            processor_seconds(self.service.pid) * 1000,
        ]

    def measure(self, seconds):
        """Transactions, statements, and milliseconds of processor time a second: all, and the
        service's part of it."""
        before, began = self.totals(), time.monotonic()
        time.sleep(seconds)
        after, took = self.totals(), time.monotonic() - began
        return [(new - old) / took for old, new in zip(before, after)]

    def settle(self):
        """Waits until what begins has begun: two looks alike, or two minutes."""
        rates = [self.measure(5)[0]]
        for _ in range(24):
            rates.append(self.measure(5)[0])
            if abs(rates[-1] - rates[-2]) <= max(2, rates[-2] / 20):
                return


def idle(old, ledgers=800, streams=1000, seconds=20):
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    library = subprocess.run(
        ["pg_config", "--pkglibdir"], check=True, text=True, stdout=subprocess.PIPE
    ).stdout.strip()
    counts = os.path.exists(f"{library}/pg_stat_statements.so")
    settings = ("shared_preload_libraries=pg_stat_statements",) if counts else ()
    with contextlib.ExitStack() as stack:
        pair = sides(stack, old, Services, settings=settings)
        found = {}
        for side in pair.values():
            if counts:
                side.cluster.sql("create extension pg_stat_statements")
        idling = {name: Idle(side, counts) for name, side in pair.items()}
        print("a second: transactions, statements, processor time of service and database in ms (of"
              " it the service's)" + ("" if counts else "; pg_stat_statements is not installed"))
        print(f"{'':<22}" + "".join(f"{name:>38}" for name in NAMES))

        def state(text):
            for one in idling.values():
                one.settle()
            found[text] = {name: idling[name].measure(seconds) for name in in_turns(len(found))}
            cells = (
                f"{commits:>10.1f} {calls:>9.1f} {used:>9.0f} ({own:>4.0f})"
                for commits, calls, used, own in (found[text][name] for name in NAMES)
            )
            print(f"{text:<22}" + "".join(f"{cell:>38}" for cell in cells), flush=True)

        state("1 ledger")
        opened = []
        for name, side in pair.items():
            token = side.services.bearer("auditor")
            opened += [
                open_stream(idling[name].service.port, token, 0, ledger="default")
                for _ in range(streams)
            ]
        state(f"{streams:,} idle streams")
        for stream in opened:
            stream.close()
        for side in pair.values():
            side.cluster.sql(
                "select count(create_ledger('idle-' || n, 'UTC'))"
                f" from generate_series(1, {ledgers}) as n", database="ledger",
            )
        state(f"{ledgers:,} idle ledgers")
        base = found["1 ledger"]
        for text, measured in found.items():
            if text != "1 ledger":
                print(f"{text}, by those of none: " + ", ".join(
                    f"{name} {measured[name][0] / base[name][0]:.1f} × transactions, "
                    f"{measured[name][2] / base[name][2]:.1f} × processor time" for name in NAMES
                ))
