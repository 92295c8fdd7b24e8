"""Histories that show what simulated ones do not: made by hand, of nobody."""

import datetime
import json
import uuid

# A word that no line can hold.
LONG = ("Unbreakable" * 28)[:300]
HOSTILE = "<img src=x onerror=alert(1)>\"'&</td><script>alert(2)</script>"


def identifier(*parts):
    """The same for the same parts, so that tests can name it."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, parts))))


class Story:
    """One episode's events, in the order in which they became known."""

    def __init__(self, name):
        self.episode = identifier("episode", name)
        self.events = []

    def add(self, kind, at, /, known=None, author="SIM-T1", role="therapist", **data):
        number = len(self.events) + 1
        event = {
            "event_id": identifier(self.episode, number), "episode_id": self.episode,
            "type": kind, "occurred_at": at, "author": {"id": author, "role": role}, "data": data}
        if known != "now":
            # What the source does not say is known when the ledger records it.
            event["source_recorded_at"] = known or at
        self.events.append(event)
        return event["event_id"]

    def admitted(self, at, client, program="iop-adult-day", **data):
        return self.add("admitted", at, client_id=client, program=program,
                        level_of_care="intensive_outpatient", **data)

    @property
    def lines(self):
        return "".join(json.dumps(event) + "\n" for event in self.events)


def medication(name):
    return {"name": name}


def daily(dose, frequency="daily", times=1):
    return {"dose": dose, "unit": "mg", "route": "oral", "frequency": frequency,
            "times_per_day": times}


CORRECTED, CORRECTION, MISTAKE, RETRACTION, LATE = 20, 42, 29, 31, 35


