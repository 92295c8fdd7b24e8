"""What the tests of pages share: one service and one browser for all of them, and a way to look."""

import atexit
import functools
import math
import os
import re
import time
import types
import unittest

from playwright.sync_api import sync_playwright

import ledgers
from service import Reader, Service

ZONE = "America/New_York"
LEDGER = "demo"
DAY = "2025-12-31"
PAGES = ["census", "medication", "attendance", "summaries", "outcomes"]
TABS = ["", "/medication", "/attendance", "/summary", "/proof"]


@functools.cache
def browser():
    """The one browser of all tests; closed with the program."""
    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    chromium = playwright.chromium.launch(
        executable_path=os.environ.get("EPISODE_LEDGER_BROWSER", "/usr/bin/chromium"),
        # Chromium's own sandbox is not for root.
        args=["--no-sandbox"] if os.geteuid() == 0 else [])
    atexit.register(chromium.close)
    return chromium


@functools.cache
def shared():
    """The service, and who is signed in to it; ended with the program."""
    service = Service()
    atexit.register(service.stop)
    found = types.SimpleNamespace(service=service, browser=browser())
    sixty, clocks = ledgers.sixty(), ledgers.two_o_clock()
    hostile, hostile_open = ledgers.hostile()
    long, long_open = ledgers.hostile(ledgers.LONG, "long")
    histories = {
        LEDGER: service.run("simulate", "--episodes", "200", "--seed", "1"),
        "empty": "",
        "steps": sixty.lines,
        "zones": clocks.lines,
        "hostile": hostile.lines + hostile_open.lines,
        "long": long.lines + long_open.lines,
        "states": service.run("simulate", "--episodes", "12", "--seed", "2"),
        "live": service.run("simulate", "--episodes", "40", "--seed", "3"),
    }
    found.sixty, found.clocks = sixty.episode, clocks.episode
    found.hostile, found.hostile_open = hostile.episode, hostile_open.episode
    found.long, found.long_open = long.episode, long_open.episode
    found.count = {name: lines.count("\n") for name, lines in histories.items()}
    for name, lines in histories.items():
        service.run("ledgers", "create", name, "--time-zone", ZONE)
        if lines:
            service.run("import", "-", "--ledger", name, input=lines)
    service.start()
    found.token = service.token("clinician", "auditor")
    for name, count in found.count.items():
        wait(found, name, count)
    found.state, found.reader = sign_in(found, service)
    return found


def wait(found, ledger, position):
    """Until the read models have got to a position."""
    for question in ("census", "medication-review", "discharge-summaries"):
        found.service.ask(f"{ledger}/{question}?at_least={position}", found.token)


def sign_in(found, service):
    """What a browser keeps of being signed in, and a reader with the same cookie."""
    context = found.browser.new_context()
    page = context.new_page()
    page.goto(service.link())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    state = context.storage_state()
    context.close()
    name = f"session-{service.port}"
    secret = next(cookie["value"] for cookie in state["cookies"] if cookie["name"] == name)
    return state, Reader(service, f"{name}={secret}")


def record(ledger, story):
    """Imports a history and waits until pages show it."""
    found = shared()
    found.service.run("import", "-", "--ledger", ledger, input=story.lines)
    found.count[ledger] = found.count[ledger] + len(story.events)
    wait(found, ledger, found.count[ledger])


def now(seconds=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def number(text):
    return int(re.sub(r"\D", "", text))


def tenths(hours):
    """Hours with one decimal, a half upwards."""
    return f"{math.floor(hours * 10 + 0.5) / 10:.1f}"


class Pages(unittest.TestCase):
    """Opens pages; what the browser complains about fails the test."""

    @classmethod
    def setUpClass(cls):
        found = shared()
        cls.service, cls.browser, cls.reader = found.service, found.browser, found.reader
        cls.token, cls.found = found.token, found

    def open(self, path, state=None, base=None, **options):
        context = self.browser.new_context(storage_state=state or self.found.state, **options)
        self.addCleanup(context.close)
        page = context.new_page()
        self.base = base or self.service.base
        self.complaints = []
        page.on("console", lambda message: self.complaints.append(message.text)
                if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"a dialog: {dialog.message}"))
        complaints = self.complaints
        self.addCleanup(lambda: self.assertEqual(complaints, []))
        self.go(page, path)
        return page

    def go(self, page, path):
        """Opens a page, waiting where its answer is late."""
        self.assertEqual(self.status(page, path), 200, path)

    def status(self, page, path):
        """The status of a page, once it is no longer late."""
        for _ in range(120):
            # A late page looks again by itself, which may end this look at it.
            answer = page.goto(self.base + path)
            if answer is not None and answer.status not in (202, 503):
                return answer.status
            self.complaints.clear()
            time.sleep(0.5)
        self.fail(f"{path} was not ready in a minute")

    def forget_complaints(self):
        """An error's status is a complaint of the browser too."""
        self.complaints.clear()
