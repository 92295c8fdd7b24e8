"""What would be HTML in a record stays text, on every page and in every field."""

import re
import unittest

from playwright.sync_api import expect

import ledgers
from pages import PAGES, TABS, Pages

ELEMENTS = "img, script:not([src]), body b[a], iframe, object, embed, [onerror], [onload], [style]"


class Hostile(Pages):
    """One event of each type, with HTML in each text field; the browser reports no violation."""

    def check(self, page, path):
        self.go(page, path)
        self.assertEqual(page.locator(ELEMENTS).count(), 0, path)
        self.assertEqual(page.locator("main").count(), 1, path)
        self.assertNotIn("<img", page.title(), path)

    def test_every_page_shows_it_as_text(self):
        page = self.open("/account")
        for name in PAGES:
            self.check(page, f"/ledgers/hostile/{name}")
            # Nobody has left this month, or is told of among the outcomes.
            if name not in ("summaries", "outcomes"):
                expect(page.locator("main")).to_contain_text(ledgers.HOSTILE)
        for query in ("census?flag=any", "census?view=wall", "census?order=client",
                      "attendance?flag=all", "summaries?from=2025-11-01&to=2025-11-30",
                      "outcomes?from=2025-11-01&to=2025-11-30",
                      "census?date=2025-11-20&compare=2025-11-10",
                      "medication?date=2025-11-20&compare=2025-11-01",
                      "attendance?date=2025-11-20&compare=2025-11-01",
                      "summaries?from=2025-11-01&to=2025-11-30&compare=2025-11-10",
                      "search"):
            self.check(page, f"/ledgers/hostile/{query}")
        for tab in TABS:
            for query in ("", "?version=12", "?compare=2025-11-10", "?known_at=2025-11-12",
                          "?version=16"):
                if tab == "/proof" and "compare" in query:
                    continue
                self.check(page, f"/ledgers/hostile/episodes/{self.found.hostile}{tab}{query}")

    def test_each_type_of_event_shows_what_it_says(self):
        page = self.open(f"/ledgers/hostile/episodes/{self.found.hostile}")
        story, _ = ledgers.hostile()
        rows = page.locator("tr[data-row]")
        self.assertEqual(rows.count(), len(story.events))
        for number, event in enumerate(story.events, 1):
            row = page.locator(f"#v{number}")
            # The author at the least.
            expect(row.locator(".by")).to_contain_text(ledgers.HOSTILE)
            if event["type"] not in ("session_missed", "family_session_held"):
                self.assertIn(ledgers.HOSTILE, row.locator(".what").inner_text(), event["type"])
        # No type of event is missing.
        self.assertEqual({event["type"] for event in story.events}, {
            "admitted", "session_attended", "session_missed", "family_session_held",
            "medication_adjusted", "stepped_up", "stepped_down", "program_changed", "completed",
            "discharged", "entry_corrected", "entry_retracted"})

    def test_the_summary_shows_every_field_that_it_has(self):
        page = self.open(f"/ledgers/hostile/episodes/{self.found.hostile}/summary")
        text = page.locator("main").inner_text()
        # Condition, goals, diagnoses, aftercare, instructions, summary, medication and its reason.
        self.assertGreater(text.count(ledgers.HOSTILE), 10)

    def test_what_is_sought_and_what_is_wrong_in_an_address_stays_text(self):
        page = self.open("/ledgers/hostile/census")
        page.locator("#q").fill(ledgers.HOSTILE)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/search|/episodes/"))
        self.assertEqual(page.locator(ELEMENTS).count(), 0)
        wrong = "%3Cimg%20src=x%20onerror=alert(1)%3E"
        for path in (f"/ledgers/hostile/census?{wrong}=1", f"/ledgers/hostile/census?date={wrong}",
                     f"/ledgers/hostile/census?program={wrong}", f"/ledgers/hostile/{wrong}",
                     f"/ledgers/{wrong}/census", f"/sign-in/once/{wrong}",
                     f"/ledgers/hostile/episodes/{wrong}"):
            self.status(page, path)
            self.assertEqual(page.locator(ELEMENTS).count(), 0, path)
        # The statuses alone are complaints: a violation of the policy would be another.
        self.assertEqual([text for text in self.complaints
                          if not text.startswith("Failed to load resource")], [])
        self.forget_complaints()

    def test_nothing_of_a_record_is_in_a_log(self):
        printed = self.service.printed()
        for text in ("onerror", "SIM-", "buprenorphine"):
            self.assertNotIn(text, printed)


if __name__ == "__main__":
    unittest.main()
