"""What measurements and fault tests of the service have in common: a folder with services, and how they
are asked. The program is the release build of this repository, or what EPISODE_LEDGER_PROGRAM names."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get(
    "EPISODE_LEDGER_PROGRAM", os.path.join(ROOT, ".build/release/episode-ledger")
)
HERE = os.path.dirname(os.path.abspath(__file__))


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Services:
    """A folder, and the services that were started in it: on a private database, or on a given one."""

    def __init__(self, database=None, program=PROGRAM):
        self.program = program
        self.folder = tempfile.mkdtemp(prefix="el-http-")
        os.chmod(self.folder, 0o755)
        self.environment = dict(os.environ)
        if database:
            self.environment["EPISODE_LEDGER_DATABASE_URL"] = database
        self.processes = []
        # Whether the folder stays, for somebody to look at its logs.
        self.keep = False
        if database:
            try:
                self.run("migrate")
            except BaseException:
                self.close()
                raise

    def run(self, *words, input=None):
        """What a command prints."""
        return subprocess.run(
            [self.program, *words], cwd=self.folder, env=self.environment, input=input, text=True,
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ).stdout

    def bearer(self, *roles, ledger=None):
        """A token with these roles, for one ledger or for all."""
        words = [word for role in roles for word in ("--role", role)]
        place = ["--ledger", ledger] if ledger else ["--all-ledgers"]
        return self.run("token", *words, *place).strip()

    def start(self, name, *words, **options):
        """A process of the program that stays; what it says on standard error is in NAME.log."""
        with open(os.path.join(self.folder, f"{name}.log"), "a") as log:
            process = subprocess.Popen(
                [self.program, *words], cwd=self.folder, env=self.environment, stderr=log, **options
            )
        self.processes.append(process)
        return process

    def serve(self, *words, port=None, wait=True):
        port = port or free_port()
        began = time.monotonic()
        process = self.start(f"serve-{port}", "serve", "--port", str(port), *words)
        process.port = port
        while wait:
            try:
                answer = ask(port, "GET", "/readyz")
                if answer[0] == 200:
                    break
            except OSError:
                pass
            if process.poll() is not None or time.monotonic() - began > 60:
                raise SystemExit("the service does not start")
            time.sleep(0.005)
        process.ready = time.monotonic() - began
        return process

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                print("a service did not end within 30 s")
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Bench(Services):
    """Services with a ledger, `bench`, of open episodes."""

    def __init__(self, episodes=1000, database=None, program=PROGRAM):
        super().__init__(database, program)
        self.run("ledgers", "create", "bench", "--time-zone", "UTC")
        self.episodes = [str(uuid.uuid4()) for _ in range(episodes)]
        lines = [
            json.dumps(
                {
                    "event_id": str(uuid.uuid4()), "episode_id": episode, "type": "admitted",
                    "schema_version": 1, "occurred_at": "2025-02-01T15:00:00Z",
                    "author": {"id": "simulator", "role": "nurse"},
                    "data": {
                        "client_id": f"SIM-{number}", "program": "iop-adult-day",
                        "level_of_care": "intensive_outpatient",
                    },
                }
            )
            for number, episode in enumerate(self.episodes)
        ]
        self.run("import", "-", "--ledger", "bench", input="\n".join(lines))
        self.token = self.bearer("service", "auditor", ledger="bench")

    def event(self):
        return json.dumps(
            {
                "event_id": str(uuid.uuid4()), "type": "session_attended", "schema_version": 1,
                "occurred_at": "2025-03-01T15:00:00Z",
                "author": {"id": "simulator", "role": "therapist"},
                "data": {
                    "session_id": str(uuid.uuid4()), "kind": "group", "minutes": 60,
                    "attendance": "full", "mode": "in_person",
                },
            }
        )

    def append(self, number):
        """The bytes of a request that appends one event; episodes are taken in turn."""
        body = self.event().encode()
        episode = self.episodes[number % len(self.episodes)]
        head = (
            f"POST /v1/ledgers/bench/episodes/{episode}/events HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def head(self, port):
        path = "/v1/ledgers/bench/events?limit=1"
        return json.loads(ask(port, "GET", path, self.token)[2])["head"]


def ask(port, method, path, token=None, body=None, headers=None, timeout=30):
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        fields = dict(headers or {})
        if token:
            fields["Authorization"] = f"Bearer {token}"
        server.request(method, path, body=body, headers=fields)
        answer = server.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        server.close()


def open_stream(port, token, after, buffer=None, ledger="bench"):
    """A stream of events after a position, of which only what comes is still to be read."""
    stream = socket.socket()
    if buffer:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    stream.connect(("127.0.0.1", port))
    stream.sendall(
        f"GET /v1/ledgers/{ledger}/events?after={after} HTTP/1.1\r\nHost: x\r\n"
        f"Accept: text/event-stream\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    return stream


def memory(process, name="VmRSS"):
    """Resident memory in MB."""
    with open(f"/proc/{process.pid}/status") as file:
        for line in file:
            if line.startswith(name):
                return int(line.split()[1]) / 1024
    return float("nan")


def processor_seconds(pid, children=False):
    """Processor time of a process, user and system; with `children` that of those that are there, and
    of those that have ended, too."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    own, ended = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
    ticks = (own + ended if children else own) / os.sysconf("SC_CLK_TCK")
    if children:
        for child in child_pids(pid):
            try:
                ticks += processor_seconds(child, True)
            except OSError:
                pass
    return ticks


def child_pids(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]
