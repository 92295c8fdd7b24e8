"""An episode step by step, and what was corrected, retracted and known late."""

import pathlib
import re
import subprocess
import tempfile
import unittest
import zipfile

from playwright.sync_api import expect

import ledgers
from page_html import read, table
from pages import Pages, tenths

STEPS = "/ledgers/steps/episodes"


class EveryVersion(Pages):
    def drugs(self, tree):
        """What the panel says is in force: name and dose."""
        panel = tree.one("section", **{"aria-labelledby": "h-med"})
        return sorted(
            next(drug.all("b")).text
            + "".join(f" {part.text.removeprefix('DOSE ')}" for part in drug.all("span", "nb"))
            for drug in panel.all("span", "drug"))

    def test_each_of_60_versions_shows_the_state_that_the_api_answers(self):
        episode = self.found.sixty
        newest = 60
        for version in range(1, newest + 1):
            tree = read(self.reader.get(f"{STEPS}/{episode}?version={version}"))
            asked = f"episode={episode}&version={version}"
            attendance = self.service.ask(f"steps/attendance?{asked}", self.token)
            review = self.service.ask(f"steps/medication-review?{asked}", self.token)
            weeks = attendance["weeks"]
            missed = sum(week["missed"].get("no_show", 0) for week in weeks)
            attended = sum(week["attended"] for week in weeks)
            facts = tree.one("main").one("dl", "facts").text
            self.assertIn(f"{attended} of {attended + missed} expected", facts, version)
            if weeks:
                self.assertIn(f"{tenths(weeks[-1]['hours'])} of 9 planned", facts, version)
            expected = sorted(
                f"{drug['medication']['name']} {drug['regimen']['dose']:g} mg"
                for drug in review["active"])
            self.assertEqual(self.drugs(tree), expected, version)
            # The rows after it are dimmed, and it alone is the current one.
            rows = list(tree.one("table", "events").all("tr", **{"data-row": ""}))
            self.assertEqual(len(rows), newest)
            later = [row.get("id") for row in rows if "later" in row.classes]
            self.assertEqual(later, [f"v{n}" for n in range(version + 1, newest + 1)])
            current = [row.get("id") for row in rows if row.get("aria-current") == "step"]
            self.assertEqual(current, [f"v{version}"])
            heading = next(tree.all("div", "head")).text
            self.assertIn(f"As after version {version}:", heading)
            self.assertEqual("Now: ended" in heading, version < newest, heading)

    def test_the_weeks_and_the_summary_at_a_version_are_the_apis(self):
        episode = self.found.sixty
        for version in (1, 20, 29, 31, 41, 42, 59, 60):
            path = f"{STEPS}/{episode}"
            asked = f"episode={episode}&version={version}"
            weeks = self.service.ask(f"steps/attendance?{asked}", self.token)["weeks"]
            tree = read(self.reader.get(f"{path}/attendance?version={version}"))
            shown = table(tree.one("section", **{"aria-labelledby": "h-weeks"}).one("table"))
            expected = [
                (str(week["attended"]), f"{tenths(week['hours'])} h") for week in reversed(weeks)]
            columns = [cell.text for cell in tree.one("thead").all("th")]
            hours = columns.index("Hours")
            self.assertEqual([(row[1], row[hours]) for row in shown], expected, version)
            summary = self.service.ask(
                f"steps/discharge-summaries/{episode}?interim=true&version={version}", self.token)
            text = read(self.reader.get(f"{path}/summary?version={version}")).one("main").text
            self.assertEqual("interim" in text.lower(), version < 60, version)

    def test_the_command_line_replays_the_same(self):
        episode = self.found.sixty
        for version in (19, 42, 60):
            answer = self.service.run(
                "replay", "--episode", episode, "--ledger", "steps", "--at-version", str(version),
                "--format", "text")
            tree = read(self.reader.get(f"{STEPS}/{episode}?version={version}"))
            rows = list(tree.one("table", "events").all("tr", **{"data-row": ""}))
            shown = [row for row in rows if "later" not in row.classes]
            self.assertEqual(len(shown), version)
            for row in shown:
                number = row.get("id")[1:]
                self.assertRegex(answer, rf"(?m)^\W*{number}\b")


