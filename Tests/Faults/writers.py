"""Writers: simulated episodes, event after event, each under the version that is expected of it.

A request is repeated as it was, at either service, until it is answered 200 or 201; then it is
acknowledged, and stands in the journal with its position.
"""

import collections
import http.client
import json
import random
import threading
import time

# Of one attempt, in seconds. A service answers within five.
PATIENCE = 10


class Client:
    """Asks one of several services, and after a failure the next one."""

    def __init__(self, ports, token, first=0):
        self.ports, self.token = ports, token
        self.turn = first
        self.server = None
        self.longest = 0

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and body of the answer; status 0 if there is none."""
        began = time.monotonic()
        try:
            if self.server is None:
                port = self.ports[self.turn % len(self.ports)]
                self.server = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            fields = {"Authorization": f"Bearer {self.token}", **(headers or {})}
            self.server.request(method, path, body=body, headers=fields)
            answer = self.server.getresponse()
            found = answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException) as error:
            found = 0, {}, type(error).__name__.encode()
        self.longest = max(self.longest, time.monotonic() - began)
        if found[0] == 0 or found[0] >= 500:
            self.change()
        return found

    def change(self):
        if self.server is not None:
            self.server.close()
        self.server = None
        self.turn += 1


def pause(status, headers):
    """How long to wait before the same request is sent again, in seconds."""
    return float(headers.get("Retry-After", 1)) if status else 0.2


def simulated(services, episodes, seed):
    """The events of simulated episodes in their order, as requests take them, by episode."""
    lines = services.run("simulate", "--episodes", str(episodes), "--seed", str(seed))
    found = collections.OrderedDict()
    for line in lines.splitlines():
        event = json.loads(line)
        found.setdefault(event.pop("episode_id"), []).append(event)
    return list(found.items())


class Writer(threading.Thread):
    """Appends the events of its episodes, some episodes at a time: so many a second, at random times,
    so that writers do not come together."""

    OPEN = 4

    def __init__(self, ledger, episodes, client, rate, journal, stop):
        super().__init__(daemon=True)
        self.ledger, self.client, self.rate = ledger, client, rate
        self.episodes = iter(episodes)
        self.journal, self.stop = journal, stop

    def run(self):
        due = time.monotonic()
        for episode, version, event in self.events():
            # What was missed while it waited is not made up for.
            due = max(due + random.expovariate(self.rate), time.monotonic())
            if self.stop.wait(due - time.monotonic()) or not self.append(episode, version, event):
                break
        self.journal.note(what="ended", ledger=self.ledger, longest=self.client.longest)

    def events(self):
        """The next event of each open episode in turn."""
        under_way = collections.deque()
        while True:
            while len(under_way) < self.OPEN:
                episode = next(self.episodes, None)
                if episode is None:
                    break
                under_way.append((episode[0], enumerate(episode[1])))
            if not under_way:
                return
            episode, events = under_way.popleft()
            following = next(events, None)
            if following is not None:
                under_way.append((episode, events))
                yield episode, *following

    def append(self, episode, version, event):
        """Sends until it is acknowledged; whether it was."""
        headers = {"If-Match": f'"{version}"'} if version else {"If-None-Match": "*"}
        path = f"/v1/ledgers/{self.ledger}/episodes/{episode}/events"
        body = json.dumps(event)
        asked, attempts, stopped = time.monotonic(), 0, None
        told = {
            "ledger": self.ledger, "episode": episode, "version": version + 1,
            "event_id": event["event_id"],
        }
        while True:
            attempts += 1
            status, fields, data = self.client.ask("POST", path, body, headers)
            told.update(asked=asked, took=time.monotonic() - asked, attempts=attempts)
            if status in (200, 201):
                receipt = json.loads(data)["events"][0]
                told.update(
                    what="acknowledged", position=receipt["position"], duplicate=status == 200,
                    told_version=receipt["version"], told_id=receipt["event_id"],
                )
                self.journal.note(**told)
                return True
            if status not in (0, 429, 503):
                self.journal.note(what="refused", status=status, answer=data[:500].decode(), **told)
                return False
            if self.stop.is_set():
                stopped = stopped or time.monotonic()
                if time.monotonic() - stopped > 60:
                    self.journal.note(what="unsettled", status=status, **told)
                    return False
            time.sleep(pause(status, fields))


def write(installation, episodes, writers, rate, journal, stop):
    """Runs the writers of all ledgers until they are told to stop, each with its share of the
    ledger's episodes."""
    threads = []
    for number in range(writers):
        ledger = installation.ledgers[number % len(installation.ledgers)]
        share = writers // len(installation.ledgers)
        own = episodes[ledger][number // len(installation.ledgers)::share]
        client = Client(installation.ports, installation.token, first=number // 4)
        threads.append(Writer(ledger, own, client, rate / writers, journal, stop))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
