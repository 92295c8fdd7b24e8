"""Those who read: streams, `follow`, webhooks and durable subscriptions, each of which notes every event
that it is given, when, and what it was not given rightly."""

import http.client
import http.server
import json
import os
import subprocess
import sys
import threading
import time

from installation import ROOT
from writers import Client

sys.path.insert(0, os.path.join(ROOT, "Tests/Independent"))

from check_webhooks import check_event, check_signature


class Reader:
    """One reader of one ledger. Its `progress` is the number of different events that it has got."""

    def __init__(self, kind, ledger, number, journal, progress):
        self.kind, self.ledger = kind, ledger
        self.name = f"{kind} {ledger} {number}"
        self.journal = journal
        self.slot, self.progress = progress

    def got(self, position, event_id, **fields):
        self.journal.note(
            reader=self.name, kind=self.kind, ledger=self.ledger, position=position,
            event_id=event_id, at=time.monotonic(), **fields,
        )

    def counted(self, number):
        self.progress[self.slot] = number

    def note(self, what, detail=""):
        """Something besides events: a connection that was made again, a fault."""
        self.journal.note(
            reader=self.name, kind=self.kind, ledger=self.ledger, what=what, detail=detail,
            at=time.monotonic(),
        )

    def start(self):
        threading.Thread(target=self.run, daemon=True).start()


class Stream(Reader):
    """Reads server-sent events, and comes back with the last id, at the other service if need be."""

    # The service sends a comment every 15 s.
    SILENCE = 20

    def __init__(self, installation, number, *rest):
        super().__init__("stream", *rest)
        self.installation, self.turn = installation, number
        self.last = 0

    def run(self):
        while True:
            try:
                self.follow()
            except (OSError, http.client.HTTPException) as error:
                self.note("again", type(error).__name__)
            self.turn += 1
            time.sleep(0.2)

    def follow(self):
        port = self.installation.ports[self.turn % 2]
        server = http.client.HTTPConnection("127.0.0.1", port, timeout=self.SILENCE)
        try:
            server.request(
                "GET", f"/v1/ledgers/{self.ledger}/events", headers={
                    "Authorization": f"Bearer {self.installation.token}",
                    "Accept": "text/event-stream", "Last-Event-ID": str(self.last),
                },
            )
            answer = server.getresponse()
            if answer.status != 200:
                self.note("again", str(answer.status))
                return
            rest = b""
            while chunk := answer.read1(1 << 18):
                *blocks, rest = (rest + chunk).split(b"\n\n")
                for block in blocks:
                    self.take(dict(
                        line.split(b": ", 1) for line in block.split(b"\n") if not line.startswith(b":")
                        and b": " in line
                    ))
            self.note("again", "ended")
        finally:
            server.close()

    def take(self, fields):
        if b"id" not in fields:
            if b"event" in fields:
                self.note("fault", fields[b"event"].decode())
            return
        event = json.loads(fields[b"data"])
        self.last = int(fields[b"id"])
        self.got(event["position"], event["event_id"], cursor=self.last)
        self.counted(self.last)


class Follower(Reader):
    """`episode-ledger follow`, begun again after the last position where it ends."""

    def __init__(self, installation, stop, *rest):
        super().__init__("follow", *rest)
        self.services, self.stop = installation.services, stop
        self.last = 0

    def run(self):
        while True:
            process = self.services.start(
                self.name.replace(" ", "-"), "follow", "--ledger", self.ledger, "--after",
                str(self.last), "--format", "json", stdout=subprocess.PIPE,
            )
            for line in process.stdout:
                event = json.loads(line)
                self.last = event["position"]
                self.got(self.last, event["event_id"])
                self.counted(self.last)
            if self.stop.is_set():
                return
            self.note("again", f"exit status {process.wait()}")
            time.sleep(0.2)


