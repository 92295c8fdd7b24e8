"""The two clocks: kept by every link and form, read by the ledger's wall clock."""

import re
import unittest
import urllib.parse

from playwright.sync_api import expect

from page_html import read
from pages import DAY, LEDGER, PAGES, TABS, Pages

CLOCKS = {
    "date": "2025-11-20", "known_at": "2025-11-30T17:00", "known_by": "source",
    "compare": "2025-11-25",
}
QUERY = urllib.parse.urlencode(CLOCKS)


def query(href):
    return {name: values[0] for name, values in
            urllib.parse.parse_qs(urllib.parse.urlsplit(href).query).items()}


class Kept(Pages):
    """A page with both clocks set: nothing on it leaves them, but what is there to leave them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.trees = [(path, read(cls.reader.get(path))) for path in cls.paths()]

    @classmethod
    def paths(cls):
        ledger = f"/ledgers/{LEDGER}"
        attendance = cls.service.ask(
            f"{LEDGER}/attendance?effective_at=2025-11-20", cls.token)["enrolled"]
        episode = attendance[3]["episode_id"]
        yield from (f"{ledger}/{name}?{QUERY}" for name in PAGES)
        yield f"{ledger}/census?{QUERY}&flag=any&order=client"
        yield f"{ledger}/attendance?{QUERY}&flag=all"
        yield f"{ledger}/outcomes?{QUERY}&from=2025-10-01&to=2025-11-20"
        yield f"{ledger}/search?{QUERY}"
        yield from (f"{ledger}/episodes/{episode}{tab}?{QUERY}" for tab in TABS)

    def test_every_link_of_every_page_keeps_them(self):
        for path, tree in self.trees:
            links = [link for link in tree.all("a")
                     if (link.get("href") or "").startswith("/ledgers/")]
            self.assertGreater(len(links), 8, path)
            for link in links:
                given = query(link.get("href"))
                if "version" in given or link.get("href").endswith("/packet"):
                    # The episode as a version left it: a time of its own.
                    continue
                if link.within("section", "clocks"):
                    self.step(link, given)
                    continue
                for name, value in CLOCKS.items():
                    self.assertEqual(given.get(name), value, f"{path}: {link.get('href')}")
                if "outcomes?" in path and "from=" in path:
                    self.assertEqual(given.get("from"), "2025-10-01", link.get("href"))

    def step(self, link, given):
        """What changes a clock leaves the other one, unless it says so."""
        words = link.text
        if words == "Back to now":
            self.assertEqual({"date", "known_at", "known_by", "compare"} & set(given), set())
        elif words in ("◀", "▶"):
            self.assertIn(given["date"], ("2025-11-19", "2025-11-21"))
            self.assertEqual(given["known_at"], CLOCKS["known_at"])
            self.assertEqual(given["compare"], CLOCKS["compare"])
        elif words == "As known that day":
            self.assertEqual(given["known_at"], given["date"])
        elif words.startswith(("What changed since", "Since ")):
            self.assertEqual(given["date"], CLOCKS["date"])
            self.assertNotIn("known_at", given)
            self.assertIn("compare", given)
        else:
            self.fail(f"a link of the clocks that no test knows: {words}")

    def test_every_form_of_every_page_keeps_them(self):
        for path, tree in self.trees:
            forms = [form for form in tree.all("form") if form.get("action") != "/sign-out"]
            self.assertGreaterEqual(len(forms), 2, path)
            for form in forms:
                if "step" in form.classes or form.get("method") == "dialog":
                    # To a version, a time of its own; or nowhere.
                    continue
                given = query(form.get("action"))
                for field in form.all("input"):
                    if field.get("value"):
                        given[field.get("name")] = field.get("value")
                for choice in form.all("select"):
                    chosen = [option for option in choice.all("option")
                              if option.get("selected") is not None]
                    if chosen:
                        given[choice.get("name")] = chosen[0].get("value")
                for name, value in CLOCKS.items():
                    # The field of a time has its minutes.
                    shown = given.get(name, "")
                    if form.within("details", "change") and name == "compare":
                        value = "2025-11-26T00:00"
                    self.assertEqual(shown, value, f"{path}: {form.get('action')} {name}")

    def test_what_is_found_is_opened_at_them(self):
        page = self.open(f"/ledgers/{LEDGER}/census?{QUERY}")
        key = page.locator("tr[data-row] .name").first.inner_text()
        page.keyboard.press("/")
        page.keyboard.type(key)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/episodes/|/search"))
        for name, value in CLOCKS.items():
            self.assertEqual(query(page.url).get(name), value, page.url)
        # Several: a list, whose links keep them, and whose clocks lead to no error.
        page.keyboard.press("/")
        page.keyboard.type("SIM")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/search"))
        for link in page.locator("tr[data-row] a").all()[:5]:
            for name, value in CLOCKS.items():
                self.assertEqual(query(link.get_attribute("href")).get(name), value)
        page.get_by_role("link", name=re.compile("One day earlier")).click()
        expect(page.locator("h1")).to_have_text("Search")

    def test_pages_of_a_list_are_at_the_same_time(self):
        rows = self.service.ask(f"{LEDGER}/discharge-summaries?from=2025-09-01&to={DAY}",
                                self.token)["summaries"]
        self.assertGreater(len(rows), 100)
        path = f"/ledgers/{LEDGER}/summaries?from=2025-09-01&to={DAY}&known_at=2025-12-31"
        page = self.open(path)
        page.get_by_role("link", name="Next ▶").click()
        page.wait_for_url(re.compile("page=2"))
        self.assertEqual(query(page.url), {
            "from": "2025-09-01", "to": DAY, "known_at": "2025-12-31", "page": "2"})


class Bar(Pages):
    def test_today_everything_is_plain_and_the_clocks_are_said(self):
        page = self.open(f"/ledgers/{LEDGER}/census")
        bar = page.locator(".clocks")
        expect(bar).to_have_class("clocks")
        expect(bar).to_contain_text("Today, ")
        expect(bar).to_contain_text("Everything known so far")
        expect(bar).to_contain_text("complete to event")

    def test_another_day_is_amber_and_another_knowledge_violet(self):
        page = self.open(f"/ledgers/{LEDGER}/census?date={DAY}")
        expect(page.locator(".clocks")).to_have_class("clocks day")
        expect(page.locator(".clocks")).to_contain_text("Wed, Dec 31, 2025, not today")
        self.go(page, f"/ledgers/{LEDGER}/census?date={DAY}&known_at=2025-11-30")
        expect(page.locator(".clocks")).to_have_class("clocks past")
        expect(page.locator(".clocks")).to_contain_text(
            "As known on Sun, Nov 30, 2025, end of day, by the sources’ clocks")
        page.get_by_role("link", name="Back to now").click()
        page.wait_for_url(re.compile("/census$"))
        expect(page.locator(".clocks")).to_have_class("clocks")

    def test_the_form_of_the_bar_sets_both_clocks(self):
        page = self.open(f"/ledgers/{LEDGER}/census")
        page.locator("details.change summary").click()
        page.locator("#k-e").fill("2025-11-20")
        page.locator("#k-k").fill("2025-11-30T17:00")
        page.locator("#k-b").select_option("ledger")
        page.locator("details.change").get_by_role("button", name="Show").click()
        page.wait_for_url(re.compile("known_by=ledger"))
        expect(page.locator(".clocks")).to_contain_text("Thu, Nov 20, 2025")
        expect(page.locator(".clocks")).to_contain_text("Sun, Nov 30, 2025, 5:00 PM")
        expect(page.locator(".clocks")).to_contain_text("by the ledger’s clock")

    def test_a_wrong_clock_is_told_by_its_name(self):
        page = self.open("/account")
        wrong = [
            ("known_at=yesterday", "As known on must be a date"),
            ("known_at=2025-11-02T01:30", "comes twice that day in America/New_York"),
            ("known_at=2025-03-09T02:30", "the clocks left out"),
            ("date=2999-01-01", "must not lie ahead"),
            ("date=2025-12-01&effective_at=2025-12-01", "does not go with"),
            ("nothing=1", "unknown parameter"), ("page=0", "Page must be"),
            ("page=99", "Page is beyond the last one"),
        ]
        for words, told in wrong:
            self.assertEqual(self.status(page, f"/ledgers/{LEDGER}/census?{words}"), 400, words)
            self.assertIn(told, page.locator("main").inner_text(), words)
        self.forget_complaints()

    def test_what_is_wrong_stands_at_its_field_with_what_was_typed(self):
        page = self.open("/account")
        path = f"/ledgers/{LEDGER}/census?date=31.12.2025&known_at=yesterday&program=iop-day"
        self.assertEqual(self.status(page, path), 400)
        self.forget_complaints()
        self.assertTrue(page.title().startswith("Error: "), page.title())
        summary = page.locator(".summary-of-errors")
        expect(summary).to_be_focused()
        expect(summary.get_by_role("link")).to_have_count(2)
        summary.get_by_role("link", name="As known on").click()
        known = page.get_by_label("As known on")
        expect(known).to_be_focused()
        expect(known).to_have_value("yesterday")
        expect(known).to_have_attribute("aria-invalid", "true")
        expect(known).to_have_accessible_description(re.compile("^Error: As known on must be"))
        self.assertNotIn("known_at", page.locator("main").inner_text())
        # Only what was wrong is typed anew, and the rest is kept.
        known.fill("2025-12-30T17:00")
        page.get_by_label("Happened up to").fill(DAY)
        page.locator("main").get_by_role("button", name="Show").click()
        page.wait_for_url(re.compile("program=iop-day"))
        expect(page.locator(".clocks")).to_contain_text("Tue, Dec 30, 2025, 5:00 PM")
        self.assertEqual(page.locator("h1").count(), 1)
        # Or the page is shown without it, by a link.
        self.assertEqual(self.status(page, path), 400)
        page.get_by_role("link", name="This page without it").click()
        page.wait_for_url(re.compile(r"/census\?program=iop-day$"))
        self.forget_complaints()

    def test_an_hour_that_comes_twice_is_chosen_by_a_link(self):
        page = self.open("/account")
        typed = f"/ledgers/zones/census?date=2025-11-03&known_at=2025-11-02T01:30"
        for place, told in enumerate(("EDT", "EST")):
            self.assertEqual(self.status(page, typed), 400)
            self.forget_complaints()
            choices = page.locator(".field.wrong a")
            expect(choices).to_have_count(2)
            choices.nth(place).click()
            page.wait_for_url(re.compile("known_at="))
            expect(page.locator(".clocks")).to_have_class("clocks past")
            expect(page.locator(".clock.known")).to_contain_text("1:30 AM")
            shown = page.locator(".clock.known").inner_text()
            self.assertIn(("-04:00", "-05:00")[place], shown.replace("−", "-"), told)

    def test_one_end_of_a_period_is_enough(self):
        page = self.open("/account")
        for name in ("outcomes", "summaries"):
            path = f"/ledgers/{LEDGER}/{name}"
            self.go(page, f"{path}?date={DAY}&from=2025-11-01")
            self.go(page, f"{path}?date={DAY}&to=2025-12-15")
            for words in (f"from={DAY}&to=2025-11-01", "from=soon", "to=31.12.2025"):
                self.assertEqual(self.status(page, f"{path}?date={DAY}&{words}"), 400, words)
                self.forget_complaints()
                self.assertEqual(page.locator(".field.wrong").count(), 1, words)


class Compared(Pages):
    """Two knowledge times beside each other, on every list."""

    QUESTIONS = {
        "census": "census?date={day}", "attendance": "attendance?effective_at={day}",
        "medication": "medication-review?effective_at={day}",
        "summaries": "discharge-summaries?effective_at={day}&from=2025-12-01&to={day}",
        "outcomes": "retention?effective_at={day}&from=2025-10-01&to={day}",
    }

    def test_each_list_shows_what_differs_as_the_api_answers_it(self):
        for name, question in self.QUESTIONS.items():
            period = "&from=2025-10-01" if name == "outcomes" else ""
            path = f"/ledgers/{LEDGER}/{name}?date={DAY}&compare=2025-12-26&known_at={DAY}{period}"
            tree = read(self.reader.get(path))
            answer = self.service.ask(
                f"{LEDGER}/{question.format(day=DAY)}&diff=2025-12-26,{DAY}", self.token)
            panel = tree.one("section", **{"aria-labelledby": "h-diff"})
            count = len(answer["differences"])
            self.assertGreater(count, 0, name)
            self.assertIn(f"{count} difference", panel.text, name)
            rows = [row for body in panel.all("tbody") for row in body.all("tr")]
            self.assertEqual(len(rows), min(count, 500), name)
            # Nobody reads a code.
            for word in ("_", "urn:", "null", "{"):
                self.assertNotIn(word, panel.text, f"{name}: {panel.text[:2000]}")

    def test_an_entry_that_made_a_difference_is_a_click_away(self):
        page = self.open(f"/ledgers/{LEDGER}/summaries?date={DAY}&compare=2025-12-26")
        client = page.locator("section", has=page.locator("#h-diff")).locator("details").first
        client.locator("summary").click()
        link = client.get_by_role("link", name=re.compile("^version ")).first
        version = link.inner_text().split()[1]
        link.click()
        page.wait_for_url(re.compile(rf"#v{version}$"))
        expect(page.locator(f"#v{version}")).to_be_visible()

    def test_nothing_differs_where_nothing_became_known(self):
        tree = read(self.reader.get("/ledgers/empty/census?compare=2025-12-26"))
        self.assertIn("Nothing differs.", tree.one("main").text)


class ChangeOfTheClocks(Pages):
    """Days of 23 and of 25 hours."""

    def test_each_of_the_two_days_is_one_step_and_has_the_figures_of_the_api(self):
        for day, before, after in (("2025-03-09", "2025-03-08", "2025-03-10"),
                                   ("2025-11-02", "2025-11-01", "2025-11-03")):
            for name in PAGES:
                tree = read(self.reader.get(f"/ledgers/zones/{name}?date={day}"))
                steps = [query(link.get("href"))["date"]
                         for link in tree.one("section", "clocks").all("a")
                         if link.text in ("◀", "▶")]
                self.assertEqual(steps, [before, after], name)
            census = self.service.ask(f"zones/census?date={day}", self.token)
            tree = read(self.reader.get(f"/ledgers/zones/census?date={day}"))
            figures = tree.one("ul", id="figures")
            shown = next(figures.all("div", "value")).text
            self.assertEqual(shown, str(census["total_clients"]))
            self.assertEqual(census["total_clients"], 1)

    def test_a_time_that_comes_twice_has_its_offset_and_others_have_none(self):
        tree = read(self.reader.get(f"/ledgers/zones/episodes/{self.found.clocks}"))
        happened = [list(row.all("td"))[1].text
                    for row in tree.one("table", "events").all("tr", **{"data-row": ""})]
        self.assertEqual(happened, [
            "Mon, Mar 3, 10:00 AM", "Sun, Mar 9, 1:30 AM", "Sun, Mar 9, 3:30 AM",
            "Sun, Nov 2, 1:30 AM (UTC−04:00)", "Sun, Nov 2, 1:30 AM (UTC−05:00)",
            "Sun, Nov 2, 11:30 PM"])

    def test_a_knowledge_time_within_the_hour_that_comes_twice_is_known_by_its_offset(self):
        for at, attended in (("2025-11-02T01:45:00-04:00", 3), ("2025-11-02T01:45:00-05:00", 4)):
            path = (f"/ledgers/zones/episodes/{self.found.clocks}"
                    f"?{urllib.parse.urlencode({'known_at': at})}")
            tree = read(self.reader.get(path))
            rows = [row for row in tree.one("table", "events").all("tr", **{"data-row": ""})
                    if "later" not in row.classes]
            self.assertEqual(len(rows), attended + 1, at)
            self.assertIn(f"1:45 AM (UTC−0{4 if attended == 3 else 5}:00)",
                          tree.one("section", "clocks").text)

    def test_the_weeks_with_these_days_have_their_hours(self):
        tree = read(self.reader.get(f"/ledgers/zones/episodes/{self.found.clocks}/attendance"))
        weeks = {row.one("th").text: [cell.text for cell in row.all("td")]
                 for row in tree.one("table").one("tbody").all("tr")}
        self.assertEqual(weeks["Mar 3 – Mar 9"][0], "2")
        self.assertIn("2.0 h", weeks["Mar 3 – Mar 9"])
        self.assertEqual(weeks["Oct 27 – Nov 2"][0], "2")
        self.assertIn("1.3 h", weeks["Oct 27 – Nov 2"])


if __name__ == "__main__":
    unittest.main()
