"""Makes pictures of every page in every state, for people to look at, of simulated data.

    Scripts/pictures [FOLDER]           PNG, light and dark, 1280 and 375 px wide; PDF, A4 and Letter
    Scripts/pictures --only WORDS …     those whose names match the regular expression WORDS
    Scripts/pictures --docs             the pictures of the documents, in docs/pictures
"""

import argparse
import json
import os
import pathlib
import re
import sys
import time
import urllib.parse
import uuid

from playwright.sync_api import sync_playwright

from service import ROOT, Service

LEDGER = "demo"
# The simulated episodes end on this day.
DAY = "2025-12-31"
AT = f"date={DAY}"
KNOWN = "date=2025-11-20&known_at=2025-11-30"
COMPARED = f"{AT}&compare=2025-12-12"
# The episode of docs/clinicians.md, and one with flags.
EPISODE = "episodes/019957de-23c0-7656-8046-a7c82261820a"
FLAGGED = "episodes/0199dec8-68a0-79d4-82f9-21cf5062323b"

# One with an opioid and a benzodiazepine.
CLASH = "019a7413-1900-79eb-a883-6d0760335561"

# Name, page below the ledger, and what else is special.
SCENES = [
    ("census", f"census?{AT}"),
    ("census-now", "census", {"ledger": "today"}),
    ("census-empty", "census", {"ledger": "empty"}),
    ("census-day", "census?date=2025-11-20"),
    ("census-known", f"census?{KNOWN}"),
    ("census-compare", f"census?{COMPARED}"),
    ("census-flagged", f"census?{AT}&flag=below_weekly_hours"),
    ("census-no-match", f"census?{AT}&program=nowhere"),
    ("census-change", f"census?{AT}", {"press": "summary"}),
    ("wall", "census?view=wall", {"ledger": "today"}),
    ("wall-empty", "census?view=wall", {"ledger": "empty"}),
    ("medication", f"medication?{AT}"),
    ("medication-now", "medication", {"ledger": "today"}),
    ("medication-empty", "medication", {"ledger": "empty"}),
    ("medication-chosen", f"medication?date=2025-11-30&episode={CLASH}"),
    ("medication-compare", f"medication?{COMPARED}"),
    ("attendance", f"attendance?{AT}"),
    ("attendance-empty", "attendance", {"ledger": "empty"}),
    ("attendance-compare", f"attendance?{COMPARED}"),
    ("summaries", f"summaries?{AT}"),
    ("summaries-missing", f"summaries?{AT}&missing=any"),
    ("summaries-empty", "summaries", {"ledger": "empty"}),
    ("outcomes", f"outcomes?{AT}"),
    ("outcomes-empty", "outcomes", {"ledger": "empty"}),
    ("search", f"census?{AT}", {"search": "SIM-4"}),
    ("search-nothing", f"census?{AT}", {"search": "SIM-NOBODY"}),
    ("timeline", EPISODE),
    ("timeline-flagged", f"{FLAGGED}?date=2025-11-30"),
    ("timeline-version", f"{EPISODE}?version=66"),
    ("timeline-happening", f"{EPISODE}?by=happening"),
    ("timeline-known", f"{EPISODE}?{KNOWN}"),
    ("timeline-compare", f"{EPISODE}?compare=2025-10-31"),
    ("episode-medication", f"{FLAGGED}/medication?date=2025-11-30"),
    ("episode-medication-ended", f"{EPISODE}/medication"),
    ("episode-medication-known", f"{FLAGGED}/medication?date=2025-11-03&known_at=2025-11-03"),
    ("episode-medication-compare", f"{FLAGGED}/medication?compare=2025-10-31"),
    ("episode-attendance", f"{EPISODE}/attendance"),
    ("episode-summary", f"{EPISODE}/summary"),
    ("episode-summary-interim", f"{FLAGGED}/summary"),
    ("episode-summary-compare", f"{EPISODE}/summary?compare=2025-12-01"),
    ("proof", f"{EPISODE}/proof"),
    ("proof-entry", f"{EPISODE}/proof?entry=66"),
    ("account", "/account"),
    ("ledgers", "/"),
    ("sign-in", "/sign-in", {"is_signed_out": True}),
    ("sign-in-link", "LINK", {"is_signed_out": True}),
    ("sign-in-dead-link", f"/sign-in/once/{'0' * 64}", {"is_signed_out": True}),
    ("error-no-page", "nothing"),
    ("error-no-episode", f"episodes/{uuid.UUID(int=1 << 124 | 7 << 76 | 2 << 62)}"),
    ("error-asked-wrong", "census?date=2999-01-01"),
    ("keys", f"census?{AT}", {"key": "?"}),
]
# What is printed.
PAPERS = [
    ("census", f"census?{AT}"),
    ("medication", f"medication?date=2025-11-30&episode={FLAGGED.split('/')[1]}"),
    ("timeline", EPISODE),
    ("episode-medication", f"{FLAGGED}/medication?date=2025-11-30"),
    ("episode-attendance", f"{EPISODE}/attendance"),
    ("episode-summary", f"{EPISODE}/summary"),
    ("proof", f"{EPISODE}/proof"),
    ("summaries", f"summaries?{AT}"),
    ("outcomes", f"outcomes?{AT}"),
    ("attendance", f"attendance?{AT}"),
    ("wall", f"census?{AT}&view=wall"),
]
# The most bytes of a picture of the documents.
PICTURE_BYTES = 150_000
# For docs/pictures: its name, the page, how wide and how high it is.
DOCUMENTS = [
    ("census", f"census?{AT}", 1200, 860),
    ("medication", f"medication?date=2025-11-30&episode={CLASH}", 1280, 680),
    ("known", f"{EPISODE}/medication?date=2025-11-03&known_at=2025-11-03", 1200, 800),
    ("difference", f"census?{AT}&compare=2025-12-26", 1200, 800),
    ("summaries", f"summaries?{AT}&missing=any&from=2025-11-01&to=2025-11-30", 1200, 600),
    ("timeline", EPISODE, 1280, 900),
    ("telephone", f"census?{AT}&flag=below_weekly_hours#h-list", 375, 760),
]
FIRST_NAMES = ["Ash", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Linden", "Maple", "Oak", "Rowan"]
LAST_NAMES = ["Brook", "Dale", "Field", "Hill", "Lake", "Meadow", "Moor", "Stone", "Vale", "Wood"]


class Pictures:
    def __init__(self, folder, only):
        self.folder = pathlib.Path(folder)
        self.only = re.compile(only)
        # Beside the service's own folder, which is not there yet: the private cluster needs none.
        self.names = pathlib.Path(f"/tmp/episode-ledger-names-{os.getpid()}.csv")
        self.names.write_text("client_id,name\n", encoding="utf-8")
        self.service = Service("--directory", str(self.names))
        self.made = 0

    def wants(self, *names):
        return any(self.only.search(name) for name in names)

    # ---- the data ----------------------------------------------------------------------------

    def fill(self):
        """Three ledgers: the one of the documents, one that goes on to last night, an empty one."""
        # The day in New York, or the one before.
        today = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 5 * 3600))
        for ledger, options in ((LEDGER, []), ("today", ["--until", today]), ("empty", None)):
            self.service.run("ledgers", "create", ledger, "--time-zone", "America/New_York")
            if options is not None:
                lines = self.service.run("simulate", "--episodes", "200", "--seed", "1", *options)
                self.service.run("import", "-", "--ledger", ledger, input=lines)
        self.service.start()
        self.wait_for_read_models(LEDGER)
        self.wait_for_read_models("today")

    def wait_for_read_models(self, ledger):
        token = self.service.token("clinician")
        status = json.loads(self.service.run("status", "--ledger", ledger, "--format", "json"))
        head = status["head"]["position"] if isinstance(status["head"], dict) else status["head"]
        for question in ("census", "medication-review", "discharge-summaries"):
            self.service.ask(f"{ledger}/{question}?at_least={head}", token)

    def clients(self):
        census = self.service.ask(f"{LEDGER}/attendance?effective_at={DAY}",
                                  self.service.token("clinician"))
        return [row["client_id"] for row in census["enrolled"]]

    # ---- the browser -------------------------------------------------------------------------

    def begin(self):
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(
            executable_path=os.environ.get("EPISODE_LEDGER_BROWSER", "/usr/bin/chromium"),
            args=["--no-sandbox"] if os.geteuid() == 0 else [])
        self.sign_in()

    def sign_in(self):
        context = self.browser.new_context()
        page = context.new_page()
        page.goto(self.service.link())
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        self.state = context.storage_state()
        context.close()

    def end(self):
        if hasattr(self, "browser"):
            self.browser.close()
            self.playwright.stop()
        self.service.stop()
        self.names.unlink(missing_ok=True)

    def address(self, path, ledger=LEDGER):
        if path == "LINK":
            return self.service.link()
        return self.service.base + (path if path.startswith("/") else f"/ledgers/{ledger}/{path}")

    def open(self, page, address):
        """Opens a page; one that is late is waited for."""
        for _ in range(240):
            answer = page.goto(address)
            if answer is None or answer.status != 202:
                return
            time.sleep(0.5)
        raise RuntimeError(f"{address} was not ready in two minutes")

    def picture(self, name, path, ledger=LEDGER, is_signed_out=False, press=None, key=None,
                search=None, widths=(1280, 375), schemes=("light", "dark"), is_late=False,
                wait=None, **media):
        """A picture of a page for each width and color scheme."""
        if not self.wants(name):
            return
        for width in widths:
            for scheme in schemes:
                context = self.browser.new_context(
                    viewport={"width": width, "height": 900 if width > 600 else 800},
                    color_scheme=scheme, storage_state=None if is_signed_out else self.state,
                    has_touch=width < 600, is_mobile=width < 600, **media)
                page = context.new_page()
                if is_late:
                    # No two ask the same: else the answer is there already.
                    page.goto(self.address(path.format(self.made), ledger))
                else:
                    self.open(page, self.address(path, ledger))
                if search:
                    page.locator("#q").fill(search)
                    page.locator("#q").press("Enter")
                    page.wait_for_url(re.compile(r"/search(\?|$)"))
                if press:
                    page.locator(press).first.click()
                if key:
                    page.keyboard.press(key)
                if wait:
                    page.locator(wait).wait_for(timeout=120_000)
                page.screenshot(
                    path=self.folder / f"{name}-{scheme}-{width}.png", full_page=True)
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    print(f"{name}-{scheme}-{width}: {wide} px wide", file=sys.stderr)
                context.close()
                self.made += 1

    def paper(self, name, path):
        """The page as it is printed, on both sizes of paper."""
        if not self.wants(f"{name}-paper"):
            return
        context = self.browser.new_context(storage_state=self.state)
        page = context.new_page()
        self.open(page, self.address(path))
        for size in ("A4", "Letter"):
            page.pdf(path=self.folder / f"{name}-paper-{size}.pdf", format=size,
                     print_background=True)
            self.made += 1
        context.close()

    # ---- every page ---------------------------------------------------------------------------

    def all(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, path, *options in SCENES:
            self.picture(name, path, **(options[0] if options else {}))
        for name in ("census", "timeline", "episode-medication", "outcomes"):
            path = next(scene[1] for scene in SCENES if scene[0] == name)
            desk = {"widths": (1280,), "schemes": ("light",)}
            self.picture(f"{name}-forced", path, forced_colors="active", **desk)
            self.picture(f"{name}-contrast", path, contrast="more", **desk)
        for name, path in PAPERS:
            self.paper(name, path)
        self.picture("late", "census?date=2025-12-01&known_at=2025-12-02T10:{:02d}", is_late=True)
        self.named()
        self.parked()
        self.ending()
        self.forbidden()
        # Last: from here on nothing folds what is recorded.
        self.behind()

    def named(self):
        """With names, two of them equal; then the directory is away."""
        if not self.wants("names-census", "names-medication", "names-attendance", "names-timeline",
                          "names-census-paper", "away-census"):
            return
        rows = ["client_id,name,date_of_birth"]
        for place, key in enumerate(self.clients()):
            # The last two have the same name.
            number = min(place, 79)
            name = f"Sim {FIRST_NAMES[number % 10]} {LAST_NAMES[number // 10]}"
            rows.append(f"{key},{name},19{60 + place % 40}-0{1 + place % 9}-15")
        self.names.write_text("\n".join(rows) + "\n", encoding="utf-8")
        # The file is looked at again every second.
        time.sleep(2.5)
        self.picture("names-census", f"census?{AT}&order=client")
        self.picture("names-medication", f"medication?{AT}")
        self.picture("names-attendance", f"attendance?{AT}")
        self.picture("names-timeline", f"{FLAGGED}?{AT}")
        self.paper("names-census", f"census?{AT}")
        self.names.write_text("nothing of it\n", encoding="utf-8")
        time.sleep(2.5)
        self.picture("away-census", f"census?{AT}", schemes=("light",))
        self.names.write_text("client_id,name\n", encoding="utf-8")

    def parked(self):
        if not self.wants("parked-census", "parked-timeline"):
            return
        self.service.sql(
            "insert into read_model_parked"
            " select s.ledger_id, s.name, s.generation, x.id::uuid, 1, 'too many events', now(), false"
            f" from read_model_state s, (values ('{EPISODE.split('/')[1]}'),"
            f" ('{FLAGGED.split('/')[1]}')) x(id)")
        # What was answered a moment ago is kept for a minute.
        self.picture("parked-census", "census?date=2025-12-30")
        self.picture("parked-timeline", f"{FLAGGED}?date=2025-11-30", schemes=("light",))
        self.service.sql("delete from read_model_parked")

    def ending(self):
        """A session that is about to end, and one that is over."""
        if not self.wants("session-ends", "session-over"):
            return
        self.service.sql("update sign_in.session set expires_at = clock_timestamp() + interval '2 minutes'")
        self.picture("session-ends", f"census?{AT}", wait="dialog[open]")
        self.service.sql("update sign_in.session set expires_at = clock_timestamp() + interval '12 seconds'")
        self.picture("session-over", f"census?{AT}", schemes=("light",), widths=(1280,),
                     wait="text=is over")
        self.sign_in()

    def forbidden(self):
        if not self.wants("error-forbidden"):
            return
        self.service.sql("update sign_in.session set roles = '{administrator}'")
        self.picture("error-forbidden", f"census?{AT}")
        self.service.sql("update sign_in.session set roles = '{clinician,auditor,administrator}'")

    def behind(self):
        if not self.wants("behind-seconds", "behind-minutes"):
            return
        options = self.service.options
        self.service.restart(*options, "--without-workers")
        self.sign_in()
        for place in range(12):
            event = {
                "event_id": str(uuid.uuid4()), "episode_id": str(uuid.uuid4()), "type": "admitted",
                "occurred_at": f"{DAY}T20:{place:02}:00Z",
                "author": {"id": "simulator", "role": "social_worker"},
                "data": {"client_id": f"SIM-BEHIND{place}", "program": "iop-adult-day",
                         "level_of_care": "intensive_outpatient"}}
            self.service.run("import", "-", "--ledger", LEDGER, input=json.dumps(event) + "\n")
        self.picture("behind-seconds", f"census?{AT}", schemes=("light",))
        time.sleep(61)
        self.picture("behind-minutes", f"census?{AT}")

    # ---- the documents ---------------------------------------------------------------------------

    def documents(self):
        """The pictures of the documents: few, and small."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # Nobody's name on this computer.
        self.service.sql("update sign_in.session set subject = 'local:reader'")
        for name, path, width, height in DOCUMENTS:
            if not self.wants(name):
                continue
            context = self.browser.new_context(
                viewport={"width": width, "height": height}, color_scheme="light",
                storage_state=self.state, has_touch=width < 600, is_mobile=width < 600)
            page = context.new_page()
            self.open(page, self.address(path))
            target = self.folder / f"{name}.png"
            page.screenshot(path=target)
            if target.stat().st_size > PICTURE_BYTES:
                raise RuntimeError(f"{target} has {target.stat().st_size} bytes")
            self.made += 1
            context.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default=str(ROOT / ".build/pictures"))
    parser.add_argument("--only", default="", help="those whose names match this expression")
    parser.add_argument("--docs", action="store_true", help="the pictures of the documents")
    options = parser.parse_args()
    folder = ROOT / "docs/pictures" if options.docs else options.folder
    pictures = Pictures(folder, options.only)
    try:
        pictures.fill()
        pictures.begin()
        if options.docs:
            pictures.documents()
        else:
            pictures.all()
    finally:
        pictures.end()
    print(f"{pictures.made} pictures in {folder}")


if __name__ == "__main__":
    main()
