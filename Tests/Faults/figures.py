"""What the journals of writers and probes say of a stretch of time: does everything work again, and
since when."""

from probes import SLOW, Probes

KINDS = ("append", *Probes.KINDS)


class Requests:
    """The requests of writers and probes, as far as the journals are written."""

    def __init__(self, writers, probes):
        self.writers, self.probes = writers, probes

    def acknowledged(self, began=0, end=float("inf")):
        """Appends that were asked for in a stretch of time, and acknowledged whenever."""
        return [
            entry for entry in self.writers.read()
            if entry["what"] == "acknowledged" and began <= entry["asked"] < end
        ]

    def work(self, since):
        """Whether the newest request of each kind, asked for after a time, was answered well."""
        newest = {}
        for entry in self.probes.read():
            if entry["asked"] > since:
                newest[entry["kind"]] = entry["good"] and entry["took"] < SLOW
        appended = any(
            entry["what"] == "acknowledged" and entry["asked"] > since
            for entry in reversed(self.writers.read())
        )
        return appended and len(newest) == len(Probes.KINDS) and all(newest.values())

    def by_kind(self, began, end=float("inf")):
        """(answered at, good, took) of each request that was asked for and answered in a stretch of
        time: one that is under way at its end meets with what comes next."""
        found = {kind: [] for kind in KINDS}
        appends = ({"kind": "append", "good": True, **entry} for entry in self.acknowledged(began))
        for entry in [*self.probes.read(), *appends]:
            answered = entry["asked"] + entry["took"]
            if began <= entry["asked"] and answered < end:
                found[entry["kind"]].append((answered, entry["good"], entry["took"]))
        return found


def first_good(requests, since):
    """Seconds until the first request was answered well."""
    return min((at for at, good, _ in requests if good and at > since), default=float("inf")) - since


def good_again(requests, since):
    """Seconds until a request was answered well after the last one that was refused or slow; 0 where
    none was after that time."""
    bad = [request for request in requests if not request[1] or request[2] > SLOW]
    if not bad:
        return 0
    at, good, _ = max(bad)
    # Who is answered late is answered: it works from then on.
    return max(0, (at if good else first_good(requests, at) + at) - since)
