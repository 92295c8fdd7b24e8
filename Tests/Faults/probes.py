"""Probes: one request of each kind again and again, as a client sends it who asks the other service
where one does not answer. What they see says when a kind of request works again."""

import json
import threading
import time

from writers import Client

# From that time on an answer counts as away, in seconds: who waits has noticed.
SLOW = 1
INTERVAL = 0.25


class Probes:
    """What the probes have learned from each other: heads, with the time, and an episode."""

    def __init__(self, installation, journal):
        self.installation, self.journal = installation, journal
        self.heads = {ledger: [(0, 0)] for ledger in installation.ledgers}
        self.episode = {}

    def page(self, ledger, ask):
        after = max(0, self.heads[ledger][-1][1] - 100)
        status, data = ask(f"events?after={after}&limit=100")
        if status == 200:
            page = json.loads(data)
            self.heads[ledger] = self.heads[ledger][-40:] + [(time.monotonic(), page["head"])]
            if page["events"]:
                self.episode[ledger] = page["events"][-1]["episode_id"]
        return status == 200

    def one_episode(self, ledger, ask):
        if ledger not in self.episode:
            return None
        return ask(f"episodes/{self.episode[ledger]}")[0] == 200

    def census(self, ledger, ask):
        return ask("census?date=2025-10-01")[0] == 200

    def read_models(self, ledger, ask):
        """A census of all that the last page has told of."""
        return ask(f"census?date=2025-10-01&at_least={self.heads[ledger][-1][1]}")[0] == 200

    def seal(self, ledger, ask):
        """A checkpoint of all that was there more than two seconds ago."""
        head = max(head for at, head in self.heads[ledger] if at < time.monotonic() - 2)
        if head == 0:
            return None
        status, data = ask("checkpoint?seal=false", {"Accept": "application/json"})
        return status == 200 and json.loads(data)["size"] >= head

    def ready(self, ledger, ask):
        return ask("/readyz")[0] == 200

    KINDS = ("page", "one_episode", "census", "read_models", "seal", "ready")

    def run(self, kind, stop):
        client = Client(self.installation.ports, self.installation.token)
        number = 0
        while not stop.wait(INTERVAL):
            number += 1
            client.turn = number
            ledger = self.installation.ledgers[number // 2 % len(self.installation.ledgers)]
            asked, good = time.monotonic(), False
            for _ in range(2):
                status = None

                def ask(path, headers=None):
                    nonlocal status
                    place = path if path[0] == "/" else f"/v1/ledgers/{ledger}/{path}"
                    status, _, data = client.ask("GET", place, headers=headers)
                    return status, data

                good = getattr(self, kind)(ledger, ask)
                if good is not False:
                    break
            client.change()
            if good is not None:
                self.journal.note(
                    kind=kind, ledger=ledger, asked=asked, took=time.monotonic() - asked,
                    good=good, status=status,
                )


def probe(installation, journal, stop):
    probes = Probes(installation, journal)
    threads = [
        threading.Thread(target=probes.run, args=(kind, stop), daemon=True)
        for kind in Probes.KINDS
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(30)
