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


# What lies beyond the page, or beyond a table that may be wider than the page: drawings may.
BEYOND = """() => {
    const found = [];
    const width = document.documentElement.clientWidth;
    for (const element of document.body.querySelectorAll("*")) {
        if (element.closest(".hidden, svg, details:not([open]) > :not(summary)")) continue;
        const box = element.getBoundingClientRect();
        if (!box.width || element.closest(".scroll")?.contains(element.parentElement)) continue;
        if (box.right > width + 1) {
            found.push(`${element.tagName}.${element.getAttribute("class")} to ${box.right}`);
        }
    }
    for (const region of document.querySelectorAll(".scroll, .document section")) {
        if (region.querySelector(":scope > svg")) continue;
        const over = region.scrollWidth - region.clientWidth;
        if (over > 1) found.push(`${region.getAttribute("aria-label")} by ${over}`);
    }
    return found.slice(0, 5);
}"""
# Tables of figures alone, which a narrow screen scrolls.
FIGURES = ("Retention", "Table of ends", "Table of months", "Table of weeks",
           "Table of leaf hashes", "Table of who looked", "Table of what differs")


class Long(Pages):
    """One event of each type, with 300 letters and no blank in each text field: all of it can be
    read."""

    def paths(self):
        ended = f"episodes/{self.found.long}"
        return ["census", "census?date=2025-11-20&compare=2025-11-10", "attendance?flag=all",
                "summaries?from=2025-11-01&to=2025-11-30",
                "outcomes?from=2025-11-01&to=2025-11-30",
                f"medication?episode={self.found.long_open}", ended, f"{ended}?version=15",
                f"{ended}/medication?version=15", f"{ended}/attendance", f"{ended}/summary",
                f"{ended}/proof"]

    def test_no_word_runs_beyond_the_edge(self):
        for width in (320, 375, 1280):
            page = self.open("/account", viewport={"width": width, "height": 800})
            for path in self.paths():
                self.go(page, f"/ledgers/long/{path}")
                self.assertLessEqual(
                    page.evaluate("document.documentElement.scrollWidth"), width, path)
                beyond = [words for words in page.evaluate(BEYOND)
                          if width > 736 or not words.startswith(FIGURES)]
                self.assertEqual(beyond, [], f"{path} at {width}")

    def test_no_word_runs_beyond_the_paper(self):
        # A4 and Letter, between margins of 12 mm.
        for width in (702, 725):
            page = self.open("/account", viewport={"width": width, "height": 1000})
            page.emulate_media(media="print")
            for path in self.paths():
                self.go(page, f"/ledgers/long/{path}")
                self.assertLessEqual(
                    page.evaluate("document.documentElement.scrollWidth"), width, path)


class Narrow(Pages):
    """Of a screen of 320 px: what must be read or pressed lies on it."""

    def test_the_wall_fits_its_width(self):
        page = self.open("/ledgers/demo/census?date=2025-12-31&view=wall",
                         viewport={"width": 320, "height": 640})
        self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), 320)
        self.assertEqual(page.evaluate(BEYOND), [])

    def test_entries_are_cards(self):
        page = self.open(f"/ledgers/steps/episodes/{self.found.sixty}",
                         viewport={"width": 320, "height": 640})
        self.assertEqual(page.evaluate(BEYOND), [])
        card = page.locator("#v20")
        for words in ("Session attended", "Corrected by", "SIM-T1"):
            expect(card).to_contain_text(words)

    def test_nothing_in_the_list_of_keys_overlaps(self):
        page = self.open("/ledgers/demo/census?date=2025-12-31",
                         viewport={"width": 320, "height": 640})
        page.keyboard.press("?")
        close = page.locator("#keys button").bounding_box()
        other = page.locator("#keys form a").bounding_box()
        # The outline of what has the focus is 3 px wide, and 2 px away.
        self.assertGreaterEqual(other["x"], close["x"] + close["width"] + 5)


if __name__ == "__main__":
    unittest.main()