class Keyboard(Pages):
    def test_brackets_step_through_sixty_versions_and_back(self):
        page = self.open(f"{STEPS}/{self.found.sixty}")
        for version in range(60, 0, -1):
            page.keyboard.press("[")
            page.wait_for_url(re.compile(rf"[?&]version={version}(&|#|$)"))
            expect(page.locator(f"#v{version}[aria-current=step]")).to_have_count(1)
        # There is nothing before the first.
        page.keyboard.press("[")
        self.assertIn("version=1", page.url)
        for version in (2, 3):
            page.keyboard.press("]")
            page.wait_for_url(re.compile(rf"[?&]version={version}(&|#|$)"))

    def test_the_number_and_the_slider_lead_to_a_version_and_first_and_newest_do(self):
        page = self.open(f"{STEPS}/{self.found.sixty}")
        page.locator("#v-number").fill("42")
        page.get_by_role("button", name="Go").click()
        page.wait_for_url(re.compile("version=42"))
        page.locator("#v-slide").fill("17")
        page.get_by_role("group", name="Step through the versions").get_by_role(
            "button", name="Show").click()
        page.wait_for_url(re.compile("version=17"))
        page.get_by_role("link", name="First version").click()
        page.wait_for_url(re.compile("version=1$"))
        page.get_by_role("link", name="Newest version", exact=True).click()
        page.wait_for_url(re.compile(rf"{self.found.sixty}$"))


class Amendments(Pages):
    def row(self, page, version):
        return page.locator(f"#v{version}")

    def test_a_corrected_entry_shows_both_values_and_by_what_and_not_before_it_was_known(self):
        page = self.open(f"{STEPS}/{self.found.sixty}")
        row = self.row(page, ledgers.CORRECTED)
        was, now = row.locator(".what .was"), row.locator(".what .now")
        expect(was).to_contain_text("180")
        expect(was).to_have_css("text-decoration-line", "line-through")
        expect(now).to_contain_text("90")
        self.assertIn("dotted", now.evaluate("e => getComputedStyle(e).textDecorationStyle "
                                             "+ getComputedStyle(e).borderBottomStyle"))
        chip = row.get_by_role("link", name=f"Corrected by {ledgers.CORRECTION}")
        chip.click()
        page.wait_for_url(re.compile(rf"#v{ledgers.CORRECTION}$"))
        # As known the day before, and after the version before: one value, no chip.
        day = self.found_day(ledgers.CORRECTION)
        for query in (f"?known_at={day}T00:00", f"?version={ledgers.CORRECTION - 1}"):
            self.go(page, f"{STEPS}/{self.found.sixty}{query}")
            expect(row.locator(".what")).to_contain_text("180")
            expect(row.locator(".was")).to_have_count(0)
            expect(row.locator(".chip")).to_have_count(0)
            expect(self.row(page, ledgers.CORRECTION)).to_have_class(re.compile("later"))

    def found_day(self, version):
        return ledgers.sixty().events[version - 1]["occurred_at"][:10]

    def test_a_retracted_entry_is_struck_through_with_reason_and_author_and_gone_elsewhere(self):
        page = self.open(f"{STEPS}/{self.found.sixty}")
        row = self.row(page, ledgers.MISTAKE)
        expect(row).to_have_class(re.compile("retracted"))
        expect(row.locator(".what .said")).to_have_css("text-decoration-line", "line-through")
        expect(row.get_by_role("link", name=f"Retracted by {ledgers.RETRACTION}")).to_be_visible()
        expect(row).to_contain_text("“of another client”, SIM-T2")
        day = self.found_day(ledgers.RETRACTION)
        self.go(page, f"{STEPS}/{self.found.sixty}?known_at={day}T00:00")
        expect(row).not_to_have_class(re.compile("retracted"))
        # The other pages say that one entry is not in them, and lead to it.
        for tab, says in (("attendance", True), ("summary", True), ("medication", False)):
            self.go(page, f"{STEPS}/{self.found.sixty}/{tab}")
            note = page.get_by_role("link", name="1 entry retracted")
            expect(note).to_have_count(1 if says else 0)
        self.go(page, f"{STEPS}/{self.found.sixty}/attendance")
        note = page.get_by_role("link", name="1 entry retracted")
        self.assertTrue(note.get_attribute("href").endswith(f"#v{ledgers.MISTAKE}"))
        self.go(page, f"{STEPS}/{self.found.sixty}/attendance?known_at={day}T00:00")
        expect(page.get_by_role("link", name="1 entry retracted")).to_have_count(0)

    def test_a_late_entry_says_by_how_much(self):
        page = self.open(f"{STEPS}/{self.found.sixty}")
        expect(self.row(page, ledgers.LATE).locator(".chip")).to_have_text("Late, 3 d 2 h")
        self.assertEqual(page.locator(".chip", has_text="Late,").count(), 1)

    def test_entries_by_happening_are_in_the_order_of_what_counts(self):
        page = self.open(f"{STEPS}/{self.found.sixty}?by=happening")
        shown = page.locator("tr[data-row]").evaluate_all("rows => rows.map(row => row.id)")
        self.assertEqual(sorted(shown, key=lambda name: int(name[1:])),
                         [f"v{n}" for n in range(1, 61)])
        # The late one stands where it happened, before what was known before it.
        self.assertLess(shown.index(f"v{ledgers.LATE}"), shown.index(f"v{ledgers.LATE - 3}"))
        page.get_by_role("link", name="by when they were recorded").click()
        page.wait_for_url(re.compile(rf"{self.found.sixty}$"))


