#!/usr/bin/env python3
"""Import lines of random episode histories: valid to append, and as awkward as that allows.

    random_histories.py --seed 7 --episodes 200 > histories.ndjson

Late entries, corrections of content, of time, of both and repeated, retractions of anything (ends
with reopening, admissions), same-instant events, events exactly at local midnight and around it,
days on which clocks change, knowledge from a minute before the event to months after it. The life
cycle is checked by life_cycle.py, so an import refuses none of the lines. With `--refusals FILE`
some lines that must be refused are mixed in, and FILE gets their line numbers as a JSON list.
With `--medications` the episodes are mostly medication changes of every kind, arrivals on
medications, and richer sessions and ends.
"""

import argparse
import json
import random
import sys
import uuid
from datetime import timedelta

from history import ENDS, STEPS, event_from
from life_cycle import ACCEPTED, REFUSED, EpisodeLifeCycle
from local_days import DAY, HOUR, MINUTE, SECOND, LocalDays, format_instant, parse_date, utc
from random_medications import RandomMedications

LEVELS = (
    "inpatient",
    "residential",
    "partial_hospitalization",
    "intensive_outpatient",
    "outpatient",
    "recovery_monitoring",
)
PROGRAMS = ("iop-adult-day", "iop-adult-evening", "iop-dual-diagnosis", "php", "Ärzte-Haus 1")
TRACKS = ("mental_health", "substance_use", "co_occurring", "site-track")
SCHEDULES = ("day", "evening")
REASONS = ("dropped_out", "terminated", "transferred", "incarcerated", "died", "died", "other")
KINDS = (
    "individual", "group", "psychoeducation", "activity", "assessment", "crisis_intervention",
    "medication_management", "case_management",
)
CHANGING_DAYS = (
    ("America/New_York", "2024-03-10"),
    ("America/New_York", "2024-11-03"),
    ("America/Havana", "2024-03-10"),
    ("America/Havana", "2024-11-03"),
    ("Europe/Berlin", "2024-03-31"),
    ("Europe/Berlin", "2024-10-27"),
    ("Africa/Cairo", "2024-04-26"),
    ("Africa/Cairo", "2024-10-31"),
    ("Asia/Beirut", "2024-03-31"),
    ("Australia/Lord_Howe", "2024-04-07"),
    ("Asia/Kathmandu", "2024-06-01"),
    ("UTC", "2024-02-29"),
)
# Far enough in the past that nothing is recorded in the future, however late it is.
FIRST_DAY = parse_date("2024-02-15")
LAST_DAY = parse_date("2024-11-20")


