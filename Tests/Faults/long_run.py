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
from figures import Requests
from installation import Database, Flag, Installation, Journal, JournalReader, until
from probes import probe
from readers import READERS, read
from report import Phase, Report
from writers import simulated, write

LEDGERS = ("north", "east", "south", "west")
WRITERS = 32
# Appends a second, all writers together.
RATE = 96


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
            self.processes = processes = {
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

    def begin(self, name, ledger=None, is_fault=False):
        self.phases.append(Phase(name, time.monotonic(), ledger, is_fault))
        return self.phases[-1]

    def one(self, fault, ledger):
        say(f"{fault.name}{f' ({ledger})' if fault.one else ''}")
        phase = self.begin(fault.name, ledger if fault.one else None, is_fault=True)
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
        for name, process in self.processes.items():
            if not process.is_alive():
                raise SystemExit(f"the {name} have ended")

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

        ended = time.monotonic()
        if not until(there, 120):
            self.broken.append("not every reader has got to the head two minutes after the end")
        print(f"{WRITERS} writers at {RATE} appends a second; every reader was at the head"
              f" {time.monotonic() - ended:.1f} s after the last one")

    # ------------------------------------------------------------------------------ the checks

    def check(self):
        written, got = self.journals["writers"].read(), self.journals["readers"].read()
        for ledger in LEDGERS:
            lines = self.installation.services.run("export", "--ledger", ledger).splitlines()
            events = [json.loads(line) for line in lines]
            self.broken += checks.record(ledger, events)
            own = [entry for entry in written if entry["ledger"] == ledger]
            self.broken += checks.writers(ledger, events, own)
            # The consumers of a subscription are judged together.
            for name in (f"stream {ledger} 0", f"stream {ledger} 1", f"follow {ledger}",
                         f"webhook {ledger}", f"subscription {ledger}"):
                self.broken += checks.READERS[name.split()[0]](name, events, [
                    entry for entry in got
                    if entry["reader"].startswith(name) and "position" in entry
                ])
            self.check_subscriptions(ledger)
            self.run("verify", ledger)
            self.run("projections rebuild", ledger)
            print(f"{ledger}: {len(events):,} events")
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
        self.report = Report(LEDGERS, self.phases, self.requests, self.journals["readers"])
        self.broken += self.report.broken()

    def run(self, command, ledger):
        """A command that fails if something is wrong."""
        services = self.installation.services
        done = subprocess.run(
            [services.program, *command.split(), "--ledger", ledger], cwd=services.folder,
            env=services.environment, capture_output=True, text=True,
        )
        if done.returncode != 0:
            told = (done.stdout + done.stderr).strip()
            self.broken.append(f"{ledger}: {command}: {told[-600:]}")

    def check_subscriptions(self, ledger):
        for name in ("notify", "work"):
            told = self.installation.ask("GET", f"{ledger}/subscriptions/{name}")
            if told["lag"] != 0 or told["dead_letters"] != 0:
                self.broken.append(
                    f"{ledger}: subscription {name} has lag {told['lag']} and"
                    f" {told['dead_letters']} dead letters"
                )

    def print(self):
        self.report.print()
        if self.broken:
            self.installation.services.keep = True
            print(f"\nBROKEN (logs and journals: {self.installation.services.folder}):")
            for fault in self.broken:
                print(f"  {fault}")
        else:
            print("\nNothing lost, skipped or doubled; read models as rebuilt; verify says OK.")


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
