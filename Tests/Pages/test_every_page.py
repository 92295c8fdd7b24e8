"""Every page in every state: with data, empty, behind, parked, late, refused."""

import re
import time
import unittest

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import ledgers
from page_html import read
from pages import DAY, LEDGER, PAGES, TABS, Pages, record, wait

NOBODY = "00000000-0000-4000-8000-000000000000"


class Accessible(Pages):
    """axe finds nothing serious, in light and in dark."""

    def paths(self):
        day = f"?date={DAY}"
        sixty = f"/ledgers/steps/episodes/{self.found.sixty}"
        for name in PAGES:
            yield f"/ledgers/{LEDGER}/{name}{day}"
            yield f"/ledgers/empty/{name}"
        yield f"/ledgers/{LEDGER}/census{day}&view=wall"
        yield f"/ledgers/{LEDGER}/census{day}&flag=any&order=hours&known_at={DAY}"
        yield f"/ledgers/{LEDGER}/medication{day}&compare=2025-12-29"
        yield f"/ledgers/{LEDGER}/search"
        for tab in TABS:
            yield f"{sixty}{tab}"
        yield f"{sixty}?version=42"
        yield f"{sixty}/medication?version=42"
        yield f"{sixty}?compare=2025-10-01"
        yield f"{sixty}/proof?entry=5"
        yield f"/ledgers/hostile/episodes/{self.found.hostile}"
        for kind in ("admitted", "session_attended", "medication_adjusted", "completed"):
            episode = "" if kind == "admitted" else f"?episode={self.found.sixty}"
            yield f"/ledgers/steps/record/{kind}{episode}"
        yield f"/ledgers/{LEDGER}/sheet"
        yield "/ledgers/empty/sheet"
        yield f"/ledgers/{LEDGER}/sheet?program=iop-adult-day&start=2025-12-30T09:00"
        yield f"{sixty}/entries/{self.first_entry()}/correct"
        yield f"{sixty}/entries/{self.first_entry()}/retract"
        yield "/"
        yield "/account"
        yield "/account?saved=1"

    def first_entry(self):
        events = self.service.ask(f"steps/episodes/{self.found.sixty}/events", self.found.token)
        return events["events"][0]["event_id"]

    def refused(self):
        yield f"/ledgers/{LEDGER}/census?date=2999-01-01", 400
        yield f"/ledgers/{LEDGER}/episodes/{NOBODY}", 404
        yield f"/ledgers/{LEDGER}/nothing", 404
        yield f"/sign-in/once/{'0' * 64}", 404

    def check(self, page, name):
        found = [
            f"{fault['id']}: {fault['nodes'][0]['html'][:200]}"
            for fault in self.axe.run(page).response["violations"]
            if fault["impact"] in ("serious", "critical")]
        self.assertEqual(found, [], name)
        self.assertEqual(page.locator("h1").count(), 1, name)
        self.assertEqual(page.locator("main").count(), 1, name)

    def test_axe_finds_nothing_serious_on_any_page_and_nothing_lies_beyond_the_edge(self):
        self.axe = Axe()
        page = self.open("/account")
        for path in self.paths():
            page.set_viewport_size({"width": 1280, "height": 800})
            self.go(page, path)
            # One load for both schemes and both widths: the style sheet alone differs.
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                self.check(page, f"{path} {scheme}")
            for width in (1280, 320):
                if "view=wall" in path and width == 320:
                    # The wall is for large screens.
                    continue
                page.set_viewport_size({"width": width, "height": 800})
                wide = page.evaluate("document.documentElement.scrollWidth")
                self.assertLessEqual(wide, width, f"{path} at {width} px")
        for path, status in self.refused():
            self.assertEqual(self.status(page, path), status, path)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                self.check(page, f"{path} {scheme}")
        self.forget_complaints()

    def test_axe_finds_nothing_serious_before_signing_in_and_among_what_is_found(self):
        self.axe = Axe()
        context = self.browser.new_context()
        self.addCleanup(context.close)
        page = context.new_page()
        for path in (self.service.base + "/sign-in", self.service.link()):
            page.goto(path)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                self.check(page, f"signing in {scheme}")
        page = self.open(f"/ledgers/{LEDGER}/census")
        for sought, words in (("SIM-A", "episodes found"), ("no such key", "0 episodes found")):
            page.keyboard.press("/")
            page.keyboard.type(sought)
            page.keyboard.press("Enter")
            expect(page.locator(".head")).to_contain_text(words)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                self.check(page, f"{words} {scheme}")

    def test_pages_are_complete_without_a_script(self):
        with_script = self.open("/account")
        without = self.open("/account", java_script_enabled=False)
        sixty = f"/ledgers/steps/episodes/{self.found.sixty}"
        paths = [f"/ledgers/{LEDGER}/{name}?date={DAY}" for name in PAGES]
        paths += [f"{sixty}{tab}?version=42" for tab in TABS[:-1]]
        for path in paths:
            self.go(with_script, path)
            self.go(without, path)
            self.assertEqual(with_script.locator("main").inner_text(),
                             without.locator("main").inner_text(), path)


