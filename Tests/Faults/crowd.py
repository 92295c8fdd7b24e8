"""One tenant and many strangers do what they can to hold up the others.

    python3 Tests/Faults/crowd.py [SECONDS]

Four tenants share a service. First three of them append and ask for the census while nothing else goes on.
Then, for the seconds (600): the fourth folds the past and has an event of the year 1951, 300 connections
send requests and read nothing, 500 stay idle, nobody reads the service's log, and denials rain. Exit
status 1 if another tenant's append or census has a p99 of ten times its quiet value or more, if a request
of theirs fails, or if the service takes 400 MB. Uses the release build, or EPISODE_LEDGER_PROGRAM. All
data is simulated.
"""

import contextlib
import json
import multiprocessing
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "Benchmarks/Http"))

from bench import Services, ask, free_port, memory, percentile
from load import Load

GREEDY, OTHERS = "north", ("east", "south", "west")
# Requests a second of each kind and tenant.
RATE = 5
UNREAD, IDLE, FOLDERS, DENIED = 300, 500, 12, 4
MOST_TIMES, MOST_MEGABYTES = 10, 400


def event(kind, data, occurred_at, **more):
    return {
        "event_id": str(uuid.uuid4()), "type": kind, "schema_version": 1, "occurred_at": occurred_at,
        "author": {"id": "simulator", "role": "therapist"}, "data": data, **more,
    }


def admission(client, episode, occurred_at="2025-02-01T15:00:00Z"):
    data = {
        "client_id": client, "program": "iop-adult-day", "level_of_care": "intensive_outpatient",
    }
    return event("admitted", data, occurred_at, episode_id=episode)


