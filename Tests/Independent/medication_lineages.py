"""The courses of an episode's medications (read-models.md, "Medication review").

`MedicationCourses(entries)` folds an effective history, in its order, into lineages: each the
course of one medication through intervals in which one regimen was in force, and through holds.
Fold the entries up to E for what was true at E; fold them all for what is scheduled after it.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import List, Optional

from history import ENDS

OPEN, HELD, CLOSED = "open", "held", "closed"
AMBIGUOUS = object()
REGIMEN_CHANGES = ("increase", "decrease", "change_frequency", "change_route", "switch")
REASON_EXPECTED = ("decrease", "switch", "hold", "stop")
EXPECTED_OF_A_START = ("dose", "route", "frequency")


@dataclass
class Interval:
    """A regimen in force: [start, end). `end` None: still in force."""

    lineage: str
    event_id: str
    medication: dict
    regimen: Optional[dict]
    start: int
    started_by: str
    end: Optional[int] = None
    ended_by: Optional[str] = None

    def in_force_at(self, instant):
        return self.start <= instant and (self.end is None or self.end > instant)

    @property
    def was_in_force(self):
        """Not of length zero."""
        return self.end is None or self.end > self.start


@dataclass
class Hold:
    """A time in which a lineage was held: [start, end)."""

    event_id: str
    start: int
    end: Optional[int] = None

    def in_force_at(self, instant):
        return self.start <= instant and (self.end is None or self.end > instant)


@dataclass
class Lineage:
    """The course of one medication. `medication` and `regimen` are the last known."""

    id: str
    event_id: str
    opened: tuple  # position of the opening event, index in its list
    medication: dict
    regimen: Optional[dict]
    state: str = OPEN
    intervals: List[Interval] = field(default_factory=list)
    holds: List[Hold] = field(default_factory=list)
    last_event: Optional[tuple] = None  # (time, event id)
    closed: Optional[int] = None  # counts the closings of the fold

    @property
    def interval(self):
        return self.intervals[-1]


@dataclass
class Snapshot:
    """A lineage between two entries: open or held, with which medication and regimen."""

    state: str
    medication: dict
    regimen: Optional[dict]


def end_of(entries):
    """The first end after the admission, or None."""
    admission = None
    for entry in entries:
        if entry.type == "admitted":
            admission = admission or entry
        elif entry.type in ENDS and admission is not None:
            return entry
    return None


def normalized(name):
    """A medication's name as names are compared: lower case, white space collapsed."""
    return " ".join(name.lower().split())


def carried_over(before, given):
    """The new regimen: what is given, and of the one before what was left out.

    Dose and unit travel together: where either is given, neither is carried over. A frequency that
    is given without times per day leaves those unknown: the old ones may not fit it.
    """
    if given is None:
        return before
    kept = dict(before or {})
    if "dose" in given or "unit" in given:
        kept.pop("dose", None)
        kept.pop("unit", None)
    if "frequency" in given and given["frequency"] != kept.get("frequency"):
        kept.pop("times_per_day", None)
    return kept | given


def exact(number):
    return Decimal(repr(number))


def daily_dose(regimen):
    """Dose x times per day, exactly; None where either is not known or it is taken as needed."""
    regimen = regimen or {}
    if "dose" not in regimen or "times_per_day" not in regimen or regimen.get("as_needed"):
        return None
    return exact(regimen["dose"]) * exact(regimen["times_per_day"])


def goes_the_wrong_way(change, before, after):
    """Whether an increase lowers the daily dose, or a decrease raises it."""
    doses = daily_dose(before), daily_dose(after)
    if None in doses or "unit" not in before or before["unit"] != after.get("unit"):
        return False
    return doses[1] < doses[0] if change == "increase" else doses[1] > doses[0]


