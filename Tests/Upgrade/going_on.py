"""How an old program goes on after the dumped state: one of everything that it can do."""

import json
import threading

from program import eventually
from state import VISITED, admission, event, session

NEW = "019bb000-0000-7000-8000-00000000b000"
NORTH = "/v1/ledgers/north"


def go_on(program, receiver, work):
    with program.serving("--allow-private-webhooks") as service:
        deliver(service, receiver)
        append(service, program, work)
        fill_tile(service)
        stream(service)
        consume(service)
        manage_subscriptions(service)
        fail(service, receiver)
        ask_over_http(service)
        ask(program)
        operate(program)
        prove(service, program, work)


def deliver(service, receiver):
    """The webhook that had failed gets through, and all after it."""
    receiver.status = 204
    path = f"{NORTH}/subscriptions/notify"
    eventually(lambda: service.json("GET", path, "service")["lag"] == 0, "the webhook is sent")


def append(service, program, work):
    path = f"{NORTH}/episodes/{NEW}/events"
    begun = [admission(32, "SIM-UPGRADE-3"), session(33, 8)]
    service.json("POST", path, "service", begun, {"If-None-Match": "*", "Prefer": "wait=sealed"})
    service.json("POST", path, "service", begun)
    service.refuse(409, "POST", path, "clinician", session(34, 9), {"If-Match": '"1"'})
    service.refuse(403, "POST", path, "auditor", session(34, 9))
    program.succeed("append", "--ledger", "north", "--episode", NEW, text=json.dumps(session(35, 10)))
    line = {"episode_id": VISITED} | event(36, "discharged", 20, {"reason": "transferred"})
    file = work / "events.ndjson"
    file.write_text(json.dumps(line) + "\n", encoding="utf-8")
    program.succeed("import", str(file), "--ledger", "north")
    lines = [line, {"episode_id": NEW} | session(37, 14), {"episode_id": NEW} | session(38, 14, 0)]
    body = "".join(json.dumps(line) + "\n" for line in lines)
    service.succeed("POST", f"{NORTH}/events:import", "service", body,
                    {"Content-Type": "application/x-ndjson"})


def fill_tile(service):
    """So many events of south that another 256 of them are a tile, which is sealed."""
    begun = admission(64, "SIM-UPGRADE-4")
    sessions = [session(65 + number, 7) | {
        "occurred_at": f"2025-10-{7 + number // 6:02}T{14 + number % 6}:00:00Z"} for number in range(140)]
    service.json("POST", f"/v1/ledgers/south/episodes/{NEW}/events", "service", [begun, *sessions],
                 {"Prefer": "wait=sealed"})


def stream(service):
    """Follows from a little before the head, and sees an event that comes meanwhile."""
    head = service.json("GET", f"{NORTH}/events?limit=1", "service")["head"]
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(head - 2)}
    with service.answering("GET", f"{NORTH}/events", "service", headers=headers) as answer:
        threading.Timer(0.5, service.json, (
            "POST", f"{NORTH}/episodes/{NEW}/events", "clinician", session(39, 15))).start()
        if f"id: {head + 1}\n".encode() not in iter(answer.readline, b""):
            raise RuntimeError("the stream has ended")


def consume(service):
    """Fetches and acknowledges: a part, the rest, one event as failed; resolves the dead letter."""
    path = f"{NORTH}/subscriptions/billing"
    fetch = f"{path}/events?buckets=6&limit=40&consumer=worker-1"
    given = service.json("GET", fetch, "service")
    batch = max(given["batches"], key=lambda batch: batch["to"])
    positions = [event["position"] for event in given["events"] if event["bucket"] == batch["bucket"]]
    service.json("POST", f"{path}/ack", "service", batch | {"to": positions[0]})
    service.refuse(409, "POST", f"{path}/ack", "service", batch)
    done = [other for other in given["batches"] if other != batch]
    first = next(event["position"] for event in given["events"]
                 if event["bucket"] == done[0]["bucket"])
    done[0]["failed"] = [{"position": first, "reason": "unknown_payer"}]
    service.json("POST", f"{path}/ack", "service", done)
    service.json("GET", f"{path}/dead-letters", "service")
    service.json("DELETE", f"{path}/dead-letters/{first}", "service")
    service.json("GET", fetch, "service")
    service.json("GET", path, "service")


def manage_subscriptions(service):
    path = f"{NORTH}/subscriptions/passing"
    service.json("PUT", path, "service", {"types": ["admitted"], "after": 100, "max_deliveries": 1})
    # Given out once more than it may be, an event is a dead letter.
    for _ in range(2):
        service.json("GET", f"{path}/events?limit=1&consumer=worker-1", "service")
    service.json("PUT", path, "service", {"types": ["admitted", "completed"]})
    service.json("GET", f"{NORTH}/subscriptions", "service")
    service.json("DELETE", path, "service")
    service.json("POST", f"{NORTH}/subscriptions/notify/rotate-secret", "service")


