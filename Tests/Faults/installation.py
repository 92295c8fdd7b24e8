"""The installation that faults befall: two services and a worker on one database, which has a standby.

The database's address names a host that says nothing, then the primary, then the standby. The standby
is a synchronous one: what is acknowledged is on both. A second cluster takes the place of one that was
lost, on the same port.
"""

import json
import multiprocessing
import os
import socket
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "Benchmarks/Http"))

from bench import PROGRAM, Services, ask, free_port, percentile
from cluster import Cluster

# Within that time everything works again after the database's host fell silent, in seconds.
BACK = 15

# A standby that has lost its primary looks for it again soon: commits wait for it meanwhile.
SETTINGS = ("wal_retrieve_retry_interval=500ms",)


class Database:
    """A primary with its standby, and the address of both."""

    def __init__(self, silent_first=True):
        self.silent = socket.socket()
        self.silent.bind(("127.0.0.1", 0))
        # The kernel takes connections for it, and nobody ever speaks.
        self.silent.listen(1)
        self.primary = Cluster(settings=SETTINGS)
        try:
            self.primary.sql("create database ledger")
            self.standby = Cluster(self.primary, settings=SETTINGS)
        except BaseException:
            self.primary.close()
            raise
        self.primary.replicate(self.standby)
        ports = [self.primary.port, self.standby.port]
        if silent_first:
            ports.insert(0, self.silent.getsockname()[1])
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        self.url = f"postgresql://postgres@{hosts}/ledger"

    def fail_over(self):
        """The primary falls silent, and the standby takes its place. Returns the old one."""
        old, self.primary = self.primary, self.standby
        old.freeze()
        self.primary.promote()
        return old

    def replace(self, old):
        """Ends what was the primary, and makes a standby in its place."""
        old.close()
        self.standby = Cluster(self.primary, port=old.port, settings=SETTINGS)
        self.primary.replicate(self.standby)

    def sql(self, text):
        return self.primary.sql(text, database="ledger")

    def close(self):
        self.standby.close()
        self.primary.close()
        self.silent.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Installation:
    """Services on a database, with ledgers, and perhaps a worker besides."""

    def __init__(self, database, ledgers, program=PROGRAM, services=2, worker=True, options=()):
        self.database, self.ledgers, self.options = database, ledgers, options
        self.services = Services(database.url, program)
        for ledger in ledgers:
            self.services.run("ledgers", "create", ledger, "--time-zone", "America/New_York")
        self.token = self.services.bearer("service", "auditor", "administrator")
        self.ports = [free_port() for _ in range(services)]
        self.serving = [self.serve(number) for number in range(services)]
        self.worker = self.work() if worker else None

    def serve(self, number, wait=True):
        return self.services.serve(*self.options, port=self.ports[number], wait=wait)

    def work(self):
        return self.services.start("worker", "projections", "run")

    def ask(self, method, path, body=None):
        """What the first service answers to a request, which must succeed."""
        status, _, data = ask(self.ports[0], method, f"/v1/ledgers/{path}", self.token, body)
        if status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {status} {data[:300]}")
        return json.loads(data)

    def head(self, ledger):
        return self.ask("GET", f"{ledger}/events?limit=1")["head"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.services.close()


class Flag:
    """Set in one process and seen in those that it has forked, whatever becomes of them."""

    def __init__(self):
        self.value = multiprocessing.RawValue("b", 0)

    def set(self):
        self.value.value = 1

    def clear(self):
        self.value.value = 0

    def is_set(self):
        return bool(self.value.value)

    def wait(self, seconds=float("inf")):
        """Whether it is set, at the latest after a time."""
        end = time.monotonic() + seconds
        while not self.is_set() and (rest := end - time.monotonic()) > 0:
            time.sleep(min(rest, 0.5))
        return self.is_set()


class Journal:
    """What happened, as lines of JSON that another process can read while they are written."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")
        self.lock = threading.Lock()

    def note(self, **fields):
        line = json.dumps(fields)
        with self.lock:
            self.file.write(line + "\n")
            self.file.flush()


class JournalReader:
    """The entries of a journal, as far as they are written."""

    def __init__(self, path):
        open(path, "a").close()
        self.file = open(path, encoding="utf-8")
        self.rest = ""
        self.entries = []

    def read(self):
        *lines, self.rest = (self.rest + self.file.read()).split("\n")
        self.entries += map(json.loads, lines)
        return self.entries


def until(condition, seconds, pause=0.1):
    """Whether something came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