class MedicationCourses:
    """The lineages of one episode, and the flags that its events raised.

    `at_admission` are snapshots of the open and held lineages just after the admission's entry,
    `at_end` of those just before the end closes them; both by lineage id.
    """

    def __init__(self, entries):
        self.lineages: List[Lineage] = []
        self.flags = []  # (flag, event ids)
        self.at_admission = {}
        self.at_end = {}
        self.end = end_of(entries)
        self._closings = 0
        self._named = set()
        self._started = set()
        self._emptying = {}
        changes = [entry for entry in entries if entry.type == "medication_adjusted"]
        self._look_ahead(changes)
        for entry in entries:
            if entry.type == "admitted":
                self._arrive(entry)
                self.at_admission = self._snapshots()
            elif entry.type == "medication_adjusted":
                if self._is_void(entry):
                    self._flag("after_end", entry)
                else:
                    self._change(entry)
            self._named |= order_ids_named(entry)
        if self.end is not None:
            self.at_end = self._snapshots()
            self._end_episode()

    @property
    def intervals(self):
        """All intervals, by their start and the opening of their lineages."""
        return sorted(
            (interval for lineage in self.lineages for interval in lineage.intervals),
            key=lambda interval: interval.start,
        )

    def in_state(self, state):
        return [lineage for lineage in self.lineages if lineage.state == state]

    def _snapshots(self):
        return {
            lineage.id: Snapshot(lineage.state, lineage.medication, lineage.regimen)
            for lineage in self.lineages
            if lineage.state != CLOSED
        }

    # What needs later events

    def _look_ahead(self, changes):
        """The order ids that any start names, and which stops empty which starts."""
        stops = {}
        for entry in changes:
            order = entry.data["medication"].get("order_id")
            if order is None:
                continue
            if entry.data["change"] == "start":
                self._started.add(order)
            elif entry.data["change"] == "stop":
                stops.setdefault(order, []).append(entry)
        for entry in changes:
            # A void start was never going to begin: there is nothing to empty.
            if entry.data["change"] != "start" or self._is_void(entry):
                continue
            emptying = [
                stop
                for stop in stops.get(entry.data["medication"].get("order_id"), ())
                if stop.time <= entry.time and stop.position > entry.position
            ]
            if emptying:
                self._emptying[entry.event_id] = emptying

    def _is_void(self, change):
        return self.end is not None and change.time >= self.end.time

    def _empties_a_start(self, stop):
        return any(
            stop.event_id == one.event_id for stops in self._emptying.values() for one in stops
        )

    # Events

    def _arrive(self, entry):
        for index, arriving in enumerate(entry.data.get("medications", ())):
            self._open_lineage(
                entry, arriving["medication"], arriving.get("regimen"), "admitted", index
            )

    def _change(self, entry):
        change = entry.data["change"]
        reason = entry.data.get("reason") or {}
        if change in REASON_EXPECTED and not (reason.get("code") or reason.get("text")):
            self._flag("no_reason", entry)
        if change == "start":
            self._start(entry)
        elif change == "hold":
            self._hold(entry)
        elif change == "resume":
            self._resume(entry)
        elif change == "stop":
            self._stop(entry)
        elif change == "unchanged":
            self._matched_or_flagged(entry, (OPEN, HELD))
        else:
            self._change_regimen(entry)

    def _start(self, entry):
        medication, regimen = entry.data["medication"], entry.data.get("regimen")
        if any(name not in (regimen or {}) for name in EXPECTED_OF_A_START):
            self._flag("incomplete_regimen", entry)
        if entry.event_id in self._emptying:
            # Never in force: whatever else goes on under its order id goes on without it.
            lineage = self._open_lineage(entry, medication, regimen, "start")
            self._close(lineage, entry.time, "stop")
            for stop in self._emptying[entry.event_id]:
                self._flag("stopped_before_started", entry, stop)
            return
        lineage = None
        if "order_id" in medication:
            lineage = self._one_of(self._by_order(medication), (OPEN, HELD))
        if lineage is None or lineage is AMBIGUOUS:
            if lineage is AMBIGUOUS:
                self._flag("ambiguous_change", entry)
            self._open_lineage(entry, medication, regimen, "start")
            return
        self._touch(lineage, entry)
        if lineage.state == HELD and regimen is not None:
            self._flag("changed_while_held", entry)
        self._next_interval(lineage, entry)

    def _change_regimen(self, entry):
        lineage = self._matched_or_flagged(entry, (OPEN, HELD))
        if lineage is None:
            self._open_lineage(
                entry, entry.data["medication"], entry.data["regimen"], entry.data["change"]
            )
            return
        before = lineage.regimen
        if lineage.state == HELD:
            self._flag("changed_while_held", entry)
        self._next_interval(lineage, entry)
        change = entry.data["change"]
        if change in ("increase", "decrease") and before is not None:
            if goes_the_wrong_way(change, before, lineage.regimen):
                self._flag("direction_mismatch", entry)

    def _hold(self, entry):
        lineage = self._matched_or_flagged(entry, (OPEN, HELD))
        if lineage is not None and lineage.state == OPEN:
            self._end_interval(lineage, entry.time, "hold")
            lineage.state = HELD
            lineage.holds.append(Hold(entry.event_id, entry.time))

    def _resume(self, entry):
        medication, given = entry.data["medication"], entry.data.get("regimen")
        lineage = self._match(entry, (HELD, OPEN))
        if lineage is AMBIGUOUS:
            self._flag("ambiguous_change", entry)
            self._open_lineage(entry, medication, given, "resume")
            return
        if lineage is None:
            self._flag("resume_without_hold", entry)
            last = self._last_closed(entry)
            if last is None:
                self._flag("unmatched_change", entry)
            regimen = given if last is None else carried_over(last.regimen, given)
            self._open_lineage(entry, medication, regimen, "resume")
            return
        self._touch(lineage, entry)
        if lineage.state == OPEN:
            self._flag("resume_without_hold", entry)
        self._next_interval(lineage, entry)

    def _stop(self, entry):
        lineage = self._match(entry, (OPEN, HELD))
        if lineage is AMBIGUOUS:
            self._flag("ambiguous_change", entry)
        elif lineage is not None:
            self._touch(lineage, entry)
            self._close(lineage, entry.time, "stop")
        elif not self._empties_a_start(entry):
            self._flag("stop_without_start", entry)

    def _end_episode(self):
        for lineage in self.lineages:
            if lineage.state != CLOSED:
                self._close(lineage, self.end.time, "episode_end")

    # Matching

    def _matched_or_flagged(self, entry, states):
        """The lineage that the change applies to, or None and a flag that says why."""
        lineage = self._match(entry, states)
        if lineage is None or lineage is AMBIGUOUS:
            self._flag(
                "unmatched_change" if lineage is None else "ambiguous_change", entry
            )
            return None
        self._touch(lineage, entry)
        return lineage

    def _match(self, entry, states):
        """The lineage that the change applies to, AMBIGUOUS, or None."""
        for criterion in self._criteria(entry):
            found = self._one_of(criterion, states)
            if found is not None:
                return found
        return None

    def _one_of(self, criterion, states):
        for state in states:
            hits = [one for one in self.lineages if one.state == state and criterion(one)]
            if hits:
                return hits[0] if len(hits) == 1 else AMBIGUOUS
        return None

    def _last_closed(self, entry):
        """The lineage closed last among those that match by the first criterion that any does."""
        for criterion in self._criteria(entry):
            hits = [one for one in self.lineages if one.state == CLOSED and criterion(one)]
            if hits:
                return max(hits, key=lambda lineage: lineage.closed)
        return None

    def _criteria(self, entry):
        """Predicates of lineages, the strongest first: order id, RxNorm concept, name."""
        key = entry.data.get("replaces", entry.data["medication"])
        if "order_id" in key:
            yield self._by_order(key)
            if key["order_id"] in self._named or key["order_id"] in self._started:
                return
        spares_orders = entry.data["change"] in ("stop", "hold") and "order_id" in key

        def may_match(lineage):
            return not (spares_orders and "order_id" in lineage.medication)

        if "rxcui" in key:
            yield lambda one: may_match(one) and one.medication.get("rxcui") == key["rxcui"]
        name = normalized(key["name"])
        yield lambda one: may_match(one) and normalized(one.medication["name"]) == name

    @staticmethod
    def _by_order(key):
        return lambda lineage: lineage.medication.get("order_id") == key["order_id"]

    # Lineages

    def _open_lineage(self, entry, medication, regimen, started_by, index=None):
        id = entry.event_id if index is None else f"{entry.event_id}/{index}"
        lineage = Lineage(id, entry.event_id, (entry.position, index or 0), medication, regimen)
        self._touch(lineage, entry)
        self.lineages.append(lineage)
        self._open_interval(lineage, entry, started_by)
        return lineage

    def _next_interval(self, lineage, entry):
        """Opens the next interval of an open or held lineage.

        A change with a regimen renews the lineage's medication; its order id stays where the change
        names none, but for a switch, which is another medication's. A resume (or a start that goes
        on) without a regimen leaves the medication as it was.
        """
        if lineage.state == OPEN:
            self._end_interval(lineage, entry.time, entry.data["change"])
        else:
            lineage.holds[-1].end = entry.time
            lineage.state = OPEN
        if "regimen" in entry.data:
            before, lineage.medication = lineage.medication, dict(entry.data["medication"])
            if "order_id" in before and entry.data["change"] != "switch":
                lineage.medication.setdefault("order_id", before["order_id"])
            lineage.regimen = carried_over(lineage.regimen, entry.data["regimen"])
        self._open_interval(lineage, entry, entry.data["change"])

    @staticmethod
    def _open_interval(lineage, entry, started_by):
        lineage.intervals.append(
            Interval(
                lineage.id, entry.event_id, lineage.medication, lineage.regimen,
                entry.time, started_by,
            )
        )

    @staticmethod
    def _end_interval(lineage, instant, ended_by):
        lineage.interval.end, lineage.interval.ended_by = instant, ended_by

    def _close(self, lineage, instant, ended_by):
        if lineage.state == OPEN:
            self._end_interval(lineage, instant, ended_by)
        else:
            lineage.holds[-1].end = instant
        lineage.state = CLOSED
        lineage.closed = self._closings = self._closings + 1

    @staticmethod
    def _touch(lineage, entry):
        lineage.last_event = (entry.time, entry.event_id)

    def _flag(self, flag, *entries):
        self.flags.append((flag, [entry.event_id for entry in entries]))


def order_ids_named(entry):
    """The order ids that an entry names."""
    if entry.type == "admitted":
        medications = [arriving["medication"] for arriving in entry.data.get("medications", ())]
    elif entry.type == "medication_adjusted":
        medications = [entry.data["medication"], entry.data.get("replaces", {})]
    else:
        return set()
    return {medication["order_id"] for medication in medications if "order_id" in medication}
