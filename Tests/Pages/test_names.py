"""Names from the site's directory: a file, and a system that answers over HTTP."""

import contextlib
import http.server
import json
import pathlib
import re
import tempfile
import threading
import time
import unittest
import zipfile

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from page_html import read
from pages import DAY, LEDGER, PAGES, TABS, Pages, sign_in
from service import Service

AWAY = "The site’s directory does not answer; keys stand alone until it does."


class System(http.server.ThreadingHTTPServer):
    """A site's own system: asked by POST for the names of keys, or for the keys of names."""

    daemon_threads = True

    def __init__(self, persons):
        self.persons, self.asked, self.delay, self.status = persons, [], 0, 200
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/names"


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        system = self.server
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        system.asked.append((self.path, asked))
        time.sleep(system.delay)
        if "search" in asked:
            sought = asked["search"].lower()
            answer = {"keys": [key for key, person in system.persons.items()
                               if sought in person["name"].lower()]}
        else:
            answer = {"names": {key: system.persons[key] for key in asked["keys"]
                                if key in system.persons}}
        body = json.dumps(answer).encode()
        self.send_response(system.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            # Nobody waits for what is slow.
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Named(Pages):
    """The clients of the demo have names; two of them the same."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keys = sorted({row["client_id"] for row in cls.service.ask(
            f"{LEDGER}/episodes", cls.token)["episodes"]})
        cls.persons = {
            key: {"name": f"Sim Person{number:03}", "date_of_birth": "1990-01-02"}
            for number, key in enumerate(keys)}
        enrolled = cls.service.ask(f"{LEDGER}/attendance?effective_at={DAY}", cls.token)
        review = cls.service.ask(
            f"{LEDGER}/medication-review?effective_at={DAY}", cls.token)["episodes"]
        flagged = {row["client_id"] for row in review if row["flags"]}
        listed = [row for row in enrolled["enrolled"] if row["client_id"] in flagged]
        # Namesakes whom each of the lists has.
        cls.first, cls.second = list(dict.fromkeys(row["client_id"] for row in listed))[:2]
        cls.persons[cls.first] = {"name": "Sim Namesake", "date_of_birth": "1971-02-03"}
        cls.persons[cls.second] = {"name": "Sim Namesake", "date_of_birth": "1984-05-06"}
        cls.episode = next(row["episode_id"] for row in listed
                           if row["client_id"] == cls.first)
        cls.directory()

    @classmethod
    def directory(cls):
        raise unittest.SkipTest("of the two kinds of directory alone")

    @classmethod
    def serve(cls, place):
        cls.named = Service("--without-workers", "--directory", place,
                            beside=cls.service).start()
        cls.addClassCleanup(cls.named.stop)
        cls.state, cls.named_reader = sign_in(cls.found, cls.named)

    def look(self, path, **options):
        return self.open(path, state=self.state, base=self.named.base, **options)


class Common(Named):
    def test_names_stand_with_their_keys_and_namesakes_with_their_dates_of_birth(self):
        page = self.look(f"/ledgers/{LEDGER}/census?date={DAY}")
        for name in PAGES[:-1]:
            everybody = "&flag=all" if name == "attendance" else ""
            self.go(page, f"/ledgers/{LEDGER}/{name}?date={DAY}{everybody}")
            main = page.locator("main").inner_text()
            self.assertIn("Sim ", main, name)
            self.assertNotIn("Names are away", main)
            if name == "summaries":
                continue
            for key, born in ((self.first, "1971-02-03"), (self.second, "1984-05-06")):
                row = page.locator("[data-row]", has_text=key).first
                expect(row.locator(".name")).to_have_text("Sim Namesake")
                expect(row.locator(".chip.line", has_text="same name")).to_contain_text(born)
                expect(row.locator(".key-of.id")).to_have_text(key)
        for tab in TABS:
            self.go(page, f"/ledgers/{LEDGER}/episodes/{self.episode}{tab}")
            expect(page.locator("h1")).to_contain_text("Sim Namesake")
            expect(page.locator("h1")).to_contain_text(self.first)
            expect(page.locator("h1")).to_contain_text("born 1971-02-03, same name")

    def test_paper_and_wall_bear_names_only_where_asked_for(self):
        page = self.look(f"/ledgers/{LEDGER}/census?date={DAY}")
        name = page.locator("[data-row] .name", has_text="Sim Namesake").first
        expect(name).to_be_visible()
        page.emulate_media(media="print")
        expect(name).to_be_hidden()
        page.emulate_media(media="screen")
        page.get_by_role("link", name="Print with names").click()
        page.wait_for_url(re.compile("names=shown"))
        page.emulate_media(media="print")
        expect(name).to_be_visible()
        page.emulate_media(media="screen")
        page.get_by_role("link", name="Print without names").click()
        page.wait_for_url(lambda url: "names" not in url)
        page.get_by_role("link", name="Wall", exact=True).click()
        page.wait_for_url(re.compile("view=wall"))
        self.assertNotIn("Sim ", page.locator("main").inner_text())
        self.go(page, f"/ledgers/{LEDGER}/census?date={DAY}")
        page.get_by_role("link", name="Wall with names").click()
        page.wait_for_url(re.compile("view=wall"))
        self.assertIn("Sim ", page.locator("main").inner_text())
        # Whoever reads the access log learns of it.
        self.assertEqual(self.service.sql(
            "select count(*) > 0 from access_log where detail like '%names=shown%with names%'"
        ), "t")

    def test_clients_are_in_the_order_of_their_names(self):
        tree = read(self.named_reader.get(
            f"/ledgers/{LEDGER}/census?date={DAY}&order=client"))
        names = [next(row.all("a", "name")).text
                 for row in tree.all("tr", **{"data-row": ""})]
        self.assertGreater(len(names), 50)
        self.assertEqual(names, sorted(names))

    def test_a_search_finds_names_and_keys(self):
        page = self.look(f"/ledgers/{LEDGER}/census?date={DAY}")
        for sought in ("namesake", self.second[4:12]):
            page.keyboard.press("/")
            page.keyboard.type(sought)
            page.keyboard.press("Enter")
            page.wait_for_url(re.compile("/search|/episodes/"))
            expect(page.locator("main")).to_contain_text("Sim Namesake")
            self.assertNotIn("amesake", page.url)
            self.assertNotIn("amesake", page.title())
            self.go(page, f"/ledgers/{LEDGER}/census?date={DAY}")

    def test_no_name_is_in_a_csv_a_title_an_address_a_packet_or_a_log(self):
        paths = [f"/ledgers/{LEDGER}/{name}?date={DAY}" for name in PAGES]
        paths += [f"/ledgers/{LEDGER}/episodes/{self.episode}{tab}" for tab in TABS]
        for path in paths:
            tree = read(self.named_reader.get(path))
            self.assertNotIn("Sim", next(tree.all("title")).text, path)
            for tag, name in (("a", "href"), ("form", "action")):
                for element in tree.all(tag):
                    self.assertNotIn("Namesake", element.get(name) or "", path)
                    self.assertNotIn("Person", element.get(name) or "", path)
        for name in PAGES:
            _, _, text = self.named_reader.once(
                f"/ledgers/{LEDGER}/{name}?date={DAY}&format=csv")
            self.assertNotIn("Sim ", text, name)
            self.assertNotIn("1971-02-03", text, name)
        page = self.look(f"/ledgers/{LEDGER}/episodes/{self.episode}/proof")
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile("packet", re.I)).click()
        with zipfile.ZipFile(download.value.path()) as packet:
            for name in packet.namelist():
                self.assertNotIn(b"Namesake", packet.read(name), name)
        text = json.dumps(self.service.access_log(LEDGER, self.token))
        self.assertIn("with names", text)
        for word in ("amesake", "Person0", "1971-02-03", "1984-05-06"):
            self.assertNotIn(word, text)
            self.assertNotIn(word, self.named.printed())
        # Nor does the database keep one.
        self.assertEqual(self.service.sql(
            "select count(*) from event where position('Namesake' in encode(payload, 'escape')) > 0"
        ), "0")

    def test_a_service_without_a_directory_has_none(self):
        self.assertNotIn("Sim ", self.reader.get(f"/ledgers/{LEDGER}/census?date={DAY}"))


class FromAFile(Common):
    @classmethod
    def directory(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.file = pathlib.Path(cls.folder.name) / "names.csv"
        cls.write()
        cls.serve(str(cls.file))

    @classmethod
    def write(cls, **changes):
        persons = {**cls.persons, **changes}
        cls.file.write_text("client_id,name,date_of_birth\n" + "".join(
            f"{key},{person['name']},{person['date_of_birth']}\n"
            for key, person in persons.items()))

    def until(self, holds):
        deadline = time.monotonic() + 30
        while not holds():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)

    def test_axe_finds_nothing_serious_where_names_are(self):
        page = self.look("/account")
        for path in (f"census?date={DAY}", f"medication?date={DAY}", f"episodes/{self.episode}"):
            self.go(page, f"/ledgers/{LEDGER}/{path}")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found = [fault["id"] for fault in Axe().run(page).response["violations"]
                         if fault["impact"] in ("serious", "critical")]
                self.assertEqual(found, [], path)

    def test_a_changed_file_is_read_again_and_one_that_is_gone_leaves_the_keys(self):
        path = f"/ledgers/{LEDGER}/attendance?date={DAY}&flag=all"
        self.write(**{self.first: {"name": "Sim Renamed", "date_of_birth": "1971-02-03"}})
        self.until(lambda: "Sim Renamed" in self.named_reader.get(path))
        # Nobody else has the other's name any more.
        self.assertNotIn("same name", self.named_reader.get(path))
        self.file.unlink()
        self.until(lambda: AWAY in self.named_reader.get(path))
        self.write()
        self.until(lambda: AWAY not in self.named_reader.get(path))


class FromASystem(Common):
    @classmethod
    def directory(cls):
        cls.system = System(cls.persons)
        cls.addClassCleanup(cls.system.shutdown)
        cls.serve(cls.system.url)

    def test_a_system_is_asked_for_keys_once_in_five_minutes_and_never_by_its_address(self):
        self.named_reader.get(f"/ledgers/{LEDGER}/census?date={DAY}")
        count = len(self.system.asked)
        self.assertGreater(count, 0)
        self.named_reader.get(f"/ledgers/{LEDGER}/attendance?date={DAY}&flag=all")
        self.assertEqual(len(self.system.asked), count)
        for path, asked in self.system.asked:
            self.assertEqual(path, "/names")
            self.assertIn(set(asked), ({"keys"}, {"search"}))
            self.assertLessEqual(len(asked.get("keys", [])), 200)

    def test_keys_stand_alone_with_a_notice_while_a_system_is_slow_or_says_no(self):
        # Of another ledger, whose keys it was not asked for yet.
        path = "/ledgers/steps/census?date=2025-09-20"
        for fault, value in (("status", 500), ("delay", 3)):
            before = getattr(self.system, fault)
            setattr(self.system, fault, value)
            try:
                began = time.monotonic()
                page = self.look(path)
                self.assertLess(time.monotonic() - began, 30)
                expect(page.locator(".notice.warn")).to_contain_text("Names are away")
                expect(page.locator("main")).to_contain_text("SIM-SIXTY")
                found = [one["id"] for one in Axe().run(page).response["violations"]
                         if one["impact"] in ("serious", "critical")]
                self.assertEqual(found, [])
            finally:
                setattr(self.system, fault, before)
        self.assertNotIn("Names are away", self.named_reader.get(path))


def load_tests(loader, tests, pattern):
    """The common tests run for each kind of directory, and by themselves for none."""
    suite = unittest.TestSuite()
    for kind in (FromAFile, FromASystem):
        suite.addTests(loader.loadTestsFromTestCase(kind))
    return suite


if __name__ == "__main__":
    unittest.main()