class Tenants(Services):
    """A service whose log nobody reads, with four ledgers."""

    def __init__(self):
        super().__init__()
        self.open = {}
        for seed, ledger in enumerate((GREEDY, *OTHERS), start=1):
            self.run("ledgers", "create", ledger, "--time-zone", "UTC")
            episodes = 600 if ledger == GREEDY else 100
            lines = self.run("simulate", "--episodes", str(episodes), "--seed", str(seed)).splitlines()
            self.open[ledger] = [str(uuid.uuid4()) for _ in range(100)]
            lines += [
                json.dumps(admission(f"OPEN-{number}", episode))
                for number, episode in enumerate(self.open[ledger])
            ]
            if ledger == GREEDY:
                self.old = str(uuid.uuid4())
                lines.append(json.dumps(admission("OLD-1", self.old, "1951-01-06T15:00:00Z")))
            self.run("import", "-", "--ledger", ledger, input="\n".join(lines))
        self.tokens = {
            ledger: self.bearer("service", "clinician", ledger=ledger) for ledger in self.open
        }

    def serve_unheard(self):
        port = free_port()
        # The pipe is never read.
        process = subprocess.Popen(
            [self.program, "serve", "--port", str(port)], cwd=self.folder, env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        self.processes.append(process)
        process.port = port
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError):
                if ask(port, "GET", "/readyz")[0] == 200:
                    return process
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the service does not start")
            time.sleep(0.05)

    def append(self, ledger):
        def request(number):
            episodes = self.open[ledger]
            body = json.dumps(event(
                "session_attended",
                {
                    "session_id": str(uuid.uuid4()), "kind": "group", "minutes": 60,
                    "attendance": "full", "mode": "in_person",
                },
                "2025-03-01T15:00:00Z",
            )).encode()
            return self.head("POST", ledger, f"episodes/{episodes[number % len(episodes)]}/events",
                             len(body)) + body
        return request

    def census(self, ledger):
        return lambda _: self.head("GET", ledger, "census?date=2025-03-01")

    def head(self, method, ledger, path, length=0):
        return (
            f"{method} /v1/ledgers/{ledger}/{path} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {self.tokens[ledger]}\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def measure(self, port, seconds):
        """Latencies of the others, by tenant and kind, and how many of their requests failed."""
        loads = {
            (ledger, kind): Load(port, make(ledger), seconds, 4, RATE)
            for ledger in OTHERS
            for kind, make in (("append", self.append), ("census", self.census))
        }
        ended = {name: load.wait() for name, load in loads.items()}
        return (
            {name: percentile(load.latencies, 0.99) for name, load in ended.items()},
            {name: load.statuses for name, load in ended.items() if load.failed},
        )


class Crowd:
    """Those who hold up; each in processes of its own."""

    def __init__(self, tenants, port):
        self.tenants, self.port = tenants, port
        context = multiprocessing.get_context("fork")
        self.over = context.Event()
        self.told = context.Manager().dict()
        self.processes = [
            context.Process(target=body, daemon=True)
            for body in (self.unread, self.idle, self.fold, self.deny)
        ]

    def __enter__(self):
        for process in self.processes:
            process.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for process in self.processes:
            process.join(60)
            process.kill()

    def hold(self, count, greeting):
        """So many connections, each made anew when it was closed."""
        held, made = [], 0
        while not self.over.is_set():
            alive = []
            for connection in held:
                try:
                    # What has come is left where it is.
                    if connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
                        connection.close()
                        continue
                except BlockingIOError:
                    pass
                except OSError:
                    connection.close()
                    continue
                alive.append(connection)
            held = alive
            while len(held) < count and not self.over.is_set():
                connection = socket.socket()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                connection.settimeout(5)
                try:
                    connection.connect(("127.0.0.1", self.port))
                    made += 1
                    connection.setblocking(False)
                    connection.send(greeting)
                except (BlockingIOError, TimeoutError):
                    pass
                except OSError:
                    connection.close()
                    time.sleep(0.1)
                    continue
                held.append(connection)
            time.sleep(1)
        return made

    def unread(self):
        self.told["unread"] = self.hold(UNREAD, b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 400)

    def idle(self):
        self.told["idle"] = self.hold(IDLE, b"")

    def ask_on(self, name, count, requests):
        statuses, lock = {}, threading.Lock()

        def go_on(number):
            while not self.over.is_set():
                ledger, path = requests[number % len(requests)]
                try:
                    target = f"/v1/ledgers/{ledger}/{path}"
                    status = ask(self.port, "GET", target, self.tenants.tokens[GREEDY])[0]
                except OSError:
                    status = 0
                with lock:
                    statuses[status] = statuses.get(status, 0) + 1

        threads = [threading.Thread(target=go_on, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.told[name] = statuses

    def fold(self):
        known = f"known_at={time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
        self.ask_on("folds", FOLDERS, [
            (GREEDY, f"census?date=2025-03-01&{known}"),
            (GREEDY, f"medication-review?program=iop-adult-day&{known}"),
            (GREEDY, f"attendance?episode={self.tenants.old}"),
        ])

    def deny(self):
        self.ask_on("denials", DENIED, [(ledger, "census?date=2025-03-01") for ledger in OTHERS])


def main(seconds):
    faults = []
    with Tenants() as tenants:
        service = tenants.serve_unheard()
        tenants.measure(service.port, 5)
        quiet, _ = tenants.measure(service.port, min(60, max(20, seconds // 10)))
        most, over = [0.0], threading.Event()

        def watch():
            while not over.wait(0.5):
                most[0] = max(most[0], memory(service))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            with Crowd(tenants, service.port) as crowd:
                time.sleep(3)
                held, failed = tenants.measure(service.port, seconds)
        finally:
            over.set()
            watcher.join()
        if service.poll() is not None:
            faults.append(f"the service has ended: {service.poll()}")
        print(f"{'p99, ms':<16} {'quiet':>8} {'held':>8} {'times':>6}")
        for name, before in sorted(quiet.items()):
            times = held[name] / before
            print(f"{' '.join(name):<16} {before * 1e3:>8.1f} {held[name] * 1e3:>8.1f} {times:>6.1f}")
            if times >= MOST_TIMES:
                faults.append(f"{' '.join(name)}: {times:.1f} times its quiet p99")
        for name, statuses in failed.items():
            faults.append(f"{' '.join(name)}: {statuses}")
        print(f"at most {most[0]:.0f} MB; {dict(crowd.told)}")
        if most[0] >= MOST_MEGABYTES:
            faults.append(f"the service took {most[0]:.0f} MB")
        # Nobody reads the log: what the service still says at its end must not keep it from ending.
        service.send_signal(signal.SIGTERM)
        try:
            service.wait(60)
        except subprocess.TimeoutExpired:
            faults.append("the service does not end")
            os.kill(service.pid, signal.SIGKILL)
    for fault in faults:
        print(f"BROKEN: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) > 2 or not all(word.isdigit() for word in sys.argv[1:]):
        raise SystemExit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 600))
