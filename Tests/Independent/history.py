"""Events and effective histories, recomputed from the contract (read-models.md).

Reads what `episode-ledger export` prints, or import lines (`docs/events.md`), which have no position
and no recorded time: there the line number stands for the position.
"""

import json
from dataclasses import dataclass, field
from typing import Dict, List, Optional

from local_days import parse_instant

AMENDMENTS = ("entry_corrected", "entry_retracted")
ENDS = ("completed", "discharged")
STEPS = ("stepped_down", "stepped_up")


@dataclass
class Event:
    """One event of an episode as it was recorded. Times are microseconds since 1970."""

    position: int
    event_id: str
    episode_id: str
    type: str
    occurred_at: int
    source_recorded_at: Optional[int]
    recorded_at: Optional[int]
    data: dict
    author: Optional[str] = None

    def known_at(self, clock):
        """Knowledge time by `source` (what the source system says, else the ledger) or `ledger`."""
        if clock == "source" and self.source_recorded_at is not None:
            return self.source_recorded_at
        if self.recorded_at is None:
            raise ValueError(
                f"event {self.event_id}: no knowledge time by {clock}; "
                "import lines know only source_recorded_at"
            )
        return self.recorded_at


@dataclass
class Entry:
    """One entry of an effective history: an event after its corrections.

    `known` is the original's knowledge time by K's clock: the source's where everything is known.
    """

    time: int
    position: int
    event_id: str
    type: str
    data: dict
    known: Optional[int] = None
    author: Optional[str] = None
    corrected_by: List[str] = field(default_factory=list)


def event_from(line, number):
    """The event of one parsed JSON object, exported or importable."""
    source = line.get("source_recorded_at")
    recorded = line.get("recorded_at")
    return Event(
        position=line.get("position", number),
        event_id=line["event_id"].lower(),
        episode_id=line["episode_id"].lower(),
        type=line["type"],
        occurred_at=parse_instant(line["occurred_at"]),
        source_recorded_at=None if source is None else parse_instant(source),
        recorded_at=None if recorded is None else parse_instant(recorded),
        data=line["data"],
        author=line.get("author", {}).get("id"),
    )


def read_events(lines):
    """The events of NDJSON lines, by episode, each episode by position.

    An event id that was seen before is the same event sent again, and is skipped.
    """
    episodes: Dict[str, List[Event]] = {}
    seen = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        event = event_from(json.loads(line), number)
        if event.event_id in seen:
            continue
        seen.add(event.event_id)
        episodes.setdefault(event.episode_id, []).append(event)
    for events in episodes.values():
        events.sort(key=lambda event: event.position)
    return episodes


def everything_is_known(episodes, known_at):
    """Whether `known_at` is at or after the head's recorded time, which means "all"."""
    recorded = [event.recorded_at for events in episodes.values() for event in events]
    return bool(recorded) and None not in recorded and known_at >= max(recorded)


def effective_history(events, known_at=None, known_by="source"):
    """The entries of one episode's events in their order: (time, position).

    `known_at` None: everything is known. Empty without a known, unretracted admission.
    """
    if known_at is None:
        known_by = "source"
    else:
        events = [event for event in events if event.known_at(known_by) <= known_at]

    def known(event):
        has_none = event.source_recorded_at is None and event.recorded_at is None
        return None if has_none else event.known_at(known_by)

    entries = {
        event.event_id: Entry(
            event.occurred_at, event.position, event.event_id, event.type, event.data,
            known(event), event.author,
        )
        for event in events
        if event.type not in AMENDMENTS
    }
    amendments = sorted(
        (event for event in events if event.type in AMENDMENTS), key=lambda event: event.position
    )
    retracted = set()
    for amendment in amendments:
        target = amendment.data["target_event_id"].lower()
        if target not in entries:
            continue
        if amendment.type == "entry_retracted":
            retracted.add(target)
            continue
        entry = entries[target]
        entry.data = amendment.data["replacement"]
        if "replacement_occurred_at" in amendment.data:
            entry.time = parse_instant(amendment.data["replacement_occurred_at"])
        entry.corrected_by.append(amendment.event_id)

    effective = [entry for entry in entries.values() if entry.event_id not in retracted]
    if not any(entry.type == "admitted" for entry in effective):
        return []
    return sorted(effective, key=lambda entry: (entry.time, entry.position))
