"""Forms that record, correct and retract: what the API would accept is recorded, what it would refuse is
refused, with the same codes, and nothing twice."""

import json
import os
import random
import unittest
import urllib.error
import urllib.request
import uuid

import page_html
from forms import Form, values
from pages import Pages

# The forms' ledger and the one that is given the same by the API.
HERE, THERE = "forms", "forms-twin"
AUTHOR = {"/author/id": "SIM-T1", "/author/role": "therapist"}
ADMISSION = {
    "/data/client_id": "SIM-C1", "/data/program": "iop-adult-day", "/author/role": "nurse",
    "/data/level_of_care": "intensive_outpatient", "/occurred_at": "2025-11-03T09:00",
}
TYPES = [
    "session_attended", "session_missed", "family_session_held", "medication_adjusted", "stepped_down",
    "stepped_up", "program_changed", "completed", "discharged",
]


class Forms(Pages):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if HERE not in cls.found.count:
            for name in (HERE, THERE):
                cls.service.run("ledgers", "create", name, "--time-zone", "America/New_York")
                cls.found.count[name] = 0
        cls.writer = cls.service.token("clinician")

    def form(self, path):
        return Form(self.reader, f"/ledgers/{HERE}/{path}")

    def admit(self, client="SIM-C1", **more):
        form = self.form("record/admitted")
        typed = {**ADMISSION, "/data/client_id": client, **{f"/data/{k}": v for k, v in more.items()}}
        self.assertEqual(form.send(typed), 303, form.codes)
        return form.episode

    def recorded(self, kind, episode, typed):
        form = self.form(f"record/{kind}?episode={episode}")
        self.assertEqual(form.send({**AUTHOR, **typed}), 303, form.codes)
        return form

    def events(self, episode, ledger=HERE):
        return self.service.ask(f"{ledger}/episodes/{episode}/events", self.token)["events"]

    def post(self, ledger, episode, event):
        """The status of the API's answer, and its codes."""
        request = urllib.request.Request(
            f"{self.service.base}/v1/ledgers/{ledger}/episodes/{episode}/events",
            data=json.dumps(event).encode(), headers={
                "Authorization": f"Bearer {self.writer}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, []
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            return error.code, [each["code"] for each in problem.get("errors", [])]


class Recorded(Forms):
    def test_every_type_is_recorded_as_it_was_typed(self):
        episode = self.admit(
            "SIM-C2", **{"allergies/0": "penicillin", "medications/0/medication/name": "sertraline",
                         "diagnoses/0/system": "icd-10-cm", "diagnoses/0/code": "F33.1"})
        admitted = self.events(episode)[0]
        self.assertEqual(admitted["occurred_at"], "2025-11-03T14:00:00.000000Z")
        self.assertEqual(admitted["author"], {"id": "local:root", "role": "nurse"}
                         if os.geteuid() == 0 else admitted["author"])
        self.assertEqual(admitted["data"], {
            "client_id": "SIM-C2", "program": "iop-adult-day", "level_of_care": "intensive_outpatient",
            "allergies": ["penicillin"], "medications": [{"medication": {"name": "sertraline"}}],
            "diagnoses": [{"system": "icd-10-cm", "code": "F33.1"}]})
        for kind, typed, data in [
            ("session_attended",
             {"session_id": "g1", "kind": "group", "minutes": "180", "modality": "cbt",
              "facilitators/0/id": "SIM-T1", "counts_toward_hours": "true", "topic": "<b>Urges</b> & \"cues\""},
             {"session_id": "g1", "kind": "group", "minutes": 180, "modality": "cbt",
              "facilitators": [{"id": "SIM-T1"}], "counts_toward_hours": True,
              "topic": "<b>Urges</b> & \"cues\""}),
            ("session_missed", {"kind": "group", "reason": "no_show"},
             {"kind": "group", "reason": "no_show"}),
            ("family_session_held",
             {"session_id": "f1", "minutes": "50", "client_present": "false",
              "participants/0/relation": "parent"},
             {"session_id": "f1", "minutes": 50, "client_present": False,
              "participants": [{"relation": "parent"}]}),
            ("medication_adjusted",
             {"medication/name": "sertraline", "change": "increase", "prescriber": "SIM-P1",
              "regimen/dose": "7.5", "regimen/unit": "mg", "reason/text": "two\r\nlines"},
             {"medication": {"name": "sertraline"}, "change": "increase", "prescriber": "SIM-P1",
              "regimen": {"dose": 7.5, "unit": "mg"}, "reason": {"text": "two\nlines"}}),
            ("program_changed", {"program": "iop-evening", "rationale": "works by day"},
             {"program": "iop-evening", "rationale": "works by day"}),
            ("stepped_down",
             {"from_level": "intensive_outpatient", "to_level": "outpatient", "rationale": "better"},
             {"from_level": "intensive_outpatient", "to_level": "outpatient", "rationale": "better"}),
            ("stepped_up",
             {"from_level": "outpatient", "to_level": "intensive_outpatient", "rationale": "worse"},
             {"from_level": "outpatient", "to_level": "intensive_outpatient", "rationale": "worse"}),
            ("completed",
             {"disposition": "home", "aftercare/0/provider": "clinic",
              "aftercare/0/at": "2026-01-05T10:00"},
             {"disposition": "home", "aftercare": [
                 {"provider": "clinic", "at": "2026-01-05T15:00:00.000000Z"}]}),
        ]:
            with self.subTest(kind):
                form = self.recorded(
                    kind, episode, {f"/data/{name}": text for name, text in typed.items()})
                last = self.events(episode)[-1]
                self.assertEqual((last["type"], last["data"]), (kind, data))
                self.assertEqual(last["author"], {"id": "SIM-T1", "role": "therapist"})
                self.assertIn(f"recorded={last['version']}#v{last['version']}", form.location)
        # An episode has one end, and it is retracted before another one is recorded.
        form = self.form(f"record/discharged?episode={episode}")
        self.assertEqual(form.send({**AUTHOR, "/data/reason": "dropped_out"}), 422)
        self.assertEqual(form.codes, ["already_ended"])

    def test_a_form_sent_twice_is_recorded_once_and_one_that_says_something_else_not_at_all(self):
        episode = self.admit("SIM-C3")
        form = self.form(f"record/session_missed?episode={episode}")
        typed = {**AUTHOR, "/data/kind": "group", "/data/reason": "no_show"}
        self.assertEqual(form.send(typed), 303)
        self.assertIn("recorded=2", form.location)
        self.assertEqual(form.send(typed), 303)
        self.assertIn("repeated=2", form.location)
        self.assertIn("Recorded before, as version 2", self.reader.get(form.location.split("#")[0]))
        self.assertEqual(form.send({**typed, "/data/reason": "excused"}), 409)
        self.assertIn("says something else now", form.text)
        event = self.events(episode)[1]["event_id"]
        self.assertIn(f"/episodes/{episode}/entries/{event}/correct", form.text)
        self.assertEqual(len(self.events(episode)), 2)

    def test_what_came_between_is_shown_before_anything_is_recorded(self):
        episode = self.admit("SIM-C4")
        first = self.form(f"record/session_missed?episode={episode}")
        self.recorded("medication_adjusted", episode, {
            "/data/medication/name": "trazodone", "/data/change": "start", "/data/prescriber": "SIM-P1"})
        typed = {**AUTHOR, "/data/kind": "group", "/data/reason": "excused"}
        self.assertEqual(first.send(typed), 409)
        self.assertIn("Others recorded something", first.text)
        self.assertIn("trazodone", first.page.one("div", "notice").text.lower())
        self.assertEqual(len(self.events(episode)), 2)
        self.assertEqual(first.values["/data/reason"], "excused")
        self.assertEqual(first.send(), 303)
        self.assertEqual(len(self.events(episode)), 3)

    def test_what_was_typed_comes_back_while_the_database_is_away(self):
        episode = self.admit("SIM-C9")
        form = self.form(f"record/session_missed?episode={episode}")
        typed = {**AUTHOR, "/data/kind": "group", "/data/reason": "excused"}
        # Nobody can append: the form comes back with everything that was typed, and no word of the client.
        with self.service.locked("ledger_head", "exclusive"):
            self.assertEqual(form.send(typed), 503)
        self.assertEqual(form.values["/data/reason"], "excused")
        self.assertIn("could not be recorded now", form.text)
        self.assertNotIn("SIM-C9", form.text)
        self.assertEqual(form.send(), 303)
        self.assertEqual(len(self.events(episode)), 2)
        # Nobody can be known: what was sent is on the page, to be sent again as it is.
        form = self.form(f"record/session_missed?episode={episode}")
        with self.service.locked("sign_in.session"):
            fields = {**form.values, **typed, "do": "record"}
            status, _, text = self.reader.once(form.action, fields)
        self.assertEqual(status, 503)
        kept = next(each for each in page_html.read(text).all("form") if each.get("action") == form.action)
        self.assertEqual(values(kept), fields)
        self.assertEqual(self.reader.once(form.action, values(kept))[0], 303)
        self.assertEqual(len(self.events(episode)), 3)

    def test_lists_grow_without_a_script(self):
        form = self.form("record/admitted")
        names = [name for name in form.names if name.startswith("/data/diagnoses")]
        self.assertEqual(names, [])
        form.send({**ADMISSION, "/data/client_id": "SIM-C5"}, add="/data/diagnoses")
        form.send({"/data/diagnoses/0/code": "F10.20"}, add="/data/diagnoses")
        self.assertEqual(form.values["/data/diagnoses/0/code"], "F10.20")
        self.assertIn("/data/diagnoses/1/code", form.names)
        self.assertEqual(form.send({"/data/diagnoses/1/code": "F33.1", "/data/diagnoses/1/system": "icd-10-cm"}), 422)
        self.assertEqual(form.codes, ["required"])
        self.assertIn("Diagnosis 1: System is required", form.text)
        self.assertEqual(form.send({"/data/diagnoses/0/system": "icd-10-cm"}), 303)
        codes = [each["code"] for each in self.events(form.episode)[0]["data"]["diagnoses"]]
        self.assertEqual(codes, ["F10.20", "F33.1"])

    def test_a_time_that_comes_twice_is_asked_for(self):
        episode = self.admit("SIM-C6", )
        form = self.form(f"record/session_missed?episode={episode}")
        typed = {**AUTHOR, "/data/kind": "group", "/data/reason": "no_show", "/occurred_at": "2026-11-01T01:30"}
        self.assertEqual(form.send(typed), 422)
        self.assertEqual(form.codes, ["repeated_time"])
        self.assertIn("2026-11-01T06:30:00.000000Z", form.text)
        self.assertEqual(form.send({"which:/occurred_at": "2026-11-01T06:30:00.000000Z"}), 303)
        self.assertEqual(self.events(episode)[-1]["occurred_at"], "2026-11-01T06:30:00.000000Z")
        form = self.form(f"record/session_missed?episode={episode}")
        self.assertEqual(form.send({**typed, "/occurred_at": "2026-03-08T02:30"}), 422)
        self.assertEqual(form.codes, ["skipped_time"])

    def test_clocks_of_other_pages_do_not_reach_a_form(self):
        episode = self.admit("SIM-C7")
        plain = self.form(f"record/stepped_down?episode={episode}")
        past = self.form(f"record/stepped_down?episode={episode}&known_at=2025-11-04&date=2025-11-05")
        self.assertEqual(plain.values["version"], past.values["version"])
        self.assertNotIn("known_at", past.action)
        page = page_html.read(self.reader.get(f"/ledgers/{HERE}/episodes/{episode}?date=2025-11-05"))
        self.assertEqual([link for link in page.all("a") if "/record/" in (link.get("href") or "")], [])

    def test_what_is_in_force_is_changed_from_its_last_values(self):
        episode = self.admit("SIM-C8")
        changed = self.recorded("medication_adjusted", episode, {
            "/data/medication/name": "Sertraline", "/data/change": "start", "/data/prescriber": "SIM-P1",
            "/data/regimen/dose": "50", "/data/regimen/unit": "mg", "/data/regimen/frequency": "daily"})
        page = page_html.read(self.reader.get(changed.location.split("#")[0]))
        link = page.one("a", **{"aria-label": "Change Sertraline"})
        form = Form(self.reader, link.get("href"))
        self.assertEqual(
            (form.values["/data/medication/name"], form.values["/data/regimen/dose"],
             form.values["/data/regimen/unit"], form.values["/data/change"]),
            ("Sertraline", "50", "mg", ""))
        self.assertNotIn("Sertraline", form.action)


class Amended(Forms):
    def test_a_correction_shows_what_it_will_change_and_changes_that(self):
        episode = self.admit("SIM-D1")
        self.recorded("session_attended", episode, {
            "/data/session_id": "g9", "/data/kind": "group", "/data/minutes": "180",
            "/occurred_at": "2025-11-04T09:00"})
        event = self.events(episode)[1]["event_id"]
        form = self.form(f"episodes/{episode}/entries/{event}/correct")
        self.assertEqual(form.values["/data/replacement/minutes"], "180")
        self.assertEqual(form.values["/data/replacement_occurred_at"], "2025-11-04T09:00")
        form.send({**AUTHOR, "/data/replacement/minutes": "150", "/data/reason": "left early"},
                  do="preview")
        self.assertEqual(len(self.events(episode)), 2)
        foretold = self.lines(form.page.one("div", "notice", id="changes"))
        self.assertTrue(any("hours 3.0 h → 2.5 h" in line for line in foretold), foretold)
        self.assertEqual(form.send(), 303, form.codes)
        last = self.events(episode)[-1]
        self.assertEqual(last["data"]["replacement"]["minutes"], 150)
        self.assertNotIn("replacement_occurred_at", last["data"])
        page = page_html.read(self.reader.get(f"/ledgers/{HERE}/episodes/{episode}?version=3"))
        told = next(box for box in page.all("div", "notice") if "This version changed" in box.text)
        # The reason stands there too, which was typed beside what will change.
        self.assertEqual([line for line in self.lines(told) if line != "“left early”"], foretold)

    def lines(self, box):
        return [" ".join(line.text.split()) for line in box.all("p")]

    def test_a_retraction_shows_what_it_will_change_and_changes_that(self):
        episode = self.admit("SIM-D2")
        self.recorded("session_attended", episode, {
            "/data/session_id": "g9", "/data/kind": "group", "/data/minutes": "180",
            "/occurred_at": "2025-11-04T09:00"})
        event = self.events(episode)[1]["event_id"]
        form = self.form(f"episodes/{episode}/entries/{event}/retract")
        form.send({**AUTHOR, "/data/reason": "another client"}, do="preview")
        foretold = self.lines(form.page.one("div", "notice", id="changes"))
        self.assertTrue(any("retracted" in line for line in foretold), foretold)
        self.assertEqual(form.send(), 303, form.codes)
        page = page_html.read(self.reader.get(f"/ledgers/{HERE}/episodes/{episode}?version=3"))
        told = next(box for box in page.all("div", "notice") if "This version changed" in box.text)
        self.assertEqual([line for line in self.lines(told) if line != "“another client”"], foretold)
        # What is retracted is not retracted again, and offers no form.
        form = self.form(f"episodes/{episode}/entries/{event}/retract")
        form.send({**AUTHOR, "/data/reason": "again"}, do="preview")
        self.assertEqual((form.status, form.codes), (422, ["target_retracted"]))
        page = page_html.read(self.reader.get(f"/ledgers/{HERE}/episodes/{episode}"))
        links = [link.get("href") for link in page.all("a") if event in (link.get("href") or "")]
        self.assertEqual(links, [])

    def test_what_is_changed_after_it_was_shown_is_shown_again(self):
        episode = self.admit("SIM-D5")
        self.recorded("session_attended", episode, {
            "/data/session_id": "g9", "/data/kind": "group", "/data/minutes": "180"})
        event = self.events(episode)[1]["event_id"]
        form = self.form(f"episodes/{episode}/entries/{event}/correct")
        # Not without a look at all.
        self.assertEqual(form.send({**AUTHOR, "/data/replacement/minutes": "150", "/data/reason": "late"}), 200)
        self.assertIn("hours 3.0 h → 2.5 h", form.page.one("div", "notice", id="changes").text)
        self.assertEqual(form.send({"/data/replacement/minutes": "120"}), 200)
        self.assertIn("hours 3.0 h → 2.0 h", form.page.one("div", "notice", id="changes").text)
        self.assertEqual(len(self.events(episode)), 2)
        self.assertEqual(form.send(), 303)
        self.assertEqual(self.events(episode)[-1]["data"]["replacement"]["minutes"], 120)

    def test_a_correction_keeps_every_character_that_nobody_touched(self):
        episode = self.admit("SIM-D6")
        text = "one\u2028two\u200e three\u0085 \u202eabc\u202c\nfour\n\n\t\u00a0five"
        self.assertEqual(self.post(HERE, episode, {
            "event_id": str(uuid.uuid4()), "type": "completed", "occurred_at": "2025-12-01T10:00:00Z",
            "author": {"id": "SIM-T1", "role": "therapist"},
            "data": {"summary": text, "condition": text, "disposition": "home"}})[0], 201)
        event = self.events(episode)[1]["event_id"]
        page = self.open(f"/ledgers/{HERE}/episodes/{episode}/entries/{event}/correct")
        page.fill("[name='/data/replacement/disposition']", "psy")
        page.fill("[name='/data/reason']", "elsewhere")
        page.select_option("[name='/author/role']", "therapist")
        page.locator("button.main[value=preview]").click()
        page.locator("button.main[value=record]").click()
        page.wait_for_url("**recorded=3**")
        replacement = self.events(episode)[-1]["data"]["replacement"]
        self.assertEqual(replacement, {"summary": text, "condition": text, "disposition": "psy"})

    def test_an_entry_of_another_episode_has_no_form(self):
        first, second = self.admit("SIM-D3"), self.admit("SIM-D4")
        event = self.events(first)[0]["event_id"]
        for path in (f"episodes/{second}/entries/{event}/correct", f"episodes/{second}/entries/x/retract"):
            self.assertEqual(self.reader.once(f"/ledgers/{HERE}/{path}")[0], 404)


class Refused(Forms):
    def test_each_error_stands_beside_its_field_and_what_was_typed_stays(self):
        episode = self.admit("SIM-E1")
        form = self.form(f"record/medication_adjusted?episode={episode}")
        form.send({"/author/role": "wizard", "/data/change": "switch", "/data/regimen/dose": "0",
                   "/data/medication/name": "X" * 5_000, "/occurred_at": "yesterday"})
        self.assertEqual(form.status, 422)
        self.assertTrue(form.page.one("title").text.startswith("Error:"))
        box = form.page.one("div", "summary-of-errors")
        ids = {element.get("id") for element in form.page.all() if element.get("id")}
        links = [link.get("href") for link in box.all("a")]
        self.assertGreaterEqual(len(links), 5)
        for link in links:
            self.assertIn(link[1:], ids)
            errors = [element for element in form.page.all("span", "error")
                      if element.get("id") == f"{link[1:]}-error"]
            self.assertEqual(len(errors), 1, link)
        self.assertEqual(form.values["/data/regimen/dose"], "0")
        self.assertEqual(form.values["/occurred_at"], "yesterday")
        self.assertEqual(form.values["/author/role"], "wizard")

    def test_a_form_from_elsewhere_or_of_somebody_else_writes_nothing(self):
        episode = self.admit("SIM-E2")
        form = self.form(f"record/session_missed?episode={episode}")
        typed = {**form.values, **AUTHOR, "/data/kind": "group", "/data/reason": "no_show", "do": "record"}
        for wrong in ({"form_token": "x"}, {"form_token": ""}):
            self.assertEqual(self.reader.once(form.action, {**typed, **wrong})[0], 403)
        self.assertEqual(len(self.events(episode)), 1)

    def test_random_forms_are_taken_and_refused_as_the_api_does(self):
        number = 2_000 if os.environ.get("EPISODE_LEDGER_LONG") else 250
        chance = random.Random(17)
        episodes = []
        for place in range(8):
            here = self.admit(f"SIM-R{place}")
            event = self.events(here)[0]
            sent = {key: event[key] for key in ("event_id", "type", "occurred_at", "author", "data")}
            self.assertEqual(self.post(THERE, here, sent)[0], 201)
            episodes.append(here)
        taken = 0
        for _ in range(number):
            kind, episode = chance.choice(TYPES), chance.choice(episodes)
            form = self.form(f"record/{kind}?episode={episode}")
            for _ in range(chance.randrange(2)):
                lists = [button.get("value") for button in form.form.all("button")
                         if button.get("name") == "add"]
                if lists:
                    form.send(add=chance.choice(lists))
            typed = {name: self.value(chance, form, name) for name in form.names if name != "/event_id"}
            typed = {name: text for name, text in typed.items() if text is not None}
            status = form.send(typed)
            event = self.event(kind, form.sent)
            expected, codes = self.post(THERE, episode, event)
            with self.subTest(kind=kind, event=event):
                self.assertEqual({303: 201}.get(status, status), expected, form.codes)
                if status == 422:
                    # A page tells them in its own order.
                    self.assertEqual(sorted(form.codes), sorted(codes))
            taken += status == 303
        self.assertGreater(taken, number // 20)
        for episode in episodes:
            here, there = self.events(episode), self.events(episode, THERE)
            self.assertEqual([(event["type"], event["data"]) for event in here],
                             [(event["type"], event["data"]) for event in there])

    def value(self, chance, form, name):
        """Something that fits the field, or does not; None leaves it."""
        field = next(each for each in form.form.all() if each.get("name") == name)
        if field.tag == "select":
            codes = [option.get("value") for option in field.all("option")]
            return chance.choice(codes[1:] or [""]) if chance.random() < 0.93 else chance.choice(["", "x"])
        if name in ("/occurred_at", "/data/last_contact_at"):
            return chance.choice([None] * 8 + ["2025-11-20T10:15", "2025-12-01T22:00:00.5Z", "soon", ""])
        optional = not any(name.endswith(end) for end in (
            "/minutes", "/id", "/name", "/rationale", "/prescriber", "/session_id", "/provider", "/text"))
        if optional and chance.random() < 0.75:
            return ""
        if name.split("/")[-1] in ("minutes", "dose", "times_per_day", "scheduled_minutes", "group_size",
                                   "planned_hours_per_week"):
            return chance.choice(["45", "60", "3", "12", "7.5", "0", "-1", "1e3", "abc", "721", ""]
                                 if chance.random() < 0.2 else ["45", "60", "3", "12"])
        return chance.choice(["note", "SIM-T1", "a b", "<i>"]) if chance.random() < 0.95 else ""

    NUMBERS = ("minutes", "dose", "times_per_day", "scheduled_minutes", "group_size",
               "planned_hours_per_week")
    FLAGS = ("client_present", "counts_toward_hours", "as_needed")
    # Objects that an event of their type must have: what they lack is told at their fields.
    REQUIRED = {"medication_adjusted": ["medication"]}

    def event(self, kind, sent):
        """The event of a form, put together without the program."""
        event = {"type": kind, "event_id": sent["/event_id"], "author": {}, "data": {
            name: {} for name in self.REQUIRED.get(kind, [])}}
        for pointer, text in sent.items():
            if not pointer.startswith("/") or not text or pointer == "/event_id":
                continue
            *path, name = pointer.split("/")[1:]
            if name in self.FLAGS and text in ("true", "false"):
                value = text == "true"
            elif name in self.NUMBERS:
                try:
                    value = json.loads(text)
                except ValueError:
                    value = text
            elif len(text) == 16 and text[10:11] == "T":
                value = f"{text}:00-05:00"
            else:
                value = text
            place = event
            for part in path:
                place = place.setdefault(part, {})
            place[name] = value
        return self.lists(event)

    def lists(self, value):
        """Objects whose names are numbers are lists."""
        if not isinstance(value, dict):
            return value
        inner = {name: self.lists(each) for name, each in value.items()}
        if inner and all(name.isdigit() for name in inner):
            return [inner[name] for name in sorted(inner, key=int)]
        return inner


if __name__ == "__main__":
    unittest.main()