def fail(service, receiver):
    """A webhook whose receiver is down, given up."""
    receiver.status = 500
    path = f"{NORTH}/subscriptions/nowhere"
    webhook = {"url": receiver.url, "signature": "v1a"}
    service.json("PUT", path, "service", {"webhook": webhook})
    eventually(lambda: service.json("GET", path, "service")["delivery"]["attempts"], "it failed")
    service.json("DELETE", path, "service")


def ask_over_http(service):
    at = "effective_at=2025-11-30"
    for rest, role in (
        ("events?limit=3", "auditor"), ("events?after=200&limit=3&types=admitted,completed", "auditor"),
        (f"events?episode={VISITED}", "auditor"), (f"episodes/{VISITED}/events", "clinician"),
        (f"episodes/{VISITED}?{at}", "clinician"), (f"episodes?status=open&{at}", "clinician"),
        ("census?date=2025-10-31", "clinician"), ("census?date=2025-10-31&known_at=2025-10-31", "clinician"),
        ("census?from=2025-10-30&to=2025-11-02", "clinician"),
        (f"attendance?episode={VISITED}&{at}", "clinician"),
        ("outcomes?from=2025-10-01&to=2025-10-31", "clinician"),
        (f"medication-review?episode={VISITED}&{at}", "clinician"),
        (f"medication-review?program=iop-adult-day&{at}", "clinician"),
        (f"discharge-summaries?{at}", "clinician"), (f"discharge-summaries/{VISITED}?{at}", "clinician"),
        ("access-log?limit=5", "auditor"), (f"access-log?episode={VISITED}", "auditor"),
    ):
        service.json("GET", f"{NORTH}/{rest}", role)
    lines = {"Accept": "application/x-ndjson"}
    service.succeed("GET", f"{NORTH}/events?after=700&types=admitted", "service", headers=lines)
    service.refuse(403, "GET", f"{NORTH}/census?date=2025-10-31", "service")
    for path in ("/healthz", "/readyz", "/metrics"):
        service.succeed("GET", path)


def ask(program):
    at = ("--effective-at", "2025-11-30")
    for words in (
        ("census", "--date", "2025-10-31"), ("census", "--date", "2025-10-31", "--known-at", "2025-10-31"),
        ("census", "--date", "2025-10-31", "--diff", "2025-10-31", "2025-12-31"),
        ("episodes", "--status", "open", *at), ("outcomes", "--from", "2025-10-01", "--to", "2025-10-31"),
        ("medication-review", "--program", "iop-adult-day", *at), ("attendance", "--episode", VISITED, *at),
        ("discharge-summary", "--episode", VISITED, *at, "--format", "text"),
        ("discharge-summary", "--program", "iop-adult-day", *at),
        ("replay", "--episode", VISITED), ("export", "--until", "20"),
        ("export", "--types", "admitted", "--as-import"), ("ledgers",), ("status",),
        ("census", "--date", "2025-10-31", "--transaction-pooling"),
        ("replay", "--episode", VISITED, "--transaction-pooling"),
    ):
        program.succeed(*words, "--ledger", "north")


def operate(program):
    program.succeed("ledgers", "create", "west", "--time-zone", "America/Denver")
    program.succeed("projections", "retry", "--ledger", "south")
    program.succeed("projections", "status", "--ledger", "south")
    program.succeed("projections", "rebuild", "census", "--ledger", "north")
    program.succeed("projections", "run", "--until-caught-up", "--ledger", "south")


def prove(service, program, work):
    for rest in ("checkpoint", "checkpoint?seal=false", "proofs/inclusion?position=5",
                 "proofs/consistency?from=300", "tile/0/000", "tile/entries/001"):
        service.succeed("GET", f"{NORTH}/{rest}", "service")
    service.succeed("GET", f"{NORTH}/episodes/{VISITED}/packet", "auditor")
    program.succeed("checkpoint", "--ledger", "north")
    key = program.succeed("checkpoint", "--ledger", "north", "--add-key").strip()
    program.succeed("checkpoint", "--ledger", "north", "--retire-key", key)
    program.succeed("checkpoint", "--ledger", "south", "--export", str(work / "going-on"), "--with-events")
    program.succeed("packet", "--ledger", "north", "--episode", VISITED, "-o", str(work / "going-on.zip"))
    program.succeed("verify", "--ledger", "north")
    program.succeed("verify", "--ledger", "south")