class States(Pages):
    """What a page says of itself. The ledger `states` is for these tests alone."""

    def test_an_empty_ledger_says_why_on_every_page(self):
        for name in PAGES:
            tree = read(self.reader.get(f"/ledgers/empty/{name}"))
            empty = list(tree.all("div", "empty"))
            self.assertGreaterEqual(len(empty), 1, name)
            for part in empty:
                self.assertGreater(len(part.one("h3").text), 5, name)
                self.assertTrue(part.one("p").text.endswith("."), name)

    def test_a_filter_that_leaves_nobody_has_a_way_out(self):
        page = self.open(f"/ledgers/{LEDGER}/census?date={DAY}&program=no-such-program")
        expect(page.locator(".empty")).to_contain_text("No client matches")
        page.get_by_role("link", name="Remove the filter").click()
        page.wait_for_url(re.compile(rf"census\?date={DAY}$"))
        self.assertGreater(page.locator("tr[data-row]").count(), 10)

    def test_a_page_that_is_behind_says_by_how_much_until_it_is_not(self):
        story = ledgers.Story("behind")
        story.admitted("2025-12-01T15:00:00Z", "SIM-BEHIND")
        # No worker can move a read model on meanwhile.
        with self.service.locked("read_model_state", "exclusive"):
            self.service.run("import", "-", "--ledger", "states", input=story.lines)
            page = self.open("/ledgers/states/census")
            # What was worked out a moment ago is shown for a few seconds.
            self.until(page, "/ledgers/states/census", "1 event behind")
            expect(page.locator("#fresh")).to_contain_text(
                re.compile(r"^1 event behind \(\d+ s\) · complete to event"))
            expect(page.locator("#fresh .dot.late")).to_have_count(1)
            self.assertNotIn("SIM-BEHIND", page.locator("main").inner_text())
            for name in PAGES[1:]:
                self.until(page, f"/ledgers/states/{name}", "1 event behind")
                tree = read(self.reader.get(f"/ledgers/states/{name}"))
                self.assertIn("1 event behind", tree.one("span", id="fresh").text, name)
            self.assertEqual(
                [fault["id"] for fault in Axe().run(page).response["violations"]
                 if fault["impact"] in ("serious", "critical")], [])
        self.found.count["states"] += 1
        wait(self.found, "states", self.found.count["states"])
        self.until(page, "/ledgers/states/census", "SIM-BEHIND")
        expect(page.locator("#fresh")).not_to_contain_text("behind")
        self.assertIn("SIM-BEHIND", page.locator("main").inner_text())

    def until(self, page, path, words):
        """Opens a page until it says something."""
        deadline = time.monotonic() + 60
        self.go(page, path)
        while words not in page.locator("body").inner_text():
            self.assertLess(time.monotonic(), deadline, f"{path} never says {words}")
            time.sleep(0.5)
            self.go(page, path)

    def test_an_episode_that_could_not_be_read_is_told_on_every_page_and_in_its_row(self):
        rows = self.service.ask("states/attendance", self.token)["enrolled"]
        flagged = self.service.ask("states/medication-review", self.token)["episodes"]
        episode = next(row["episode_id"] for row in flagged
                       if row["flags"] and row["episode_id"] in {r["episode_id"] for r in rows})
        where = "ledger_id = (select ledger_id from ledger where name = 'states')"
        self.service.sql(f"""
            insert into read_model_parked
                (ledger_id, name, generation, episode_id, position, reason, parked_at)
            select ledger_id, name, generation, '{episode}', position, '22P02', clock_timestamp()
            from read_model_state where {where}""")
        self.addCleanup(lambda: self.service.sql(f"delete from read_model_parked where {where}"))
        # Something new, so that no page shows what it showed before.
        story = ledgers.Story("beside what is parked")
        story.admitted("2025-12-02T15:00:00Z", "SIM-BESIDE")
        record("states", story)
        page = self.open("/account")
        for name in PAGES:
            everybody = "?flag=all" if name == "attendance" else ""
            self.until(page, f"/ledgers/states/{name}{everybody}", "could not be read")
            notice = page.locator(".notice.stop")
            expect(notice).to_contain_text("1 episode could not be read and may be wrong here")
            expect(notice.get_by_role("link", name=episode)).to_have_count(1)
            self.assertEqual(
                [fault["id"] for fault in Axe().run(page).response["violations"]
                 if fault["impact"] in ("serious", "critical")], [], name)
            if name in ("census", "attendance"):
                marked = page.locator("tr[data-row]", has_text="may be wrong")
                expect(marked).to_have_count(1)
                self.assertIn(episode, marked.locator("a.name").get_attribute("href"))
            elif name == "medication":
                self.assertGreater(
                    page.locator("li[data-row]", has_text="may be wrong").count(), 0)
        self.go(page, f"/ledgers/states/episodes/{episode}")
        expect(page.locator(".notice.stop")).to_contain_text("may be wrong here")

    def test_a_late_answer_is_waited_for_by_the_page_itself(self):
        page = self.open("/account")
        path = "/ledgers/states/census?date=2025-12-20&known_at=2025-12-21"
        with self.service.locked("event"):
            status, headers, text = self.reader.once(path)
            self.assertEqual(status, 202)
            self.assertEqual(headers["Refresh"], "2")
            # What the browser asks for by itself is nobody's doing.
            self.assertRegex(headers["Set-Cookie"], f"^late=1; Max-Age=4; Path={path.split('?')[0]};")
            self.assertEqual(headers["Cache-Control"], "no-store")
            for name in PAGES[1:]:
                late = f"/ledgers/states/{name}?date=2025-12-20&known_at=2025-12-21"
                self.assertEqual(self.reader.once(late)[0], 202, name)
            page.goto(self.base + path)
            expect(page.locator("h1")).to_have_text("Working on it")
            self.assertEqual(Axe().run(page).response["violations"], [])
        expect(page.locator("h1")).to_contain_text("Census, Saturday, December 20, 2025",
                                                   timeout=60_000)
        self.assertEqual(self.reader.once(path)[0], 200)
        self.forget_complaints()


