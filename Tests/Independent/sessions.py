"""The sessions of an episode (read-models, "Sessions and hours"): which count, and as what."""

from dataclasses import dataclass, field
from typing import List

from history import ENDS, Entry
from local_days import HOUR, MINUTE

SESSIONS = ("session_attended", "session_missed", "family_session_held")
# Practitioners' services are apart from the hours of the program (42 CFR 410.43).
NOT_OF_THE_PROGRAM = ("medication_management", "case_management")
BY_PROGRAM = "cancelled_by_program"


def was_attended(entry):
    """Whether the client was there."""
    return entry.type == "session_attended" or (
        entry.type == "family_session_held" and entry.data["client_present"]
    )


@dataclass
class Session:
    """One session: the entry that counts, all entries of its key, and misses that were this one."""

    entry: Entry
    entries: List[Entry]
    misses: List[Entry] = field(default_factory=list)

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
    def counts(self):
        """Whether it counts toward hours."""
        if self.missed:
            return False
        by_itself = self.attended and self.kind not in NOT_OF_THE_PROGRAM
        return self.entry.data.get("counts_toward_hours", by_itself)

    @property
    def span(self):
        """[start, end) in microseconds."""
        return self.entry.time, self.entry.time + self.entry.data["minutes"] * MINUTE


def once(entries, days):
    """The sessions of some entries, each once: by session id and local date.

    Of several entries of one session the attended beat the others, and then the later position
    wins. A miss without an id is its own session, unless it turns out to be an attended one.
    """
    groups = {}
    for entry in entries:
        session_id = entry.data.get("session_id")
        key = (session_id, days.date_of(entry.time)) if session_id is not None else entry.event_id
        groups.setdefault(key, []).append(entry)
    sessions = [
        Session(max(group, key=lambda entry: (was_attended(entry), entry.position)), group)
        for group in groups.values()
    ]
    return without_misses_that_were_attended(sessions)


def without_misses_that_were_attended(sessions):
    """Gives each miss without an id to the attended session that it was, if there is one."""

    def order(session):
        return (session.entry.time, session.entry.position)

    attended = sorted((one for one in sessions if one.attended), key=order)
    taken = set()
    for miss in sorted((one for one in sessions if one.missed), key=order):
        if "session_id" in miss.entry.data:
            continue
        for session in attended:
            if id(session) not in taken and is_late_start(miss, session):
                taken |= {id(session), id(miss)}
                session.misses.append(miss.entry)
                break
    return [one for one in sessions if not (one.missed and id(one) in taken)]


def is_late_start(miss, session):
    """Whether an attended session may be the one that was noted as missed: of its kind, late or not
    said, from its start on up to 60 minutes, and before it was to be over."""
    wait = session.entry.time - miss.entry.time
    scheduled = miss.entry.data.get("scheduled_minutes")
    return (
        session.kind == miss.kind
        and session.entry.data.get("attendance") in (None, "late")
        and 0 <= wait <= HOUR
        and (scheduled is None or wait < scheduled * MINUTE)
    )


class EpisodeSessions:
    """The sessions that belong to an episode by their local date, and those that do not.

    `standing` says of every entry what it is, by event; `came_late` and `recorded_twice` are the
    sessions with such misses and entries, also those that are not of the episode.
    """

    def __init__(self, entries, stays, days):
        ending = end_after_admission(entries) if stays[-1].end is not None else None
        first = days.date_of(stays[0].start)
        last = None if ending is None else days.date_of(ending.time)
        inside, before, after = [], [], []
        for entry in entries:
            if entry.type in SESSIONS:
                date = days.date_of(entry.time)
                side = before if date < first else inside
                (after if last is not None and date > last else side).append(entry)
        # The end was told later: until then the program waited for the client. Who was noted as
        # missing may have come nevertheless, also to a session that is no longer the episode's.
        awaited, self.outside = [], before
        for entry in after:
            is_late = ending.known is not None and entry.time > ending.known
            came_not = entry.type == "session_missed"
            (self.outside if is_late and came_not else awaited).append(entry)
        inside_ids = {entry.event_id for entry in inside}
        self.sessions, self.missed_after_end = [], []
        self.standing = {}
        found = once(inside + awaited, days)
        for session in found:
            if session.entry.event_id in inside_ids:
                self.sessions.append(session)
                self.standing[session.entry.event_id] = "counted"
            elif session.missed:
                self.missed_after_end.append(session)
                self.standing[session.entry.event_id] = "missed_after_end"
            for entry in session.misses:
                self.standing[entry.event_id] = "missed_and_attended"
            for entry in session.entries:
                if entry.event_id in inside_ids or entry.type == "session_missed":
                    self.standing.setdefault(entry.event_id, "duplicate_session")
                else:
                    self.outside.append(entry)
        for entry in self.outside:
            self.standing[entry.event_id] = "outside_episode"
        self.came_late = [one for one in found if one.misses]
        self.recorded_twice = [
            one
            for one in found
            if any(self.standing[entry.event_id] == "duplicate_session" for entry in one.entries)
        ]

    @property
    def expected(self):
        """What the attendance rate is about."""
        return self.sessions + self.missed_after_end


def end_after_admission(entries):
    """The first end after the admission, or None."""
    admitted = False
    for entry in entries:
        if admitted and entry.type in ENDS:
            return entry
        admitted = admitted or entry.type == "admitted"
    return None


def overlapping(sessions):
    """The attended sessions that run at the same time as another one."""
    attended = [session for session in sessions if session.attended]
    spans = [session.span for session in attended]
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
        session.missed and session.entry.data["reason"] != BY_PROGRAM for session in sessions
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


def covered(sessions):
    """How long at least one session that counts was going on, in microseconds."""
    total, until = 0, None
    for start, end in sorted(session.span for session in sessions if session.counts):
        start = start if until is None else max(start, until)
        if end > start:
            total += end - start
            until = end
    return total


def hours(sessions):
    """The hours of one week's sessions; time in two sessions at once counts once."""
    return covered(sessions) / HOUR


def sum_of_weeks(sessions, days, week_of):
    """The hours of all weeks, each session in the week of its start."""
    by_week = {}
    for session in sessions:
        week = week_of(days.date_of(session.entry.time))
        by_week.setdefault(week, []).append(session)
    return sum(map(covered, by_week.values())) / HOUR
