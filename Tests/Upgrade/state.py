"""Makes the state that is recorded: two ledgers in which everything has happened, all of it simulated."""

import datetime
import glob
import hashlib
import http.server
import json
import pathlib
import secrets
import threading
import time

from program import eventually

GOLDEN = pathlib.Path(__file__).parent.parent / "EpisodeLedgerTests" / "GoldenEpisodes"
ZONES = {"north": "America/New_York", "south": "America/Chicago"}

VISITED = "019bb000-0000-7000-8000-00000000a000"
PARKED = "019bb000-0000-7000-8000-00000000f000"
CONSUMER = "worker-1"
# Events of north that the subscription is for: enough to stand in the middle of, and not many.
WANTED = ["admitted", "medication_adjusted", "completed", "discharged"]
# Short, so that what was given out is free again when the state is dumped.
LEASE_SECONDS = 3


def make(program, cluster, receiver):
    """Makes the state with a program, stops it, and returns what is known about the state."""
    for name, zone in ZONES.items():
        program.succeed("ledgers", "create", name, "--time-zone", zone)
    record(program, "north", golden_episodes())
    record(program, "north", program.succeed("simulate", "--episodes", "10", "--seed", "11"))
    record(program, "south", program.succeed("simulate", "--episodes", "10", "--seed", "12", "--until",
                                             "2025-12-01", "--corrections", "2", "--retractions", "2"))
    with program.serving("--allow-private-webhooks") as service:
        append(service)
        read(service)
        subscription = subscribe(service)
        bury(service)
        webhook = fail(service, receiver)
    # So that one read model has tables of a second generation.
    program.succeed("projections", "rebuild", "medication_review", "--ledger", "north")
    parked = park(program, cluster)
    for name in ZONES:
        program.succeed("projections", "run", "--until-caught-up", "--ledger", name)
        program.succeed("checkpoint", "--ledger", name)
    # Until then the leases last, and the webhook is not due.
    time.sleep(max(LEASE_SECONDS, 6) + 1)
    return {"subscription": subscription, "webhook": webhook, "parked": parked}


def golden_episodes():
    return "".join(pathlib.Path(file).read_text(encoding="utf-8")
                   for file in sorted(glob.glob(f"{GOLDEN}/*.ndjson")))


def record(program, ledger, lines):
    imported = program.answer("import", "-", "--ledger", ledger, text=lines)
    if imported["refused"] or not imported["appended"]:
        raise RuntimeError(f"import into {ledger}: {imported}")
    program.succeed("checkpoint", "--ledger", ledger)


# MARK: Over HTTP

def event(number, type, day, data, **more):
    """An event of a day of October 2025; its id is made of the number."""
    return {"event_id": f"019bb000-0000-7000-8000-{number:012x}", "type": type,
            "occurred_at": f"2025-10-{day:02}T15:00:00Z",
            "author": {"id": "upgrade", "role": "therapist"}, "data": data, **more}


def admission(number, client):
    return event(number, "admitted", 6, {
        "client_id": client, "program": "iop-adult-day", "level_of_care": "intensive_outpatient",
        "reason": "Simulated episode; not a real person."})


def session(number, day, minutes=60):
    return event(number, "session_attended", day,
                 {"session_id": f"up-{number}", "kind": "individual", "minutes": minutes})


def append(service):
    """An episode over HTTP, with a correction and a retraction, and requests that come to nothing."""
    path = f"/v1/ledgers/north/episodes/{VISITED}/events"
    begun = [admission(1, "SIM-UPGRADE-1"),
             session(2, 7) | {"source_recorded_at": "2025-10-08T09:00:00Z"}, session(3, 9)]
    service.json("POST", path, "service", begun, {"If-None-Match": "*"})
    service.json("POST", path, "clinician", session(4, 10),
                 {"If-Match": '"3"', "Prefer": "wait=sealed", "X-Purpose-Of-Use": "TREAT"})
    service.json("POST", path, "clinician", event(5, "entry_corrected", 12, {
        "target_event_id": begun[1]["event_id"], "reason": "It was a group",
        "replacement": begun[1]["data"] | {"kind": "group"}}))
    service.json("POST", path, "administrator", event(6, "entry_retracted", 13, {
        "target_event_id": begun[2]["event_id"], "reason": "Entered for another client"}))
    # The same again, another version, another content, and something that is no event.
    service.json("POST", path, "service", begun)
    service.refuse(409, "POST", path, "clinician", session(7, 14), {"If-Match": '"2"'})
    service.refuse(409, "POST", path, "clinician", session(4, 10, minutes=90))
    service.refuse(422, "POST", path, "clinician", session(8, 14, minutes=0))
    service.json("POST", f"/v1/ledgers/south/episodes/{PARKED}/events", "service",
                 admission(15, "SIM-UPGRADE-2"))