class Refused(Pages):
    """What is refused is a page: what happened, what to do, the request."""

    def test_an_error_says_what_to_do_and_names_its_request(self):
        for path, status, words in (
                (f"/ledgers/{LEDGER}/census?date=2999-01-01", 400, "must not lie ahead"),
                (f"/ledgers/{LEDGER}/nothing", 404, "There is no such page"),
                (f"/ledgers/{LEDGER}/episodes/{NOBODY}", 404, "There is no such page"),
                (f"/ledgers/{LEDGER}/episodes/{self.found.sixty}x", 400, "as it was asked for"),
                ("/ledgers/none/census", 404, "There is no such page")):
            found, _, text = self.reader.once(path)
            self.assertEqual(found, status, path)
            tree = read(text)
            self.assertIn(words, tree.one("main").text, path)
            links = [link.get("href") for link in tree.one("main").all("a")]
            self.assertIn("/", links, path)
            self.assertTrue(tree.one("title").text.startswith("Error: "), path)
            self.assertRegex(tree.one("footer").text, r"Request [0-9a-f]{24,32}")

    def test_what_a_role_may_not_see_is_refused_alike_whether_it_is_there_or_not(self):
        # Somebody whose role has no pages.
        link = self.service.link()
        self.service.sql("update sign_in.link set roles = '{service}'")
        context = self.browser.new_context()
        self.addCleanup(context.close)
        page = context.new_page()
        page.goto(link)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(re.compile("/$"))
        expect(page.locator("main")).to_contain_text("There is nothing that you may see")
        told, requests = {}, {}
        for ledger, episode in ((LEDGER, self.found.sixty), (LEDGER, NOBODY), ("none", NOBODY)):
            for name in PAGES + [f"episodes/{episode}{tab}" for tab in TABS]:
                answer = page.goto(f"{self.service.base}/ledgers/{ledger}/{name}")
                self.assertEqual(answer.status, 403, f"{ledger} {name}")
                text = page.locator("main").inner_text()
                self.assertNotIn(ledger, text)
                told.setdefault(text, []).append(name)
                self.assertEqual(page.locator("header nav").count(), 0)
                requests.setdefault(name, page.locator("footer .id").inner_text())
        self.assertEqual(len(told), 1, told)
        self.assertIn("You may not see this page", next(iter(told)))
        # The access log has the first of each, with the request that the page names.
        request = requests["census"]
        entries = self.service.access_log(LEDGER, self.token)
        self.assertEqual([(entry["operation"], entry["allowed"]) for entry in entries
                          if entry["request_id"] == request], [("page.census", False)])

    def test_the_style_sheet_and_the_script_are_small(self):
        tree = read(self.reader.get(f"/ledgers/{LEDGER}/census?date={DAY}"))
        style = next(link.get("href") for link in tree.all("link")
                     if link.get("rel") == "stylesheet")
        script = tree.one("script").get("src")
        for path, most in ((style, 40_000), (script, 16_000)):
            status, headers, text = self.reader.once(path)
            self.assertEqual(status, 200)
            self.assertLessEqual(len(text.encode()), most, path)
            self.assertIn("immutable", headers["Cache-Control"])

    def test_no_page_is_heavy(self):
        sixty = f"/ledgers/steps/episodes/{self.found.sixty}"
        paths = [f"/ledgers/{LEDGER}/{name}?date={DAY}" for name in PAGES]
        paths += [f"{sixty}{tab}" for tab in TABS]
        for path in paths:
            self.assertLessEqual(len(self.reader.get(path).encode()), 300_000, path)


if __name__ == "__main__":
    unittest.main()
