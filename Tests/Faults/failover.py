"""How long a failover is felt: the primary is stopped with SIGSTOP, its standby promoted at once.

    python3 Tests/Faults/failover.py [OLD] [ROUNDS]

One service with default settings, and the address of both hosts. Each round has a primary and a standby
of its own, 8 writers, and a probe of each kind of request. With OLD, the program of before takes part,
in turns. `inf` is: not while it was watched. Exit status 1 if this program takes longer than 15 s until
everything works again. Uses the release build, or EPISODE_LEDGER_PROGRAM; PostgreSQL's programs must be
installed.
"""

import multiprocessing
import os
import signal
import statistics
import sys
import time

from figures import KINDS, Requests, first_good, good_again
from installation import BACK, PROGRAM, Database, Flag, Installation, Journal, JournalReader, until
from probes import probe
from writers import simulated, write

LEDGERS = ("north", "east")
WRITERS = 8
RATE = 40


def one(program):
    """Of a failover: seconds until the first request was answered well, and until all were; by kind."""
    with Database(silent_first=False) as database, \
            Installation(database, LEDGERS, program, services=1, worker=False) as installation:
        folder = installation.services.folder
        context = multiprocessing.get_context("fork")
        stop = Flag()
        episodes = {
            ledger: simulated(installation.services, 300, seed)
            for seed, ledger in enumerate(LEDGERS)
        }
        paths = [f"{folder}/{name}.ndjson" for name in ("writers", "probes")]
        requests = Requests(*map(JournalReader, paths))
        processes = [
            context.Process(target=write, args=(
                installation, episodes, WRITERS, RATE, Journal(paths[0]), stop), daemon=True),
            context.Process(target=probe, args=(installation, Journal(paths[1]), stop), daemon=True),
        ]
        for process in processes:
            process.start()
        try:
            started = time.monotonic()
            if not until(lambda: requests.work(started), 60):
                raise SystemExit(f"{program}: not everything works beforehand")
            began = time.monotonic()
            old = database.fail_over()
            promoted = time.monotonic()
            until(lambda: requests.work(promoted), 120)
            # Whether it stays so.
            time.sleep(10)
            stop.set()
            for process in processes:
                process.join(90)
            old.close()
        finally:
            stop.set()
        found = requests.by_kind(began - 1)
        return promoted - began, {
            kind: (first_good(found[kind], began), good_again(found[kind], began))
            for kind in KINDS
        }


def main(words):
    programs = {"this": PROGRAM}
    if words and not words[0].isdigit():
        programs = {"old": os.path.abspath(words.pop(0)), **programs}
    rounds = int(words[0]) if words else 1
    print("seconds from the primary's silence until the first request was answered well / until all were")
    print(f"{'round':>5} {'program':>8} {'promoted':>9}" + "".join(f"{kind:>16}" for kind in KINDS))
    longest = {name: [] for name in programs}
    for number in range(1, rounds + 1):
        for name in sorted(programs, reverse=number % 2 == 1):
            promoted, found = one(programs[name])
            longest[name].append(max(late for _, late in found.values()))
            cells = "".join(f"{first:>8.1f} /{late:>6.1f}" for first, late in found.values())
            print(f"{number:>5} {name:>8} {promoted:>9.2f}{cells}", flush=True)
    for name, seconds in longest.items():
        print(f"{name}: everything works again after {statistics.median(seconds):.1f} s"
              f" (median), {max(seconds):.1f} s at most")
    return 1 if max(longest["this"]) > BACK else 0


if __name__ == "__main__":
    if any(word.startswith("-") for word in sys.argv[1:]):
        raise SystemExit(__doc__)
    # Whoever ends it has its servers ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main(sys.argv[1:]))
