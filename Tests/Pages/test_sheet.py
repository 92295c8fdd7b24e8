"""The group sheet: nothing preselected, nothing twice, by two people at once and by the keyboard alone."""

import concurrent.futures
import datetime
import unittest
import urllib.parse

import page_html
from forms import Form, values
from ledgers import Story
from pages import Pages, record, wait

LEDGER = "groups"
PROGRAM = "iop-adult-evening"
CLIENTS = 30


def ago(days, time="18:00"):
    day = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=days)
    return f"{day}T{time}:00Z"


class Sheets(Pages):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if LEDGER in cls.found.count:
            return
        cls.service.run("ledgers", "create", LEDGER, "--time-zone", "UTC")
        cls.found.count[LEDGER] = 0
        found = cls.found
        found.members = []
        for number in range(CLIENTS + 2):
            story = Story(f"sheet {number}")
            story.admitted(ago(40), f"SIM-G{number:02}", PROGRAM if number < CLIENTS else "iop-day")
            if number < 20:
                story.add("session_attended", ago(8), session_id="last", kind="group", minutes=90,
                          modality="mi", facilitators=[{"id": "SIM-T9"}])
            record(LEDGER, story)
            found.members.append(str(story.episode))

    def sheet(self, start, **more):
        query = urllib.parse.urlencode(
            {"program": PROGRAM, "kind": "group", "start": start, "facilitator": "SIM-T9", **more})
        return Form(self.reader, f"/ledgers/{LEDGER}/sheet?{query}")

    def events(self, number):
        answer = self.service.ask(
            f"{LEDGER}/episodes/{self.found.members[number]}/events", self.token)
        return [event for event in answer["events"] if event["type"].startswith("session")]

    def mark(self, number, mark, minutes=""):
        episode = self.found.members[number]
        return {f"mark/{episode}": mark, f"minutes/{episode}": minutes}

    ROLE = {"session/author/role": "therapist", "session/author/id": "SIM-T9", "session/minutes": "90"}

    def of(self, number, start):
        """What is recorded of a client at a time."""
        return [event for event in self.events(number) if event["occurred_at"].startswith(start[:16])]