class Auditor(Pages):
    def test_what_version_42_changed_is_told_beside_the_state(self):
        page = self.open(f"{STEPS}/{self.found.sixty}?version={ledgers.CORRECTION}")
        told = page.locator(".notice.known", has_text="This version changed")
        expect(told).to_contain_text("180")
        expect(told).to_contain_text("90")
        expect(told).to_contain_text("left at half time")
        expect(told).to_contain_text("Week of")

    def test_two_knowledge_times_are_compared_by_part_before_after_and_entries(self):
        page = self.open(f"{STEPS}/{self.found.sixty}")
        events = ledgers.sixty().events
        first = events[ledgers.CORRECTION - 2]["occurred_at"][:10]
        second = events[ledgers.CORRECTION]["occurred_at"][:10]
        page.locator("details.change summary").click()
        page.locator("#k-k").fill(f"{second}T23:00")
        page.locator("#k-c").fill(f"{first}T23:00")
        page.locator("details.change").get_by_role("button", name="Show").click()
        panel = page.locator("section", has=page.locator("#h-diff"))
        answer = self.service.ask(
            f"steps/episodes/{self.found.sixty}?diff={first}T23:00:00-04:00,{second}T23:00:00-04:00",
            self.token)
        self.assertGreater(len(answer["differences"]), 0)
        expect(panel.locator("tbody tr").first).to_be_visible()
        self.assertGreaterEqual(panel.locator("tbody tr").count(), len(answer["differences"]))
        expect(panel).to_contain_text("180")
        expect(panel).to_contain_text("90")
        expect(panel.get_by_role("link", name=str(ledgers.CORRECTION), exact=True).first
               ).to_be_visible()

    def test_a_packet_taken_from_the_page_is_accepted_by_its_verifier(self):
        page = self.open(f"{STEPS}/{self.found.sixty}/proof")
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile("packet", re.I)).click()
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(download.value.path()) as packet:
                packet.extractall(folder)
            key = self.service.run("checkpoint", "--ledger", "steps", "--verifier-key").strip()
            done = subprocess.run(
                ["python3", "-B", f"{folder}/verify.py", key], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertTrue(done.stdout.startswith("OK: 60 events"), done.stdout)
            # And not once a letter is another.
            path = pathlib.Path(folder) / "readable-events.ndjson"
            text = path.read_text()
            self.assertIn("topic 7", text)
            path.write_text(text.replace("topic 7", "topic 8", 1))
            done = subprocess.run(
                ["python3", "-B", f"{folder}/verify.py", key], capture_output=True, text=True)
            self.assertNotEqual(done.returncode, 0)

    def test_every_entry_has_a_proof_and_who_looked_is_told(self):
        page = self.open(f"{STEPS}/{self.found.sixty}/proof")
        rows = page.locator("section", has=page.locator("#h-leaves")).locator("tr[data-row]")
        self.assertEqual(rows.count(), 60)
        rows.nth(4).get_by_role("link").last.click()
        page.wait_for_url(re.compile("entry=5"))
        self.assertGreater(page.locator("ol.id li").count(), 3)
        looks = page.locator("section", has=page.locator("#h-looks"))
        expect(looks).to_contain_text("What proves the entries of an episode")


if __name__ == "__main__":
    unittest.main()
