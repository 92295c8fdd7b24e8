"""What a long run has measured: appends by ledger and stretch, and for each fault the seconds until each
kind of request, and each kind of reader, is served again."""

import collections

import checks
from figures import KINDS, good_again
from installation import BACK, percentile

# A tenant's p99 beside another tenant's fault, by its quiet value.
TIMES = 10


class Phase:
    """A stretch of the run. `ledger` is the one that a fault concerns, if it concerns one; `reference`
    the moment from which it is counted until everything works again, `lifted` the end of the fault."""

    def __init__(self, name, began, ledger=None, is_fault=False):
        self.name, self.ledger, self.is_fault = name, ledger, is_fault
        self.began = self.reference = self.lifted = began


class Report:
    """Made of the phases in their order, of which the second is the quiet one, and of the journals."""

    def __init__(self, ledgers, phases, requests, readers):
        self.ledgers, self.phases = ledgers, phases
        self.requests, self.readers = requests, readers
        self.arrivals = self.first_arrivals()
        ends = [phase.began for phase in phases[1:]] + [float("inf")]
        for phase, end in zip(phases, ends):
            asked = requests.acknowledged(phase.began, end)
            phase.latencies = {
                ledger: [
                    entry["took"] for entry in asked if entry["ledger"] == ledger
                    # What comes after one tenant's fault would hide what others felt of it.
                    and (phase.ledger is None or entry["asked"] < phase.lifted)
                ]
                for ledger in ledgers
            }
            if phase.is_fault and phase.ledger is None:
                found = requests.by_kind(phase.began, end)
                phase.back = {kind: good_again(found[kind], phase.reference) for kind in KINDS}
                phase.back.update(self.arrived(phase, asked))
        self.usual = {
            ledger: percentile(times, 0.99) for ledger, times in phases[1].latencies.items()
        }

    def first_arrivals(self):
        """When each reader got each position first, by kind; consumers count as one."""
        found = {kind: {} for kind in checks.READERS}
        for entry in self.readers.read():
            if "position" in entry:
                name = None if entry["kind"] == "subscription" else entry["reader"]
                times = found[entry["kind"]].setdefault((name, entry["ledger"]), {})
                times.setdefault(entry["position"], entry["at"])
        return found

    def arrived(self, phase, asked):
        """For each kind of reader, when the last one had an event that was asked for afterwards."""
        first = {}
        for entry in asked:
            if entry["asked"] > phase.reference:
                before = first.get(entry["ledger"], entry["position"])
                first[entry["ledger"]] = min(before, entry["position"])
        return {
            kind: max(
                (times.get(first[ledger], float("inf")) - phase.reference
                 for (_, ledger), times in readers.items() if ledger in first),
                default=0,
            )
            for kind, readers in self.arrivals.items()
        }

    def times(self, phase, ledger):
        """A ledger's p99 by its quiet value."""
        return percentile(phase.latencies[ledger], 0.99) / self.usual[ledger]

    def broken(self):
        """What was felt more, or longer, than it may be."""
        found = [
            f"{phase.name} ({phase.ledger}): the p99 of {ledger} is"
            f" {self.times(phase, ledger):.1f} times its quiet value"
            for phase in self.phases if phase.ledger
            for ledger in self.ledgers
            if ledger != phase.ledger and self.times(phase, ledger) >= TIMES
        ]
        found += [
            f"{phase.name}: {kind} works again after {after:.1f} s only"
            for phase in self.phases if phase.name in ("silent host", "failover")
            for kind, after in phase.back.items() if after > BACK
        ]
        return found

    def print(self):
        print("\nappends, p50 and p99 in ms until acknowledged, repeats counted; * its own fault; in"
              " brackets, beside another's fault, p99 by its quiet value")
        print(f"{'':<18}" + "".join(f"{ledger:>24}" for ledger in self.ledgers))
        for phase in self.phases:
            print(f"{phase.name:<18}" + "".join(self.cell(phase, ledger) for ledger in self.ledgers))
        print("\nseconds until each works again for good (refused, or slower than a second, is away);"
              " for readers until the last one has an event that was sent after that")
        kinds = (*KINDS, *checks.READERS)
        print(f"{'':<18}" + "".join(f"{kind.replace('one_', '')[:12]:>13}" for kind in kinds))
        for phase in self.phases:
            if phase.is_fault and phase.ledger is None:
                print(f"{phase.name:<18}" + "".join(f"{phase.back[kind]:>13.2f}" for kind in kinds))
        self.print_requests()
        self.print_readers()

    def cell(self, phase, ledger):
        half, most = (percentile(phase.latencies[ledger], part) * 1000 for part in (0.5, 0.99))
        mark = ""
        if phase.ledger:
            mark = "*" if phase.ledger == ledger else f"({self.times(phase, ledger):.1f})"
        return f"{half:>8.1f} {most:>8.1f} {mark:<6}"

    def print_requests(self):
        written = self.requests.writers.read()
        repeats = sum(entry.get("attempts", 1) - 1 for entry in written)
        duplicates = sum(entry.get("duplicate", False) for entry in written)
        longest = max((entry.get("longest", 0) for entry in written), default=0)
        print(f"\nrequests sent again {repeats}, of which {duplicates} had been recorded already;"
              f" longest answer {longest:.1f} s")

    def print_readers(self):
        for kind in checks.READERS:
            own = [entry for entry in self.readers.read() if entry["kind"] == kind]
            events = [entry for entry in own if "position" in entry]
            different = len({(entry["reader"], entry["position"]) for entry in events})
            told = collections.Counter(entry["what"] for entry in own if "what" in entry)
            notes = "".join(f"; {what} {count}" for what, count in sorted(told.items()))
            print(f"{kind:<13} {len(events):>8,} events, {len(events) - different} repeated{notes}")