class Webhook(Reader):
    """A receiver of webhooks, which can be made to hang."""

    def __init__(self, installation, hangs, *rest):
        super().__init__("webhook", *rest)
        self.installation, self.hangs = installation, hangs
        self.lock = threading.Lock()
        self.seen = set()
        reader = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                reader.receive({name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: self.note("again", "the sender has gone")
        told = installation.ask(
            "PUT", f"{self.ledger}/subscriptions/notify", json.dumps({
                "after": 0,
                "webhook": {"url": f"http://127.0.0.1:{self.server.server_address[1]}/events"},
            }),
        )
        self.secret = told["secret"]

    def run(self):
        self.server.serve_forever()

    def receive(self, headers, body):
        try:
            check_signature(headers, body.decode(), self.secret)
            attributes, data, _ = check_event(headers, body.decode())
        except Exception as error:
            self.note("fault", f"{type(error).__name__}: {error}")
            return
        with self.lock:
            self.got(data["position"], attributes["id"], message=headers["webhook-id"])
            self.seen.add(data["position"])
            self.counted(len(self.seen))
        while self.hangs.is_set():
            time.sleep(0.1)


class Handled:
    """What the consumers of one subscription have dealt with: for each bucket the last position, kept
    together with the effect. The effect is the line in the journal."""

    def __init__(self):
        self.lock = threading.Lock()
        self.position, self.acknowledged = {}, {}
        self.count = 0


class Consumer(Reader):
    """A worker of a durable subscription."""

    def __init__(self, installation, number, handled, *rest):
        super().__init__("subscription", *rest)
        self.client = Client(installation.ports, installation.token, first=number)
        self.handled = handled
        self.path = f"/v1/ledgers/{self.ledger}/subscriptions/work"
        self.consumer = f"consumer-{number}"

    @staticmethod
    def subscribe(installation, ledger):
        installation.ask("PUT", f"{ledger}/subscriptions/work", json.dumps(
            {"after": 0, "lease_seconds": 5}
        ))

    def run(self):
        while True:
            with self.handled.lock:
                acknowledged = dict(self.handled.acknowledged)
            status, _, data = self.client.ask(
                "GET", f"{self.path}/events?wait=2&limit=200&consumer={self.consumer}"
            )
            if status != 200:
                if status not in (0, 503):
                    self.note("fault", f"fetch: {status} {data[:300].decode()}")
                time.sleep(0.3)
                continue
            found = json.loads(data)
            for event in found["events"]:
                self.deal_with(event, acknowledged)
            if found["batches"]:
                self.acknowledge(found["batches"])

    def deal_with(self, event, acknowledged):
        position, bucket = event["position"], event["bucket"]
        if position <= acknowledged.get(bucket, 0):
            self.note("fault", f"position {position} came after it was acknowledged")
        with self.handled.lock:
            if position <= self.handled.position.get(bucket, 0):
                return self.note("redelivered", str(position))
            self.handled.position[bucket] = position
            self.handled.count += 1
            self.got(position, event["event_id"], bucket=bucket)
            self.counted(self.handled.count)

    def acknowledge(self, batches):
        told = [{name: batch[name] for name in ("bucket", "from", "to", "epoch")} for batch in batches]
        while True:
            status, _, data = self.client.ask("POST", f"{self.path}/ack", json.dumps(told))
            if status == 200:
                with self.handled.lock:
                    for batch in batches:
                        before = self.handled.acknowledged.get(batch["bucket"], 0)
                        self.handled.acknowledged[batch["bucket"]] = max(before, batch["to"])
                return
            if status == 409:
                # Acknowledged by a call whose answer was lost, or another's by now.
                return self.note("conflict")
            if status not in (0, 503):
                self.note("fault", f"acknowledgment: {status} {data[:300].decode()}")
            time.sleep(0.3)


def readers(installation, hangs, journal, progress, stop):
    """All readers of all ledgers, in the order of their slots of `progress`."""
    found = []

    def add(make, ledger, number, *first):
        found.append(make(*first, ledger, number, journal, (len(found), progress)))

    for ledger in installation.ledgers:
        for number in range(2):
            add(Stream, ledger, number, installation, number)
        add(Follower, ledger, 0, installation, stop)
        add(Webhook, ledger, 0, installation, hangs[ledger])
        Consumer.subscribe(installation, ledger)
        handled = Handled()
        for number in range(2):
            add(Consumer, ledger, number, installation, number, handled)
    return found


# Of one ledger.
READERS = 6


def read(installation, hangs, journal, progress, stop):
    for reader in readers(installation, hangs, journal, progress, stop):
        reader.start()
    stop.wait()
    for process in installation.services.processes:
        if process.args[1] == "follow" and process.poll() is None:
            process.terminate()
            process.wait(30)