def read(service):
    """What the access log keeps: reads with and without a purpose, and denials."""
    north = "/v1/ledgers/north"
    service.json("GET", f"{north}/census?date=2025-10-31", "clinician",
                 headers={"X-Purpose-Of-Use": "TREAT"})
    service.json("GET", f"{north}/episodes/{VISITED}", "auditor")
    service.json("GET", f"{north}/events?limit=5", "auditor", headers={"X-Purpose-Of-Use": "HOPERAT"})
    service.json("GET", "/v1/ledgers/south/episodes?status=open&effective_at=2025-11-15", "clinician")
    service.refuse(403, "GET", f"{north}/events", "clinician")
    service.refuse(403, "POST", f"{north}/episodes/{VISITED}/events", "auditor", session(9, 15))
    service.refuse(403, "GET", "/v1/ledgers/south/census?date=2025-10-31", "service")


def subscribe(service):
    """A subscription whose consumer has acknowledged a part of one batch, and nothing of the others."""
    path = "/v1/ledgers/north/subscriptions/billing"
    service.json("PUT", path, "service", {"types": WANTED, "lease_seconds": LEASE_SECONDS})
    fetch = f"{path}/events?buckets=6&limit=40&consumer={CONSUMER}"
    given = service.json("GET", fetch, "service")
    # One with an event on either side of where it is cut.
    batch, positions = max(((batch, [event["position"] for event in given["events"]
                                     if event["bucket"] == batch["bucket"]])
                            for batch in given["batches"]), key=lambda found: len(found[1]))
    part = {name: batch[name] for name in ("bucket", "from", "epoch")} | {"to": positions[1]}
    service.json("POST", f"{path}/ack", "service", part)
    return {"ledger": "north", "name": "billing", "consumer": CONSUMER,
            "given": given, "acknowledged": part, "not_acknowledged": positions[2:]}


def bury(service):
    """A subscription with a dead letter, everything else of it acknowledged."""
    path = "/v1/ledgers/south/subscriptions/reports"
    service.json("PUT", path, "service", {"types": ["completed", "discharged"], "lease_seconds": 1})
    given = service.json("GET", f"{path}/events?buckets=64", "service")
    first = given["events"][0]
    done = [batch | ({"failed": [{"position": first["position"], "reason": "unknown_payer"}]}
                     if batch["bucket"] == first["bucket"] else {}) for batch in given["batches"]]
    service.json("POST", f"{path}/ack", "service", done)


def fail(service, receiver):
    """A webhook to a receiver that was down when the only attempt was made."""
    receiver.status = 500
    settings = {"types": ["completed"], "webhook": {"url": receiver.url}}
    made = service.json("PUT", "/v1/ledgers/north/subscriptions/notify", "service", settings)
    path = "/v1/ledgers/north/subscriptions/notify"
    delivery = eventually(lambda: attempted(service.json("GET", path, "service")), "the webhook failed")
    return {"ledger": "north", "name": "notify", "secret": made["secret"], "url": receiver.url,
            "delivery": delivery, "last_request": receiver.requests[-1]}


def attempted(subscription):
    delivery = subscription["delivery"]
    return delivery if delivery["attempts"] else None


class Receiver:
    """Receives webhooks and answers with `status`; `requests` has what it was sent. To be used as `with`."""

    def __init__(self):
        self.status = 204
        self.requests = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append({"path": self.path, "headers": headers, "body": body})
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


# MARK: The parked episode