class Sheet(Sheets):
    def test_everybody_enrolled_has_a_row_nothing_is_chosen_and_the_last_session_fills_the_fields(self):
        form = self.sheet(ago(1))
        marks = {name: value for name, value in form.values.items() if name.startswith("mark/")}
        self.assertEqual(set(marks), {f"mark/{episode}" for episode in self.found.members[:CLIENTS]})
        self.assertEqual(set(marks.values()), {""})
        self.assertEqual((form.values["session/minutes"], form.values["session/modality"]), ("90", "mi"))
        rows = [row.get("id") for row in form.page.one("table", "sheet").all("tr") if row.get("id")]
        usual = {f"r-{episode}" for episode in self.found.members[:20]}
        self.assertEqual(set(rows[:20]), usual)
        # Nothing is recorded of what is not marked.
        self.assertEqual(form.send(self.ROLE), 200)
        self.assertEqual(self.of(3, ago(1)), [])

    def test_each_mark_is_an_entry_and_a_sheet_sent_twice_is_recorded_once(self):
        start = ago(2, "17:00")
        form = self.sheet(start)
        marks = [("attended", ""), ("late", "70"), ("left_early", "45"), ("no_show", ""),
                 ("cancelled_by_client", ""), ("excused", "")]
        typed = dict(self.ROLE)
        for number, (mark, minutes) in enumerate(marks):
            typed |= self.mark(number, mark, minutes)
        for _ in range(2):
            self.assertEqual(form.send(typed), 200)
            self.assertEqual(form.page.one("div", "notice", role="status").one("h2").text, "Recorded")
            form.values |= typed
        for number, (mark, minutes) in enumerate(marks):
            found = self.of(number, start)
            self.assertEqual(len(found), 1, mark)
            data = found[0]["data"]
            if number < 3:
                self.assertEqual(data["attendance"], {"attended": "full"}.get(mark, mark))
                self.assertEqual(data["minutes"], int(minutes or 90))
                self.assertEqual(data["facilitators"], [{"id": "SIM-T9"}])
            else:
                self.assertEqual((data["reason"], data["scheduled_minutes"]), (mark, 90))
        ids = {self.of(number, start)[0]["data"]["session_id"] for number in range(len(marks))}
        self.assertEqual(len(ids), 1)
        # The sheet knows them, and the day's list counts them.
        wait(self.found, LEDGER, self.service.ask(f"{LEDGER}/events?limit=1", self.token)["head"])
        again = self.sheet(start)
        self.assertNotIn(f"mark/{self.found.members[0]}", again.values)
        self.assertIn("Recorded: late, 70 min", " ".join(again.page.one("table", "sheet").text.split()))

    def test_two_people_at_once_record_each_client_once(self):
        start = ago(3, "16:00")
        first, second = self.sheet(start), self.sheet(start)
        typed = dict(self.ROLE)
        for number in range(10):
            typed |= self.mark(number, "attended")
        other = dict(typed) | self.mark(4, "no_show")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            statuses = list(pool.map(
                lambda each: each[0].send(each[1]), [(first, typed), (second, other)]))
        self.assertEqual(statuses, [200, 200])
        for number in range(10):
            self.assertEqual(len(self.of(number, start)), 1, number)
        told = " ".join(form.page.one("table", "sheet").text for form in (first, second))
        self.assertEqual(told.count("not as you marked it"), 1)
        self.assertIn("by SIM-T9", told)

    def test_another_mark_than_the_one_that_is_there_already_is_told(self):
        start = ago(12, "16:30")
        late = self.sheet(start)
        self.assertEqual(self.sheet(start).send(self.ROLE | self.mark(2, "no_show") | self.mark(3, "attended")), 200)
        wait(self.found, LEDGER, self.service.ask(f"{LEDGER}/events?limit=1", self.token)["head"])
        # By somebody else, ten seconds later: one mark is another, one is the same.
        typed = self.ROLE | {"session/author/id": "SIM-T8"} | self.mark(2, "attended") | self.mark(3, "attended")
        self.assertEqual(late.send(typed), 200)
        text = " ".join(late.page.one("table", "sheet").text.split())
        self.assertEqual(text.count("Recorded as no-show by SIM-T9, not as you marked it"), 1)
        self.assertEqual(late.page.one("div", "notice", role="status").one("h2").text, "Not all is recorded")
        for number, kind in ((2, "session_missed"), (3, "session_attended")):
            self.assertEqual([each["type"] for each in self.of(number, start)], [kind])

    def test_a_series_that_has_one_id_is_another_session_each_week(self):
        for start in (ago(14, "19:00"), ago(7, "19:00")):
            form = self.sheet(start, session="TUE-CBT")
            self.assertEqual(form.send(self.ROLE | self.mark(5, "attended")), 200)
            self.assertEqual(self.of(5, start)[0]["data"]["session_id"], "TUE-CBT")

    def test_a_sheet_comes_back_while_nobody_can_append_and_is_recorded_once(self):
        start = ago(13, "19:30")
        form = self.sheet(start)
        typed = self.ROLE | self.mark(6, "attended") | self.mark(7, "excused")
        fields = {**form.values, **typed, "do": "record"}
        with self.service.locked("ledger_head", "exclusive"):
            status, _, text = self.reader.once(form.action, fields)
        self.assertEqual(status, 503)
        self.assertNotIn("SIM-G06", text)
        kept = next(each for each in page_html.read(text).all("form") if each.get("action") == form.action)
        self.assertEqual(values(kept), fields)
        for _ in range(2):
            self.assertEqual(self.reader.once(form.action, values(kept))[0], 200)
        self.assertEqual([len(self.of(number, start)) for number in (6, 7)], [1, 1])

    def test_a_wrong_row_stops_the_sheet_before_anything_is_recorded(self):
        start = ago(4, "15:00")
        form = self.sheet(start)
        typed = self.ROLE | self.mark(0, "attended") | self.mark(1, "late", "721") | self.mark(2, "late", "x")
        self.assertEqual(form.send(typed), 422)
        self.assertEqual(sorted(form.codes), ["out_of_range", "wrong_type"])
        for number in range(3):
            self.assertEqual(self.of(number, start), [])
        self.assertEqual(form.values[f"mark/{self.found.members[0]}"], "attended")
        self.assertEqual(form.values[f"minutes/{self.found.members[1]}"], "721")
        ids = {element.get("id") for element in form.page.all() if element.get("id")}
        for link in form.page.one("div", "summary-of-errors").all("a"):
            self.assertIn(link.get("href")[1:], ids)
        self.assertEqual(form.send(self.mark(1, "late", "72") | self.mark(2, "late", "")), 200)
        self.assertEqual([len(self.of(number, start)) for number in range(3)], [1, 1, 1])
        self.assertEqual(form.send({"session/author/role": ""}), 200)

    def test_who_is_not_marked_can_be_marked_at_once_and_a_program_cancels_for_all(self):
        start = ago(5, "14:00")
        form = self.sheet(start)
        self.assertEqual(form.send(self.ROLE | self.mark(7, "no_show"), do="rest"), 200)
        self.assertEqual(self.of(8, start), [])
        marks = [value for name, value in form.values.items() if name.startswith("mark/")]
        self.assertEqual((marks.count("attended"), marks.count("no_show")), (CLIENTS - 1, 1))
        self.assertEqual(form.send(), 200)
        self.assertEqual(self.of(8, start)[0]["type"], "session_attended")
        self.assertEqual(self.of(7, start)[0]["type"], "session_missed")
        start = ago(6, "13:00")
        form = self.sheet(start)
        self.assertEqual(form.send(self.ROLE, do="cancelled"), 200)
        reasons = {self.of(number, start)[0]["data"]["reason"] for number in range(CLIENTS)}
        self.assertEqual(reasons, {"cancelled_by_program"})

    def test_somebody_of_another_program_can_be_added(self):
        start = ago(7, "12:00")
        form = self.sheet(start)
        self.assertEqual(form.send({**self.ROLE, "add_key": "SIM-NOBODY"}, do="add"), 422)
        self.assertEqual(form.codes, ["unknown_client"])
        self.assertEqual(form.values["add_key"], "SIM-NOBODY")
        # Enter in the field adds, and records nothing.
        self.assertEqual(form.send({"add_key": f"SIM-G{CLIENTS}", **self.mark(9, "attended")}), 200)
        self.assertEqual(self.of(9, start), [])
        self.assertEqual(form.send(self.mark(CLIENTS, "attended")), 200)
        self.assertEqual(len(self.of(CLIENTS, start)), 1)
        # Of a client who came back later, the episode of then; before the first, nobody's.
        story = Story("sheet again")
        story.admitted(ago(3), f"SIM-G{CLIENTS}", "iop-day")
        record(LEDGER, story)
        form = self.sheet(ago(7, "12:30"))
        form.send(add_key := {"add_key": f"SIM-G{CLIENTS}"}, do="add")
        self.assertIn(f"mark/{self.found.members[CLIENTS]}", form.values)
        self.assertEqual(self.sheet(ago(60)).send(add_key, do="add"), 422)

    def test_after_a_retraction_the_client_can_be_marked_anew(self):
        start = ago(9, "11:00")
        self.assertEqual(self.sheet(start).send(self.ROLE | self.mark(0, "no_show")), 200)
        event = self.of(0, start)[0]["event_id"]
        stale = self.sheet(start)
        stale.values |= self.ROLE | self.mark(0, "no_show")
        form = Form(self.reader, f"/ledgers/{LEDGER}/episodes/{self.found.members[0]}/entries/{event}/retract")
        form.send({"/data/reason": "wrong row", "/author/role": "therapist"}, do="preview")
        self.assertEqual(form.send(), 303, form.codes)
        # A sheet that was open before does not record what was retracted anew by itself.
        self.assertEqual(stale.send(), 200)
        self.assertIn("was retracted since you opened this sheet", stale.page.one("table", "sheet").text)
        self.assertEqual(len(self.of(0, start)), 1)
        wait(self.found, LEDGER, self.service.ask(f"{LEDGER}/events?limit=1", self.token)["head"])
        form = self.sheet(start)
        for _ in range(2):
            self.assertEqual(form.send(self.ROLE | self.mark(0, "attended")), 200)
        self.assertEqual([each["type"] for each in self.of(0, start)],
                         ["session_missed", "session_attended"])

    def test_a_session_is_named_wholly_or_not_at_all(self):
        for query in (f"program={PROGRAM}", "start=2026-01-05T10:00", f"program={PROGRAM}&start=soon",
                      f"program={PROGRAM}&start=2199-01-05T10:00", "kind=party"):
            self.assertEqual(self.reader.once(f"/ledgers/{LEDGER}/sheet?{query}")[0], 400, query)


