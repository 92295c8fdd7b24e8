"""A day of a program, by the keyboard alone; then census, attendance and summary say what they must."""

import datetime
import re
import unittest

from ledgers import Story
from pages import Pages, record, wait

LEDGER = "day"
PROGRAM = "iop-adult-day"


class Day(Pages):
    """Nothing is clicked: Tab, letters, digits, Enter and the keys of the pages."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.run("ledgers", "create", LEDGER, "--time-zone", "UTC")
        cls.found.count[LEDGER] = 0
        # The day before, which has had all of its groups.
        cls.day = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)
        cls.members = []
        for number in range(10):
            story = Story(f"day {number}")
            story.admitted(f"{cls.day - datetime.timedelta(days=30)}T09:00:00Z", f"SIM-K{number:02}", PROGRAM)
            record(LEDGER, story)
            cls.members.append(story.episode)

    # ---- the keyboard ------------------------------------------------------------------------

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def reach(self, selector):
        """Tab until something has the focus."""
        for _ in range(400):
            if self.page.evaluate("(s) => document.activeElement.matches(s)", selector):
                return
            self.press("Tab")
        self.fail(f"the keyboard does not reach {selector}")

    def fill(self, **fields):
        """Types into fields by their names; of lists the words that are shown."""
        for name, text in fields.items():
            self.reach(f"[name='{name}']")
            kind = self.page.evaluate("document.activeElement.type")
            if kind == "text":
                self.press("Control+a")
            for part in re.split(r"(→)", text):
                # The year has no end of its own.
                if part == "→":
                    self.press("ArrowRight")
                else:
                    self.page.keyboard.type(part)
            if kind == "select-one":
                chosen = self.page.evaluate("document.activeElement.selectedOptions[0].text")
                self.assertTrue(chosen.startswith(text), f"{name}: {chosen}")

    def enter(self, selector):
        self.reach(selector)
        with self.page.expect_navigation():
            self.press("Enter")

    def record(self, deed, **fields):
        """A form of the episode that is shown, opened with `n` and sent with Enter."""
        self.press("n")
        self.enter(f"a[href*='/record/{deed}']")
        self.send(**fields)

    def send(self, **fields):
        fields = {**fields, "/author/role": "Therapist"}
        self.fill(**fields)
        self.enter("button.main[value=record]")
        self.assertIn("recorded=", self.page.url, self.page.locator("main").inner_text()[:600])
        return int(re.search(r"recorded=(\d+)", self.page.url).group(1))

    def episode(self, client):
        self.press("/")
        self.page.keyboard.type(client)
        with self.page.expect_navigation():
            self.press("Enter")

    def group(self, hour, marks):
        """A sheet of the day at an hour; a digit for each client who has a row, in their order."""
        self.open_page("s")
        date = self.day
        # The field has month, day, year, hour, minute.
        self.fill(start=f"{date:%m%d%Y}→{hour:02}00AM")
        self.enter("button.main")
        self.fill(**{"session/minutes": "60", "session/author/role": "Therapist"})
        self.reach("table.sheet input[type=radio]")
        for mark in marks:
            self.press(mark)
        self.enter(".dock .main")
        self.page.get_by_role("heading", name="Recorded", exact=True).wait_for()

    def open_page(self, key):
        self.press("g")
        with self.page.expect_navigation():
            self.press(key)

    def settle(self):
        wait(self.found, LEDGER, self.service.ask(f"{LEDGER}/events?limit=1", self.token)["head"])

    # ---- the day -----------------------------------------------------------------------------

    def test_the_day(self):
        self.page = self.open(f"/ledgers/{LEDGER}/census")
        for number in (10, 11):
            self.open_page("c")
            with self.page.expect_navigation():
                self.press("n")
            # At midnight, so that they are there for the groups.
            self.fill(**{"/occurred_at": f"{self.day:%m%d%Y}→1200AM"})
            self.send(**{"/data/client_id": f"SIM-K{number:02}", "/data/program": PROGRAM,
                         "/data/level_of_care": "Intensive"})
            self.settle()
        # Attended, late, left early, no-show, client canceled, excused.
        marks = {1: "111111112244", 2: "111111111145", 3: "113111111116"}
        for hour, each in marks.items():
            self.group(hour, each)
        self.settle()
        self.episode("SIM-K00")
        self.record("family_session_held", **{
            "/data/minutes": "50", "/data/client_present": "Yes",
            "/data/participants/0/relation": "Parent"})
        changes = [("Start", "50"), ("Increase", "75"), ("Decrease", "62.5"), ("Stop", "")]
        for change, dose in changes:
            fields = {"/data/change": change, "/data/prescriber": "SIM-P1", "/data/medication/name": "sertraline"}
            if dose:
                fields |= {"/data/regimen/dose": dose, "/data/regimen/unit": "mg"}
            self.record("medication_adjusted", **fields)
        self.episode("SIM-K01")
        self.record("stepped_down", **{
            "/data/from_level": "Intensive", "/data/to_level": "Outpatient", "/data/rationale": "better"})
        self.episode("SIM-K02")
        self.record("completed", **{"/data/disposition": "home", "/data/summary": "as planned"})
        # One correction: somebody of the first group came late; one retraction: a no-show was another's.
        self.amend("SIM-K03", "session_attended", "correct", **{"/data/reason": "came late", "/data/replacement/attendance": "Late"})
        self.amend("SIM-K11", "session_missed", "retract", **{"/data/reason": "another client"})
        self.settle()
        self.check()

    def amend(self, client, kind, deed, **fields):
        self.episode(client)
        episode = re.search(r"/episodes/([0-9a-f-]{36})", self.page.url).group(1)
        events = self.service.ask(f"{LEDGER}/episodes/{episode}/events", self.token)["events"]
        event = next(each for each in events if each["type"] == kind)
        self.enter(f"a[href$='/entries/{event['event_id']}/{deed}']")
        self.fill(**fields, **{"/author/role": "Therapist"})
        self.enter("button[value=preview]:not(.hidden)")
        self.page.locator("#changes").wait_for()
        self.enter("button[value=record]:not(.hidden)")
        self.assertIn("recorded=", self.page.url, self.page.locator("main").inner_text()[:600])

    def check(self):
        census = self.service.ask(f"{LEDGER}/census", self.token)
        levels = {group["level_of_care"]: group["census"] for group in census["groups"]}
        self.assertEqual(levels, {"intensive_outpatient": 10, "outpatient": 1})
        sessions = self.service.ask(f"{LEDGER}/sessions?date={self.day}", self.token)["sessions"]
        groups = [each for each in sessions if each["kind"] == "group"]
        self.assertEqual(len(groups), 3)
        told = [(group["attended"], group["missed"], len(group["unmarked"])) for group in groups]
        # A retracted entry leaves its client unmarked.
        self.assertEqual(told, [(10, 1, 1), (10, 2, 0), (11, 1, 0)])
        late = next(each for each in groups[0]["entries"] if each["client_id"] == "SIM-K03")
        self.assertEqual(late["attendance"], "late")
        ended = self.service.ask(f"{LEDGER}/discharge-summaries", self.token)
        self.assertEqual(len(ended["summaries"]), 1)
        summary = ended["summaries"][0]
        self.assertEqual(summary["client_id"], "SIM-K02")
        self.go(self.page, f"/ledgers/{LEDGER}/census")
        text = self.page.locator("main").inner_text()
        self.assertIn("SIM-K11", text)
        self.assertNotIn("SIM-K02", text)


if __name__ == "__main__":
    unittest.main()