def sixty():
    """An episode of 60 versions: 20 corrected by 42, 29 retracted by 31, 35 known
    three days late, after the three that happened after it."""
    story = Story("sixty")
    day = datetime.datetime(2025, 9, 2, 21, 0, tzinfo=datetime.timezone.utc)

    def time(days=0, hours=0):
        return (day + datetime.timedelta(days=days, hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def step():
        nonlocal day
        day += datetime.timedelta(days=1)

    story.admitted(
        time(), "SIM-SIXTY", planned_hours_per_week=9, allergies=["penicillin"],
        medications=[{"medication": medication("sertraline 50 MG Oral Tablet"),
                      "regimen": daily(50)}])
    changes = {
        5: ("start", "trazodone 50 MG Oral Tablet", daily(50, "at bedtime")),
        12: ("increase", "sertraline 50 MG Oral Tablet", daily(100)),
        18: ("hold", "trazodone 50 MG Oral Tablet", None),
        25: ("resume", "trazodone 50 MG Oral Tablet", None),
        33: ("start", "clonazepam 0.5 MG Oral Tablet", daily(0.5, "twice daily", 2)),
        39: ("stop", "clonazepam 0.5 MG Oral Tablet", None),
        47: ("decrease", "sertraline 50 MG Oral Tablet", daily(75)),
    }
    while len(story.events) < 59:
        number = len(story.events) + 1
        step()
        if number in changes:
            change, name, regimen = changes[number]
            data = {"medication": medication(name), "change": change, "prescriber": "SIM-P1"}
            if regimen:
                data["regimen"] = regimen
            story.add("medication_adjusted", time(), role="prescriber", **data)
        elif number == RETRACTION:
            story.add("entry_retracted", time(), author="SIM-T2", reason="of another client",
                      target_event_id=story.events[MISTAKE - 1]["event_id"])
        elif number == CORRECTION:
            target = story.events[CORRECTED - 1]
            story.add("entry_corrected", time(), reason="left at half time",
                      target_event_id=target["event_id"],
                      replacement={**target["data"], "minutes": 90})
        elif number % 9 == 0:
            story.add("session_missed", time(), kind="group", reason="no_show",
                      session_id=f"SIM-S{number}")
        else:
            happened = time(days=-3, hours=-2) if number == LATE else time()
            story.add("session_attended", happened, known=time(), kind="group", minutes=180,
                      session_id=f"SIM-S{number}", topic=f"topic {number}")
    step()
    story.add("completed", time(), role="administrator", disposition="home",
              condition="improved", last_contact_at=time(days=-1))
    return story


def two_o_clock():
    """Sessions about the two changes of the clocks of New York in 2025."""
    story = Story("clocks")
    story.admitted("2025-03-03T15:00:00Z", "SIM-CLOCKS", planned_hours_per_week=9)
    # 1:30 and, half an hour of the wall clock later, 3:00: two o'clock is left out.
    story.add("session_attended", "2025-03-09T06:30:00Z", kind="crisis_intervention", minutes=60,
              session_id="SIM-SPRING-1")
    story.add("session_attended", "2025-03-09T07:30:00Z", kind="crisis_intervention", minutes=60,
              session_id="SIM-SPRING-2")
    # 1:30 comes twice.
    story.add("session_attended", "2025-11-02T05:30:00Z", kind="crisis_intervention", minutes=30,
              session_id="SIM-FALL-1")
    story.add("session_attended", "2025-11-02T06:30:00Z", kind="crisis_intervention", minutes=45,
              session_id="SIM-FALL-2")
    story.add("session_missed", "2025-11-03T04:30:00Z", kind="group", reason="excused",
              session_id="SIM-FALL-3")
    return story


def hostile(text=HOSTILE, name="hostile"):
    """Every type of event, with what would be HTML in every field that takes a text."""
    facilitators = [{"id": text, "role": "therapist", "credential": text}]
    diagnoses = [{"system": "icd-10-cm", "code": text, "description": text, "role": "principal"}]
    drug = {"name": text, "rxcui": text, "ndc": text, "form": text, "strength": text,
            "order_id": text}
    regimen = {"dose": 5, "unit": text, "route": text, "frequency": text, "times_per_day": 1}
    reason = {"code": text, "text": text}
    payer = {"class": "other", "authorization_number": text, "authorized_units": 3,
             "unit": "visit"}
    story = Story(name)

    def add(kind, day, /, **data):
        return story.add(kind, f"2025-11-{day:02}T15:00:00Z", author=text, **data)

    add("admitted", 3, client_id=text, program=text, level_of_care="intensive_outpatient",
        level_code={"system": text, "code": text}, track=text, schedule=text,
        planned_hours_per_week=9, referral_source=text, reason=text, diagnoses=diagnoses,
        payer=payer, secondary_payer=payer, medications=[{"medication": drug, "regimen": regimen}],
        allergies=[text])
    attended = add(
        "session_attended", 4, session_id=text, kind="group", modality="cbt", minutes=60,
        place=text, service_code=text, facilitators=facilitators, topic=text, note_ref=text)
    mistake = add("session_attended", 5, session_id=text + "2", kind="group", minutes=60,
                  topic=text, facilitators=facilitators)
    add("session_missed", 6, session_id=text + "3", kind="group", reason="no_show")
    add("family_session_held", 7, session_id=text + "4", minutes=60, client_present=True,
        participants=[{"relation": "parent"}], place=text, service_code=text,
        facilitators=facilitators, note_ref=text)
    for day, change in ((8, "start"), (9, "increase")):
        add("medication_adjusted", day, medication={**drug, "name": text + " two",
                                                    "order_id": text + " two"},
            change=change, regimen={**regimen, "dose": day}, reason=reason,
            indication={"system": text, "code": text, "text": text}, prescriber=text)
    add("medication_adjusted", 10, medication={**drug, "name": text + " three",
                                               "order_id": text + " three"},
        change="switch", replaces={**drug, "name": text + " two", "order_id": text + " two"},
        regimen=regimen, reason=reason, prescriber=text)
    add("stepped_up", 11, from_level="intensive_outpatient", to_level="partial_hospitalization",
        to_level_code={"system": text, "code": text}, program=text + " up", track=text,
        schedule=text, rationale=text, decided_by=text)
    add("stepped_down", 12, from_level="partial_hospitalization",
        to_level="intensive_outpatient", program=text, rationale=text, decided_by=text)
    add("program_changed", 13, program=text + " too", track=text, schedule=text, rationale=text,
        decided_by=text)
    add("entry_corrected", 14, target_event_id=attended, reason=text,
        replacement={"session_id": text, "kind": "group", "minutes": 90, "topic": text + "!",
                     "facilitators": facilitators})
    add("entry_retracted", 15, target_event_id=mistake, reason=text)
    ended = {"disposition": text, "last_contact_at": "2025-11-15T15:00:00Z", "condition": text,
             "goals": [{"text": text, "status": "met"}], "diagnoses": diagnoses,
             "aftercare": [{"provider": text, "kind": text, "at": "2025-12-01T15:00:00Z"}],
             "instructions": text, "summary": text}
    mistaken = add("discharged", 16, reason="other", **ended)
    add("entry_retracted", 17, target_event_id=mistaken, reason=text)
    add("completed", 18, **ended)
    # Somebody who is still there, for the lists.
    open_story = Story(f"{name} and open")
    open_story.add(
        "admitted", "2025-11-03T15:00:00Z", author=text, client_id=text + " open", program=text,
        level_of_care="intensive_outpatient", planned_hours_per_week=9, allergies=[text],
        medications=[{"medication": drug, "regimen": regimen},
                     {"medication": {**drug, "order_id": text + " b"}, "regimen": regimen}])
    return story, open_story