class Keyboard(Sheets):
    def test_thirty_clients_who_all_came_take_twelve_keys_and_each_by_hand_forty_two(self):
        for deed in ("all", "each"):
            start = ago(10 if deed == "all" else 11, "10:00")
            query = urllib.parse.urlencode(
                {"program": PROGRAM, "kind": "group", "start": start, "facilitator": "SIM-T9"})
            page = self.open(f"/ledgers/{LEDGER}/sheet?{query}")
            # Who signs in with a provider has a role already.
            page.select_option("[name='session/author/role']", "therapist")
            page.fill("[name='session/minutes']", "90")
            page.locator("table.sheet input[type=radio]").first.focus()
            pressed = 0

            def press(key):
                nonlocal pressed
                pressed += 1
                page.keyboard.press(key)

            if deed == "all":
                with page.expect_navigation():
                    press("a")
            else:
                press("ArrowDown")
                press("ArrowUp")
                self.assertEqual(page.locator("table.sheet input:checked:not([value=''])").count(), 0)
                for number in range(CLIENTS):
                    press(str(1 + number % 6))
            with page.expect_navigation():
                press("Enter")
            self.assertLessEqual(pressed, 12 if deed == "all" else 42)
            page.get_by_role("heading", name="Recorded", exact=True).wait_for()
            self.assertEqual(len(self.of(29, start)), 1)
            if deed == "each":
                kinds = [self.of(number, start)[0]["data"].get("attendance", "missed") for number in range(6)]
                self.assertEqual(sorted(kinds), ["full", "late", "left_early", "missed", "missed", "missed"])


if __name__ == "__main__":
    unittest.main()