class EpisodeWriter:
    """Writes the random history of one episode."""

    @property
    def offered(self):
        """The types to try, as often as they stand here."""
        return OFFERED

    def __init__(self, generator, number, own_days, all_days, before=None):
        self.random = generator
        self.own_days = own_days
        self.all_days = all_days
        self.number = number
        self.episode_id = self.uuid()
        self.life = EpisodeLifeCycle()
        self.known = None
        self.lines = []  # (knowledge time in the file's order, line, whether it is to be refused)
        self.anchor = self.first_day() if before is None else self.day_after(before)
        self.length = generator.choice((0, 1, 3, 14, 40, 70))

    # Values

    def uuid(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def first_day(self):
        if self.random.random() < 0.5:
            day = parse_date(self.random.choice(CHANGING_DAYS)[1])
            return day - timedelta(days=self.random.choice((0, 0, 1, 5)))
        span = (LAST_DAY - FIRST_DAY).days
        return FIRST_DAY + timedelta(days=self.random.randrange(span))

    def day_after(self, before):
        """Often near the client's episode before: at the same time, or soon after it."""
        if self.random.random() < 0.3:
            return self.first_day()
        return before.anchor + timedelta(days=self.random.choice((0, 1, 10, 20, 45, 60)))

    def days(self):
        return self.own_days if self.random.random() < 0.7 else self.random.choice(self.all_days)

    def instant(self):
        """A moment near the episode: often one that has already been used, or a midnight."""
        entries = self.life.entries
        if entries and self.random.random() < 0.15:
            return self.random.choice(entries).time + self.random.choice((0, 0, 0, 1, -1))
        day = self.anchor + timedelta(days=self.random.randint(0, self.length))
        days = self.days()
        shape = self.random.random()
        if shape < 0.2:
            return days.start(day) + self.random.choice((0, 0, 0, -1, 1))
        if shape < 0.3:
            changes = days.transitions(days.start(day), days.end(day))
            if changes:
                return changes[0] + self.random.choice((0, -1, -MINUTE, 30 * MINUTE, HOUR))
        return days.start(day) + self.random.randrange(DAY // MINUTE) * MINUTE

    def written(self, instant):
        """The instant as RFC 3339, in one of the ways that a source system may write it."""
        shape = self.random.random()
        if shape < 0.6:
            return format_instant(instant)
        offset = self.random.choice((-300, -240, 0, 60, 120, 345, 840))
        local = utc(instant + offset * MINUTE).strftime("%Y-%m-%dT%H:%M:%S")
        fraction = instant % SECOND
        if shape < 0.7 or fraction:
            local += f".{fraction:06d}" + self.random.choice(("", "9", "999"))
        if offset == 0 and shape < 0.9:
            return local + "Z"
        sign = "-" if offset < 0 else "+"
        return f"{local}{sign}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"

    # Payloads

    def admission_data(self):
        data = {
            "client_id": f"R-{self.number // 2}",
            "program": self.random.choice(PROGRAMS),
            "level_of_care": self.random.choice(
                LEVELS + ("intensive_outpatient",) * 4 + ("partial_hospitalization",) * 2
            ),
        }
        for name, values in (
            ("track", TRACKS),
            ("schedule", SCHEDULES),
            ("referral_source", ("court", "individual", "health_provider")),
            ("prior_level_of_care", LEVELS),
            ("payer", ({"class": "medicaid"}, {"class": "commercial"})),
        ):
            if self.random.random() < 0.5:
                data[name] = self.random.choice(values)
        return data

    def transfer_data(self):
        data = {"rationale": "as agreed"}
        if self.random.random() < 0.4:
            data["program"] = self.random.choice(PROGRAMS)
        if self.random.random() < 0.3:
            data["track"] = self.random.choice(TRACKS)
        if self.random.random() < 0.3:
            data["schedule"] = self.random.choice(SCHEDULES)
        return data

    def step_data(self, direction, level):
        index = LEVELS.index(level)
        reachable = LEVELS[index + 1:] if direction == "stepped_down" else LEVELS[:index]
        if not reachable:
            return None
        return self.transfer_data() | {
            "from_level": level,
            "to_level": self.random.choice(reachable),
        }

    def data(self, type, occurred_at):
        """A payload of this type, or None where there can be none."""
        if type == "admitted":
            return self.admission_data()
        if type in STEPS:
            if self.life.admission is None:
                return None
            level = self.life.level_before(occurred_at)
            if self.random.random() < 0.1:
                level = self.random.choice(LEVELS)
            return self.step_data(type, level)
        if type == "program_changed":
            data = self.transfer_data()
            return data if len(data) > 1 else data | {"planned_hours_per_week": 9}
        if type in ENDS:
            data = {} if type == "completed" else {"reason": self.random.choice(REASONS)}
            if self.random.random() < 0.4:
                contact = occurred_at - self.random.randrange(0, 5 * DAY, HOUR)
                if self.random.random() < 0.2:
                    contact = self.instant()
                data["last_contact_at"] = self.written(contact)
            return data
        session = f"s-{self.number % 3}-{self.random.randrange(6)}"
        if type == "session_attended":
            return {
                "session_id": session,
                "kind": self.random.choice(KINDS),
                "minutes": self.random.choice((1, 50, 60, 90, 720)),
            }
        if type == "family_session_held":
            return {
                "session_id": session,
                "minutes": 60,
                "participants": [{"relation": "parent"}],
                "client_present": self.random.random() < 0.6,
            }
        if type == "session_missed":
            return {"session_id": session, "kind": "group", "reason": "no_show"}
        return {
            "medication": {"name": "sertraline", "order_id": f"o-{self.number}"},
            "change": self.random.choice(("start", "hold", "resume", "stop", "unchanged")),
            "prescriber": "prescriber-1",
        }

    def correction_data(self, target):
        """A correction of content, of time, or of both."""
        data = {"target_event_id": target.event_id, "reason": "typed wrongly"}
        shape = self.random.random()
        moved = self.instant() if shape >= 0.35 else target.occurred_at
        if shape >= 0.35:
            data["replacement_occurred_at"] = self.written(moved)
        if 0.35 <= shape < 0.6:
            data["replacement"] = target.data
            return data
        data["replacement"] = self.data(target.type, moved)
        return data if data["replacement"] is not None else None

    # Events

    def knowledge(self, occurred_at):
        """When the source system recorded it, and its place among the lines of the file."""
        delay = self.random.choice(
            (
                -MINUTE,
                0,
                self.random.randrange(15 * MINUTE),
                self.random.randrange(15 * MINUTE),
                self.random.randrange(8 * HOUR),
                self.random.randrange(9 * DAY),
                self.random.randrange(120 * DAY),
            )
        )
        known = occurred_at + delay
        if self.known is not None and known < self.known and self.random.random() < 0.75:
            known = self.known + self.random.choice((0, SECOND, HOUR, self.random.randrange(DAY)))
        return self.told(known)

    def told(self, known):
        """Known at that time, and in the file after all that is written."""
        self.known = known if self.known is None else max(self.known, known)
        return known, self.known

    def offer(self, type, refusals, at=None, data=None, known=None):
        """Tries one event; writes it if it is valid (or, with `refusals`, certainly is not).

        Its time, content and knowledge time are random unless they are given.
        """
        occurred_at = self.instant() if at is None else at
        if data is not None:
            pass
        elif type in ("entry_corrected", "entry_retracted"):
            targets = self.life.amendable()
            if self.random.random() < 0.05:
                targets = self.life.events
            if not targets:
                return
            target = self.random.choice(targets)
            if target.type == "admitted" and type == "entry_retracted":
                if self.random.random() < 0.7:
                    return
            if type == "entry_retracted":
                data = {"target_event_id": target.event_id, "reason": "entered in error"}
            elif target.type in ("entry_corrected", "entry_retracted"):
                return
            else:
                data = self.correction_data(target)
        else:
            data = self.data(type, occurred_at)
        if data is None:
            return
        line = {
            "episode_id": self.episode_id,
            "event_id": self.uuid(),
            "type": type,
            "occurred_at": self.written(occurred_at),
            "author": {"id": "random", "role": "other"},
            "data": data,
        }
        event = event_from(line, len(self.life.events) + 1)
        verdict = self.life.verdict(event)
        if verdict == ACCEPTED or (verdict == REFUSED and refusals and self.lines):
            before = self.known
            known, order = self.knowledge(occurred_at) if known is None else self.told(known)
            line["source_recorded_at"] = self.written(known)
            if self.random.random() < 0.1:
                line["event_id"] = line["event_id"].upper()
            if verdict == ACCEPTED:
                self.life.append(event)
            else:
                self.known, order = before, before
            self.lines.append((order, line, verdict == REFUSED))

    def write(self, refusals):
        """The lines of the episode."""
        while not self.lines:
            self.offer("admitted", refusals=False)
        for _ in range(self.random.choice((0, 3, 10, 20, 40))):
            self.offer(self.random.choice(self.offered), refusals and self.random.random() < 0.3)
        return self.lines


OFFERED = (
    ("session_attended",) * 6
    + ("family_session_held", "session_missed", "medication_adjusted")
    + STEPS * 3
    + ("program_changed",) * 4
    + ENDS * 2
    + ("entry_corrected",) * 8
    + ("entry_retracted",) * 4
    + ("admitted",)
)


OFFERED_WITH_MEDICATIONS = (
    ("medication_adjusted",) * 30
    + ("session_attended",) * 6
    + ("family_session_held", "session_missed") * 3
    + STEPS
    + ("program_changed",)
    + ENDS * 3
    + ("entry_corrected",) * 8
    + ("entry_retracted",) * 3
)


class MedicationEpisodeWriter(EpisodeWriter):
    """Writes episodes that are mostly medication changes, with richer sessions and ends."""

    @property
    def offered(self):
        return OFFERED_WITH_MEDICATIONS

    def __init__(self, generator, number, own_days, all_days, before=None):
        super().__init__(generator, number, own_days, all_days, before)
        self.medications = RandomMedications(generator, number)
        self.now_offered = None
        self.sessions = 0

    def chance(self, probability):
        return self.random.random() < probability

    def offer(self, type, refusals, **given):
        self.now_offered = type
        if not given and self.chance(0.2):
            self.random.choice(self.courses_of_events)()
        super().offer(type, refusals, **given)

    # Events that belong together

    @property
    def courses_of_events(self):
        return (
            self.series, self.late_start, self.closed_week, self.overlap, self.full_week,
            self.open_group, self.order_here, self.plan, self.change_after_a_stop,
            self.two_parts, self.end_told_later,
        )

    def write(self, refusals):
        """After the admission, often what the client arrived on is ordered here."""
        while not self.lines:
            self.offer("admitted", refusals=False)
        for _ in range(self.random.choice((0, 1, 2))):
            self.order_here()
        return super().write(refusals)

    def session(self, at, type="session_attended", **more):
        data = {"kind": "group"} | more
        if type == "session_attended":
            data = {"session_id": self.session_id(), "minutes": 90} | data
        self.offer(type, False, at=at, data=data)

    def session_id(self):
        self.sessions += 1
        return f"own-{self.number}-{self.sessions}"

    def series(self):
        """A group that has one id for all its dates; a client of it is named in its size."""
        at, id = self.instant(), f"series-{self.number % 2}"
        for day in (0, 2, 4):
            self.session(
                at + day * DAY, session_id=id, group_size=self.random.choice((0, 1, 6)),
                facilitators=[{"id": f"f-{self.number % 3}"}], topic="relapse",
            )

    def open_group(self):
        """A group that clients of several episodes meet in, on a day that many episodes begin near."""
        near = [parse_date(day) for _, day in CHANGING_DAYS]
        near = [day for day in near if self.anchor <= day <= self.anchor + timedelta(days=14)]
        at = self.own_days.start(near[0] if near else self.anchor) + 10 * HOUR
        missed = self.chance(0.3)
        more = {"session_id": "open-group"} | ({"reason": "excused"} if missed else {"group_size": 1})
        self.session(at, "session_missed" if missed else "session_attended", **more)

    def late_start(self):
        """A miss that was noted at the start, and the session that began late."""
        at, missed = self.instant(), {"reason": "no_show"}
        if self.chance(0.5):
            missed["scheduled_minutes"] = self.random.choice((30, 50, 60, 90))
        self.session(at, "session_missed", **missed)
        if self.chance(0.3):
            self.session(at + 5 * MINUTE, "session_missed", **missed)
        attendance = self.random.choice(({}, {"attendance": "late"}, {"attendance": "full"}))
        self.session(at + self.random.choice((0, 10, 50, 60, 61)) * MINUTE, **attendance)

    def weekday(self, number):
        """An instant on a weekday of one of the episode's weeks, at 10:00 or later."""
        day = self.anchor + timedelta(days=self.random.randint(0, self.length))
        day += timedelta(days=number - day.weekday())
        return self.own_days.start(day) + self.random.choice((10, 14)) * HOUR

    def closed_week(self):
        monday = self.weekday(0)
        for day in (0, 2, 4):
            self.session(monday + day * DAY, "session_missed", reason="cancelled_by_program")

    def full_week(self):
        """Near the threshold, in hours that are whole or not."""
        monday, last = self.weekday(0), self.random.choice((178, 180, 180, 840))
        for day, minutes in ((0, 180), (2, 180), (4, min(last, 720))):
            self.session(monday + day * DAY, minutes=minutes, attendance="full")

    def overlap(self):
        at = self.instant()
        self.session(at, minutes=180)
        self.session(at + self.random.choice((30, 120)) * MINUTE, kind=self.random.choice(KINDS))

    def order_here(self):
        """A first order of what the client arrived on."""
        arrived = self.life.admission.data.get("medications") if self.life.admission else None
        if not arrived:
            return
        without_order = [one for one in arrived if "order_id" not in one["medication"]]
        one = self.random.choice(without_order or arrived)
        self.medications.orders += 1
        data = self.medications.adjustment("start") | {
            "medication": {
                "name": self.medications.other_name(one["medication"]["name"]),
                "order_id": f"here-{self.number}-{self.medications.orders}",
            }
        }
        if "regimen" in one and self.chance(0.7):
            data["regimen"] = one["regimen"]
        at = self.life.admission.time + self.random.choice((0, HOUR, DAY))
        self.offer("medication_adjusted", False, at=at, data=data)

    def two_parts(self):
        """Two strengths or a split dose of one drug, then the change of one of them."""
        at, medication = self.instant(), self.medications.medication()
        frequencies = self.random.choice((("daily", "daily"), ("in the morning", "in the evening")))
        for number, frequency in enumerate(frequencies):
            regimen = {
                "dose": self.random.choice((25, 50)), "unit": self.random.choice(("mg", "MG")),
                "route": "oral", "frequency": frequency, "times_per_day": 1,
            }
            name = self.medications.other_name(medication["name"])
            named = {"name": name, "order_id": f"part-{self.number}-{self.medications.orders}-{number}"}
            data = {
                "medication": named, "change": "start", "regimen": regimen, "prescriber": "prescriber-1",
            }
            self.offer("medication_adjusted", False, at=at, data=data)
        self.medications.orders += 1
        data = {
            "medication": {"name": name}, "change": "increase", "prescriber": "prescriber-1",
            "regimen": {"dose": 75, "unit": "mg", "frequency": frequencies[1]},
        }
        self.offer("medication_adjusted", False, at=at + DAY, data=data)

    def plan(self):
        """A course that is ordered ahead and, often, stopped before it has run."""
        at, medication = self.instant(), self.medications.medication()
        known, start = at - 2 * HOUR, self.random.choice((0, 5 * DAY))
        for days, change in ((0, "start"), (7, "decrease"), (10, "unchanged"), (14, "stop")):
            data = self.medications.adjustment(change) | {"medication": medication}
            self.offer("medication_adjusted", False, at=at + start + days * DAY, data=data, known=known)
        if self.chance(0.7):
            stopped = self.random.choice((DAY, 8 * DAY))
            name = self.medications.other_name(medication["name"])
            named = medication if self.chance(0.5) else {"name": name}
            data = self.medications.adjustment("stop") | {"medication": named}
            told = known + stopped
            self.offer("medication_adjusted", False, at=at + stopped, data=data, known=told)

    def change_after_a_stop(self):
        at, medication = self.instant(), self.medications.medication()
        changes = ("start", "stop", self.random.choice(("increase", "change_frequency", "resume")))
        for days, change in enumerate(changes):
            data = self.medications.adjustment(change) | {"medication": medication}
            self.offer("medication_adjusted", False, at=at + days * DAY, data=data)

    def end_told_later(self):
        """Who stays away is missed for weeks before the end is recorded, with its true date."""
        if self.life.admission is None or self.life.end is not None:
            return
        at = max(self.instant(), self.life.admission.time)
        for days in (2, 4, 9):
            reason = self.random.choice(("no_show", "no_show", "cancelled_by_program"))
            self.session(at + days * DAY, "session_missed", reason=reason)
        data = {"reason": "dropped_out"}
        self.offer("discharged", False, at=at, data=data, known=at + 8 * DAY)

    def knowledge(self, occurred_at):
        """A medication is often ordered days before it takes effect."""
        if self.now_offered == "medication_adjusted" and self.chance(0.25):
            occurred_at -= self.random.randrange(HOUR, 20 * DAY)
        return super().knowledge(occurred_at)

    def admission_data(self):
        data = super().admission_data()
        data["program"] = self.random.choice(PROGRAMS + ("iop-adolescent",))
        if self.chance(0.6):
            data["medications"] = self.medications.arriving()
        if self.chance(0.7):
            data["planned_hours_per_week"] = self.random.choice((6, 9, 10.5, 20))
        if self.chance(0.6):
            data["reason"] = "relapse"
        if self.chance(0.6):
            data["allergies"] = self.random.choice(
                ([], ["penicillin"], [self.medications.medication()["name"] + ": rash"])
            )
        return data

    def transfer_data(self):
        data = super().transfer_data()
        if self.chance(0.3):
            data["planned_hours_per_week"] = self.random.choice((3, 9, 12))
        return data

    def session_data(self, type):
        data = super().data(type, None)
        if self.chance(0.85):
            data["session_id"] = self.session_id()
        if type == "session_missed":
            data["reason"] = self.random.choice(
                ("no_show", "cancelled_by_client", "cancelled_by_program", "excused")
            )
            if self.chance(0.2):
                del data["session_id"]
            return data
        data["minutes"] = self.random.choice((1, 50, 90, 180, 540))
        if self.chance(0.2):
            data["counts_toward_hours"] = self.chance(0.5)
        if type == "session_attended" and self.chance(0.6):
            data["modality"] = self.random.choice(("cbt", "mi", "dbt", "twelve_step", "other"))
        if type == "family_session_held":
            data["participants"] = [
                {"relation": self.random.choice(("spouse", "parent", "sibling", "other_support"))}
                for _ in range(self.random.choice((1, 1, 2, 3)))
            ]
        return data

    def end_data(self, data):
        fields = {
            "disposition": "home",
            "condition": "stable",
            "aftercare": self.random.choice(([], [{"provider": "outpatient clinic"}])),
            "instructions": "call when it gets worse",
            "goals": [{"text": "abstinence", "status": "partly_met"}],
            "summary": "as planned",
        }
        return data | {name: value for name, value in fields.items() if self.chance(0.6)}

    def data(self, type, occurred_at):
        if type == "medication_adjusted":
            return self.medications.adjustment()
        if type in ("session_attended", "session_missed", "family_session_held"):
            return self.session_data(type)
        data = super().data(type, occurred_at)
        return self.end_data(data) if type in ENDS else data


def histories(seed, episodes, zone, refusals=False, medications=False):
    """(line, whether it must be refused) of all episodes, in the order of the file.

    By knowledge time, save that some lines come later than they should. An episode's own lines
    keep their order, which is the one that the life cycle was checked in.
    """
    generator = random.Random(seed)
    own_days = LocalDays(zone)
    all_days = [LocalDays(name) for name in sorted({name for name, _ in CHANGING_DAYS})]
    writer_type = MedicationEpisodeWriter if medications else EpisodeWriter
    merged = []
    writer = None
    for number in range(episodes):
        before = writer if number % 2 else None  # two episodes of one client
        writer = writer_type(generator, number, own_days, all_days, before)
        place = None
        for sequence, (known, line, refused) in enumerate(writer.write(refusals)):
            late = generator.randrange(30 * DAY) if generator.random() < 0.03 else 0
            place = known + late if place is None else max(place, known + late)
            merged.append((place, number, sequence, line, refused))
    merged.sort(key=lambda item: item[:3])
    return [(line, refused) for _, _, _, line, refused in merged]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--episodes", type=int, required=True)
    parser.add_argument("--time-zone", default="America/New_York", help="the ledger's zone")
    parser.add_argument("--refusals", help="mix in invalid lines; FILE gets their line numbers")
    parser.add_argument(
        "--medications", action="store_true", help="mostly medication changes of every kind"
    )
    options = parser.parse_args(arguments)
    found = histories(
        options.seed,
        options.episodes,
        options.time_zone,
        options.refusals is not None,
        options.medications,
    )
    for line, _ in found:
        print(json.dumps(line, ensure_ascii=False))
    if options.refusals is not None:
        with open(options.refusals, "w", encoding="utf-8") as file:
            json.dump([n for n, (_, refused) in enumerate(found, start=1) if refused], file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
