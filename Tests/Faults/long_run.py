"""Writers, readers and workers go on while everything around them breaks, by turns.

    python3 Tests/Faults/long_run.py [SECONDS] [FAULT …]

32 writers on four ledgers, two services, a worker, a database with a standby. Each fault has its turn,
over and over, until the seconds (600) are over and every one had one: in the short form, 60, that takes
about three minutes. With the names of faults only these. At the end every event is looked for
everywhere. Exit status 1 if a guarantee is broken. Uses the release build, or EPISODE_LEDGER_PROGRAM;
PostgreSQL's programs must be installed. All data is simulated.
"""

import collections
import datetime
import itertools
import json
import multiprocessing
import signal
import subprocess
import sys
import time

import checks
from faults import FAULTS
from figures import KINDS, Requests, good_again, percentile
from installation import BACK, Database, Flag, Installation, Journal, JournalReader, until
from probes import probe
from readers import READERS, read
from writers import simulated, write

LEDGERS = ("north", "east", "south", "west")
WRITERS = 32
# Appends a second, all writers together.
RATE = 96
# A tenant's p99 beside another tenant's fault, by its quiet value.
TIMES = 10


class Phase:
    """A stretch of the run: what happened, to which ledger if to one, and when it could end."""

    def __init__(self, name, ledger=None):
        self.name, self.ledger = name, ledger
        self.began = self.reference = self.lifted = time.monotonic()
        self.whole = False