def park(program, cluster):
    """Commits a correction that says nothing, which no fold can read: as a program with other rules
    would have done.

    Through the very function that programs append with, and with the right commitment: to the record
    it is an event like any other, and `verify` has nothing against it.
    """
    written = event(16, "entry_corrected", 8, {
        "target_event_id": event(15, "admitted", 6, {})["event_id"], "reason": "None is known"})
    data = written.pop("data")
    moment = "2025-10-08T15:00:00.000000Z"
    header = canonical(written | {"episode_id": PARKED, "ledger": "south", "occurred_at": moment,
                                  "recorded_by": "upgrade", "schema_version": 1})
    payload = canonical(data)
    nonce = secrets.token_bytes(32)
    commitment = hashlib.sha256(hashlib.sha256(nonce[:16] + header).digest()
                                + hashlib.sha256(nonce[16:] + payload).digest()).digest()
    occurred = datetime.datetime.fromisoformat(moment).timestamp()
    [nonce, commitment, header, payload] = [
        f"array['\\x{value.hex()}'::bytea]" for value in (nonce, commitment, header, payload)]
    cluster.sql(
        f"""
        set role ledger_writer;
        select first_position from append_batch(
            (select ledger_id from ledger where name = 'south'), array['{PARKED}'::uuid],
            array[1::bigint], array[1], array['{PARKED}'::uuid], array[2::bigint],
            array['{written['event_id']}'::uuid], array['entry_corrected'],
            array[{int(occurred * 1_000_000)}::bigint], array[null::bigint],
            {nonce}, {commitment}, {header}, {payload});
        """,
        database="origin")
    program.succeed("projections", "run", "--until-caught-up", "--ledger", "south")
    status = program.answer("projections", "status", "--ledger", "south")["projections"]
    models = [model["name"] for model in status
              if [parked["episode_id"] for parked in model["parked"]] == [PARKED]]
    if "census" not in models:
        raise RuntimeError(f"not parked: {status}")
    return {"ledger": "south", "episode_id": PARKED, "event_id": written["event_id"], "models": models,
            "reason": status[0]["parked"][0]["reason"]}


def canonical(value):
    """RFC 8785, as far as these values need it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# MARK: What is known about it

def facts(program, work):
    """Heads, digests and a token of the dumped state, as the program tells them."""
    ledgers = {}
    for name in ZONES:
        folder = work / f"export-{name}"
        program.succeed("checkpoint", "--ledger", name, "--no-seal", "--export", str(folder))
        export = program.succeed("export", "--ledger", name)
        episode = json.loads(export.splitlines()[0])["episode_id"]
        packet = work / f"{name}.zip"
        program.succeed("packet", "--ledger", name, "--no-seal", "--episode", episode, "-o", str(packet))
        verified = program.answer("verify", "--ledger", name)
        ledgers[name] = {
            "time_zone": ZONES[name], "head": len(export.splitlines()),
            "export_sha256": hashlib.sha256(export.encode()).hexdigest(),
            "checkpoint": program.answer("checkpoint", "--ledger", name, "--no-seal"),
            "checkpoint_export_sha256": {
                str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
                for file in sorted(folder.rglob("*")) if file.is_file()},
            "packet": {"episode_id": episode,
                       "sha256": hashlib.sha256(packet.read_bytes()).hexdigest()},
            "verify": {member: verified[member] for member in (
                "verified", "events", "episodes", "checkpoints", "tiles", "sealed", "root",
                "unsealed", "fault_count", "notices")},
            "projections": program.answer("projections", "status", "--ledger", name)["projections"],
        }
    days = 30
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    token = {"role": "auditor", "token": program.token("auditor", expires=f"{days}d"),
             "expires_at": (now + datetime.timedelta(days=days)).isoformat()}
    return {"ledgers": ledgers, "token": token}


def next_delivery(program, known):
    """What the subscription's consumer is given next, from the dumped state."""
    subscription = known["subscription"]
    path = (f"/v1/ledgers/{subscription['ledger']}/subscriptions/{subscription['name']}/events"
            f"?buckets=6&limit=40&consumer={subscription['consumer']}")
    with program.serving("--without-workers") as service:
        return {"path": path, "answer": service.json("GET", path, "service")}
