"""The sessions of an episode (read-models.md, "Attendance"): which count, and as what."""

from dataclasses import dataclass
from typing import List

from history import Entry

SESSIONS = ("session_attended", "session_missed", "family_session_held")


def was_attended(entry):
    """Whether the client was there."""
    return entry.type == "session_attended" or (
        entry.type == "family_session_held" and entry.data["client_present"]
    )


@dataclass
class Session:
    """One session: the entry that counts, and all entries of its session id."""

    entry: Entry
    entries: List[Entry]

    @property
    def attended(self):
        return was_attended(self.entry)

    @property
    def missed(self):
        return self.entry.type == "session_missed"

    @property
    def family(self):
        return self.entry.type == "family_session_held"

    @property
    def kind(self):
        return "family" if self.family else self.entry.data["kind"]

    @property
    def counting_minutes(self):
        if self.missed:
            return 0
        counts = self.entry.data.get("counts_toward_hours", self.attended)
        return self.entry.data["minutes"] if counts else 0


def session_key(entry):
    """Entries with one key are one session; a missed session without an id is its own."""
    session = entry.data.get("session_id")
    return ("event", entry.event_id) if session is None else ("session", session)


def outside(entries, start, end):
    """The entries of sessions outside the episode [start, end]; `end` None: it goes on."""
    return [
        entry
        for entry in entries
        if entry.type in SESSIONS
        and (entry.time < start or (end is not None and entry.time > end))
    ]


def counted_sessions(entries, start, end):
    """The sessions of the episode, each once.

    Of several entries of one session id the attended beat the others, and then the later position
    wins.
    """
    ignored = {entry.event_id for entry in outside(entries, start, end)}
    groups = {}
    for entry in entries:
        if entry.type in SESSIONS and entry.event_id not in ignored:
            groups.setdefault(session_key(entry), []).append(entry)
    return [
        Session(max(group, key=lambda entry: (was_attended(entry), entry.position)), group)
        for group in groups.values()
    ]


def overlapping(sessions):
    """The attended sessions that run at the same time as another one."""
    attended = [session for session in sessions if session.attended]
    spans = [
        (one.entry.time, one.entry.time + one.entry.data["minutes"] * 60_000_000)
        for one in attended
    ]
    found = set()
    for index, (start, end) in enumerate(spans):
        for other in range(index):
            if start < spans[other][1] and spans[other][0] < end:
                found |= {index, other}
    return [attended[index] for index in sorted(found)]


def attendance_rate(sessions):
    """Attended / (attended + missed other than cancelled by the program); None of nothing."""
    attended = sum(session.attended for session in sessions)
    missed = sum(
        session.missed and session.entry.data["reason"] != "cancelled_by_program"
        for session in sessions
    )
    return attended / (attended + missed) if attended + missed else None


def tally(values):
    """How often each value occurs."""
    found = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    return dict(sorted(found.items()))


def missed_by_reason(sessions):
    return tally(session.entry.data["reason"] for session in sessions if session.missed)


def hours(sessions):
    return sum(session.counting_minutes for session in sessions) / 60