class LongRun:
    def __init__(self, seconds, names):
        self.seconds = seconds
        self.faults = [fault for fault in FAULTS if not names or fault.name in names]
        if len(self.faults) < len(names):
            raise SystemExit(f"faults are: {', '.join(fault.name for fault in FAULTS)}")
        full = seconds >= 300
        # How long before the first fault, of a fault, and between two. A fault of the full form is
        # longer than a webhook's delivery may last.
        self.quiet, self.hold, self.rest = (60, 16, 8) if full else (10, 5, 2)
        self.phases = []
        self.broken = []

    def main(self):
        with Database() as database, Installation(
            database, LEDGERS, options=["--allow-private-webhooks"]
        ) as installation:
            self.installation = installation
            folder = installation.services.folder
            context = multiprocessing.get_context("fork")
            self.stop = {name: Flag() for name in ("writers", "readers", "probes")}
            installation.hangs = {ledger: Flag() for ledger in LEDGERS}
            progress = context.Array("q", READERS * len(LEDGERS), lock=False)
            journals = {name: f"{folder}/{name}.ndjson" for name in self.stop}
            self.journals = {name: JournalReader(path) for name, path in journals.items()}
            self.requests = Requests(self.journals["writers"], self.journals["probes"])
            episodes = self.episodes()
            work = {
                "readers": (read, installation.hangs, Journal(journals["readers"]), progress),
                "writers": (write, episodes, WRITERS, RATE, Journal(journals["writers"])),
                "probes": (probe, Journal(journals["probes"])),
            }
            processes = {
                name: context.Process(
                    target=body, args=(installation, *words, self.stop[name]), daemon=True
                )
                for name, (body, *words) in work.items()
            }
            for process in processes.values():
                process.start()
            try:
                self.schedule()
                self.stop["writers"].set()
                processes["writers"].join(90)
                self.stop["probes"].set()
                processes["probes"].join(60)
                self.heads = {ledger: installation.head(ledger) for ledger in LEDGERS}
                self.wait_for_readers(progress)
            finally:
                for flag in self.stop.values():
                    flag.set()
                for process in processes.values():
                    process.join(60)
            self.check()
            self.print()
        return 1 if self.broken else 0

    def episodes(self):
        # Of 45 events each, more or less; the run may last longer than it was meant to.
        count = int((self.seconds + 200) * RATE / len(LEDGERS) / 45 * 1.5)
        return {
            ledger: simulated(self.installation.services, count, seed)
            for seed, ledger in enumerate(LEDGERS, start=1)
        }

    # ------------------------------------------------------------------------------ the schedule

    def schedule(self):
        # What comes first is slower: plans, caches, the first seal.
        self.begin("warm-up")
        time.sleep(5)
        began = time.monotonic()
        self.begin("quiet")
        time.sleep(self.quiet)
        ledgers = itertools.cycle(LEDGERS)
        for turn in itertools.count():
            for fault in self.faults:
                if turn and time.monotonic() - began > self.seconds:
                    return
                self.one(fault, next(ledgers))
            # Of an even number of faults each would meet the same ledgers in every turn.
            next(ledgers)

    def begin(self, name, ledger=None):
        self.phases.append(Phase(name, ledger))
        return self.phases[-1]

    def one(self, fault, ledger):
        say(f"{fault.name}{f' ({ledger})' if fault.one else ''}")
        phase = self.begin(fault.name, ledger if fault.one else None)
        phase.whole = not fault.one
        with fault.make(self.installation, ledger):
            # A fault that is counted from its beginning begins when it is there.
            if fault.name != "failover":
                phase.reference = time.monotonic()
            time.sleep(self.hold)
        phase.lifted = time.monotonic()
        if fault.lifted:
            phase.reference = phase.lifted
        if not until(lambda: self.requests.work(phase.lifted), 60):
            self.broken.append(f"{fault.name}: not everything works a minute after its end")
        time.sleep(self.rest)

    def wait_for_readers(self, progress):
        wanted = [self.heads[ledger] for ledger in LEDGERS for _ in range(READERS)]
        # The two consumers of a subscription share a count.
        consumers = {
            index: index ^ 1 for index in range(len(wanted)) if index % READERS >= READERS - 2
        }

        def there():
            got = list(progress)
            return all(
                max(got[index], got[consumers.get(index, index)]) >= wanted[index]
                for index in range(len(wanted))
            )

        self.drained = time.monotonic()
        if not until(there, 120):
            self.broken.append("not every reader has got to the head two minutes after the end")
        self.drained = time.monotonic() - self.drained

    # ------------------------------------------------------------------------------ the checks

    def check(self):
        services = self.installation.services
        written, got = self.journals["writers"].read(), self.journals["readers"].read()
        self.events = {}
        for ledger in LEDGERS:
            lines = services.run("export", "--ledger", ledger).splitlines()
            events = self.events[ledger] = [json.loads(line) for line in lines]
            self.broken += checks.record(ledger, events)
            own = [entry for entry in written if entry["ledger"] == ledger]
            self.broken += checks.writers(ledger, events, own)
            readers = sorted(
                {(entry["kind"], entry["reader"]) for entry in got if entry["ledger"] == ledger}
            )
            # The consumers of a subscription are judged together.
            for kind, name in {
                (kind, f"subscription {ledger}" if kind == "subscription" else name)
                for kind, name in readers
            }:
                self.broken += checks.READERS[kind](name, events, [
                    entry for entry in got
                    if entry["reader"].startswith(name) and "position" in entry
                ])
            for command in (["verify"], ["projections", "rebuild"]):
                done = subprocess.run(
                    [services.program, *command, "--ledger", ledger], cwd=services.folder,
                    env=services.environment, capture_output=True, text=True,
                )
                if done.returncode != 0:
                    told = (done.stdout + done.stderr).strip()
                    self.broken.append(f"{ledger}: {' '.join(command)}: {told[-600:]}")
            self.check_subscriptions(ledger)
        self.broken += checks.limited([
            f"{entry['reader']}: {entry['detail']}" for entry in got if entry.get("what") == "fault"
        ])
        wrong = collections.Counter(
            (entry["kind"], entry["status"]) for entry in self.journals["probes"].read()
            if entry["status"] not in (0, 200, 503)
        )
        self.broken += [
            f"{count} times {kind} was answered {status}" for (kind, status), count in wrong.items()
        ]
        parked = self.installation.database.sql("select count(*) from read_model_parked")
        if parked != "0":
            self.broken.append(f"{parked} episodes of read models are parked")
        self.figures()

    def check_subscriptions(self, ledger):
        for name in ("notify", "work"):
            told = self.installation.ask("GET", f"{ledger}/subscriptions/{name}")
            if told["lag"] != 0 or told["dead_letters"] != 0:
                self.broken.append(
                    f"{ledger}: subscription {name} has lag {told['lag']} and"
                    f" {told['dead_letters']} dead letters"
                )

    # ------------------------------------------------------------------------------ the figures

    def figures(self):
        """Latencies by phase and ledger; for each fault the seconds until everything works again."""
        ends = [phase.began for phase in self.phases[1:]] + [float("inf")]
        arrivals = self.arrivals()
        for phase, end in zip(self.phases, ends):
            asked = self.requests.acknowledged(phase.began, end)
            phase.latencies = {
                ledger: [entry["took"] for entry in asked if entry["ledger"] == ledger]
                for ledger in LEDGERS
            }
            if phase.whole:
                phase.back = {
                    kind: good_again(requests, phase.reference)
                    for kind, requests in self.requests.by_kind(phase.began, end).items()
                }
                phase.back.update(self.arrived(phase, asked, arrivals))
        quiet = next(phase for phase in self.phases if phase.name == "quiet")
        self.usual = {
            ledger: percentile(times, 0.99) for ledger, times in quiet.latencies.items()
        }
        for phase in self.phases:
            if phase.ledger:
                for ledger in LEDGERS:
                    times = percentile(phase.latencies[ledger], 0.99) / self.usual[ledger]
                    if ledger != phase.ledger and times >= TIMES:
                        self.broken.append(
                            f"{phase.name} ({phase.ledger}): the p99 of {ledger} is"
                            f" {times:.1f} times its quiet value"
                        )
            if phase.name in ("silent host", "failover"):
                self.broken += [
                    f"{phase.name}: {kind} works again after {after:.1f} s only"
                    for kind, after in phase.back.items() if after > BACK
                ]

    def arrivals(self):
        """When each reader got each position first, by kind and ledger; consumers count as one."""
        found = {}
        for entry in self.journals["readers"].read():
            if "position" in entry:
                kind, ledger = entry["kind"], entry["ledger"]
                name = "all" if kind == "subscription" else entry["reader"]
                times = found.setdefault(kind, {}).setdefault((name, ledger), {})
                times.setdefault(entry["position"], entry["at"])
        return found

    def arrived(self, phase, asked, arrivals):
        """For each kind of reader, when the last one had an event that was asked for afterwards."""
        found = {}
        for kind in checks.READERS:
            times = [0]
            for (_, ledger), arrived in arrivals.get(kind, {}).items():
                position = min(
                    (entry["position"] for entry in asked
                     if entry["ledger"] == ledger and entry["asked"] > phase.reference),
                    default=None,
                )
                if position is not None:
                    times.append(arrived.get(position, float("inf")) - phase.reference)
            found[kind] = max(times)
        return found

    def print(self):
        counts = {ledger: len(events) for ledger, events in self.events.items()}
        print(f"\n{WRITERS} writers at {RATE} appends a second, {sum(counts.values()):,} events: "
              + ", ".join(f"{ledger} {count:,}" for ledger, count in counts.items()))
        print("\nappends, p50 and p99 in ms until acknowledged, repeats counted; * its own fault; in"
              " brackets, beside another's fault, p99 by its quiet value")
        print(f"{'':<26}" + "".join(f"{ledger:>24}" for ledger in LEDGERS))
        for phase in self.phases:
            cells = []
            for ledger in LEDGERS:
                times = phase.latencies[ledger]
                half, most = (percentile(times, part) * 1000 for part in (0.5, 0.99))
                mark = ""
                if phase.ledger:
                    mark = "*" if phase.ledger == ledger else f"({most / 1000 / self.usual[ledger]:.1f})"
                cells.append(f"{half:>8.1f} {most:>8.1f} {mark:<6}")
            print(f"{phase.name:<26}" + "".join(cells))
        print("\nseconds until each works again for good (refused, or slower than a second, is away);"
              " for readers until the last one has an event that was sent after that")
        kinds = (*KINDS, *checks.READERS)
        print(f"{'':<18}" + "".join(f"{kind.replace('one_', '')[:12]:>13}" for kind in kinds))
        for phase in self.phases:
            if phase.whole:
                print(f"{phase.name:<18}" + "".join(f"{phase.back[kind]:>13.2f}" for kind in kinds))
        self.print_readers()
        if self.broken:
            self.installation.services.keep = True
            print(f"\nBROKEN (logs and journals: {self.installation.services.folder}):")
            for fault in self.broken:
                print(f"  {fault}")
        else:
            print("\nNothing lost, skipped or doubled; read models as rebuilt; verify says OK.")

    def print_readers(self):
        written, got = self.journals["writers"].read(), self.journals["readers"].read()
        repeats = sum(entry.get("attempts", 1) - 1 for entry in written)
        duplicates = sum(entry.get("duplicate", False) for entry in written)
        longest = max(entry.get("longest", 0) for entry in written)
        print(f"\nrequests that were repeated {repeats}, of which {duplicates} were recorded already;"
              f" longest answer {longest:.1f} s; all readers at the head {self.drained:.1f} s after"
              " the end")
        for kind in checks.READERS:
            own = [entry for entry in got if entry["kind"] == kind]
            events = [entry for entry in own if "position" in entry]
            different = len({(entry["ledger"], entry["reader"], entry["position"]) for entry in events})
            told = {}
            for entry in own:
                if "what" in entry:
                    told[entry["what"]] = told.get(entry["what"], 0) + 1
            notes = ", ".join(f"{what} {count}" for what, count in sorted(told.items()))
            print(f"{kind:<13} {len(events):>8,} events, {len(events) - different} repeated"
                  + (f"; {notes}" if notes else ""))


def say(text):
    now = datetime.datetime.now().strftime("%H:%M:%S")
    print(f"{now} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    words = sys.argv[1:]
    seconds = int(words.pop(0)) if words and words[0].isdigit() else 600
    if any(word.startswith("-") for word in words):
        raise SystemExit(__doc__)
    # Whoever ends it has its servers ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(LongRun(seconds, words).main())
