"""What the program is asked before and after an upgrade, and how.

Every question names its dates and times, all in the past, so that the answer is a matter of what is
recorded and of nothing else: neither of when it is asked nor of what was asked before.
"""

import base64

# Stands in an answer for the id that the service gave to the request.
REQUEST_ID = "<request>"


def all_questions(north, south, parked):
    """The questions about two ledgers, given their events, and the id of the parked episode."""
    commands = list(of_command_line(Ledger(north), Ledger(south), parked))
    requests = list(over_http(Ledger(north), Ledger(south), parked))
    numbered = [{"id": f"cli-{number:03}", "command": command}
                for number, command in enumerate(commands, 1)]
    return numbered + [{"id": f"http-{number:03}"} | request
                       for number, request in enumerate(requests, 1)]


def ask(question, program, service):
    """The question with its answer."""
    if "command" in question:
        status, output, errors = program.run(question["command"])
        return question | {"status": status, "answer": output} | ({"errors": errors} if errors else {})
    headers = {"Accept": question["accept"]}
    status, given, body = service.request(
        "GET", question["path"], question["role"], headers=headers, ledger=question.get("ledger"))
    names = {name.lower(): value for name, value in given.items()}
    answered = question | {"status": status}
    if names.get("content-type") == "application/octet-stream":
        return answered | {"answer_base64": base64.b64encode(body).decode()}
    return answered | {"answer": body.decode().replace(names["x-request-id"], REQUEST_ID)}


class Ledger:
    """What there is to be asked about."""

    def __init__(self, events):
        self.events = events
        episodes = list(dict.fromkeys(event["episode_id"] for event in events))
        self.golden = sorted(id for id in episodes if id.startswith("01950000-"))
        # Simulated ones of a middling size: small answers say as much.
        counts = {id: sum(event["episode_id"] == id for event in events) for id in episodes}
        others = [id for id in episodes if id not in self.golden and counts[id] > 3]
        self.simulated = sorted(others, key=lambda id: (counts[id], id))
        ended = {event["episode_id"] for event in events if event["type"] in ("completed", "discharged")}
        self.ended = [id for id in self.simulated if id in ended]
        self.open = [id for id in self.simulated if id not in ended]
        self.clients = [event["data"]["client_id"] for event in events if event["type"] == "admitted"]
        # Times of the ledger's own clock, at which part of the events were known.
        times = [event["recorded_at"] for event in events]
        self.recorded = [times[len(times) * part // 8] for part in (1, 4, 7)]


def of_command_line(north, south, parked):
    """Lists of arguments."""
    yield from asked("ledgers", formats=("json", "text"))
    for name in ("north", "south"):
        yield from asked("projections status", name, formats=("json", "text"))
    yield from censuses(north, south)
    yield from medication_reviews(north, south, parked)
    yield from discharge_summaries(north, south, parked)
    yield from attendances(north, south, parked)
    yield from outcomes(north)
    yield from episodes(north, south)
    yield from replays(north, south, parked)
    yield from exports(north, south)
    yield from checkpoints()
    yield from refused(north, south, parked)


def asked(words, ledger=None, formats=("json",)):
    """A command in each of some formats."""
    for format in formats:
        yield words.split() + (["--ledger", ledger] if ledger else []) + ["--format", format]


def censuses(north, south):
    for date in ("2025-01-31", "2025-03-15", "2025-09-30", "2025-10-17", "2025-11-02", "2025-11-03",
                 "2025-12-24"):
        yield from asked(f"census --date {date}", "north")
    for date in ("2025-08-31", "2025-10-06", "2025-11-20"):
        yield from asked(f"census --date {date}", "south")
    yield from asked("census --date 2025-10-24", "north", ("text",))
    yield from asked("census --date 2025-10-24 --stale-ok", "north")
    yield from asked("census --date 2025-11-14", "south", ("text",))
    yield from asked("census --effective-at 2025-10-14T15:00:00Z", "north", ("json", "text"))
    yield from asked("census --effective-at 2025-11-17", "north")
    yield from asked("census --effective-at 2025-10-28T12:00:00-05:00", "south")
    yield from asked("census --from 2025-10-30 --to 2025-11-05", "north", ("json", "text"))
    yield from asked("census --from 2025-11-01 --to 2025-11-04", "south")
    yield from asked("census --from 2025-10-01 --to 2025-10-20 --program iop-adult-day", "north")
    yield from asked("census --date 2025-11-12 --program iop-adult-evening", "north")
    yield from asked("census --date 2025-11-12 --program iop-dual-diagnosis", "south")
    for date in ("2025-10-01", "2025-10-31", "2025-11-28T12:00:00Z"):
        yield from asked(f"census --date 2025-10-31 --known-at {date}", "north")
    yield from asked("census --date 2025-10-15 --known-at 2025-10-14", "south", ("json", "text"))
    for time in north.recorded:
        yield from asked(f"census --date 2025-10-31 --known-at {time} --known-by ledger", "north")
    yield from asked("census --date 2025-10-31 --diff 2025-10-31 2026-01-05", "north", ("json", "text"))
    yield from asked(f"census --date 2025-11-03 --diff {north.recorded[0]} {north.recorded[2]} "
                     "--known-by ledger", "north")
    yield from asked("census --from 2025-10-01 --to 2025-10-05 --diff 2025-10-03 2025-12-01", "south")


def medication_reviews(north, south, parked):
    for episode in north.golden:
        yield from asked(f"medication-review --episode {episode} --effective-at 2025-11-30", "north")
    for episode in north.golden[4:9]:
        yield from asked(f"medication-review --episode {episode} --effective-at 2025-05-10", "north",
                         ("text",))
    for episode in south.simulated[:3] + [parked]:
        yield from asked(f"medication-review --episode {episode} --effective-at 2025-11-15", "south")
    yield from asked("medication-review --program iop-dual-diagnosis --effective-at 2025-11-15",
                     "south", ("json", "text"))
    yield from asked("medication-review --program iop-adult-day --effective-at 2025-10-20", "north")
    for days in (1, 7, 60):
        yield from asked(f"medication-review --episode {south.simulated[-1]} --effective-at 2025-10-31 "
                         f"--not-reviewed-days {days}", "south")
    for episode in (north.golden[2], north.golden[12], north.golden[13]):
        yield from asked(f"medication-review --episode {episode} --effective-at 2025-08-15 "
                         "--known-at 2025-08-20", "north")
        yield from asked(f"medication-review --episode {episode} --effective-at 2025-09-30 "
                         "--diff 2025-02-06 2025-11-30", "north")
    yield from asked("medication-review --program iop-dual-diagnosis --effective-at 2025-10-31 "
                     f"--known-at {south.recorded[2]} --known-by ledger", "south")


def discharge_summaries(north, south, parked):
    for episode in north.golden[::4] + [north.golden[15]]:
        yield from asked(f"discharge-summary --episode {episode} --effective-at 2025-11-30", "north")
    for episode in north.golden[1::5]:
        yield from asked(f"discharge-summary --episode {episode} --effective-at 2025-11-30", "north",
                         ("text",))
    for episode in (north.golden[13], north.golden[17]):
        yield from asked(f"discharge-summary --episode {episode} --effective-at 2025-11-30", "north",
                         ("html",))
    yield from asked(f"discharge-summary --episode {north.ended[0]} --effective-at 2026-01-01", "north")
    yield from asked(f"discharge-summary --episode {south.ended[0]} --effective-at 2025-12-01", "south",
                     ("text",))
    yield from asked(f"discharge-summary --episode {north.open[0]} --effective-at 2025-12-31 --interim",
                     "north", ("json", "text"))
    yield from asked(f"discharge-summary --episode {parked} --effective-at 2025-12-31 --interim", "south")
    corrected = north.golden[12]
    for words in ("--since 2025-08-01", "--known-at 2025-08-20", "--since 2025-07-15 --known-at 2025-09-30",
                  "--diff 2025-08-01 2025-11-30", "--known-by ledger"):
        yield from asked(f"discharge-summary --episode {corrected} --effective-at 2025-11-30 {words}",
                         "north")
    for program in ("iop-evening", "iop-day", "iop-adult-day"):
        yield from asked(f"discharge-summary --program {program} --effective-at 2025-12-31", "north")
    yield from asked("discharge-summary --program iop-dual-diagnosis --effective-at 2025-11-28", "south",
                     ("json", "text"))
    yield from asked("discharge-summary --program iop-day --effective-at 2025-11-30 --from 2025-03-01 "
                     "--to 2025-06-30", "north")
    yield from asked("discharge-summary --program iop-evening --effective-at 2025-12-31 "
                     "--known-at 2025-10-15", "north")
    yield from asked("discharge-summary --program iop-day --effective-at 2025-11-30 "
                     "--diff 2025-06-01 2025-11-30", "north")


def attendances(north, south, parked):
    for episode in north.golden[1::4] + north.simulated[:2]:
        yield from asked(f"attendance --episode {episode} --effective-at 2025-12-31", "north")
    for episode in south.simulated[:3] + [parked]:
        yield from asked(f"attendance --episode {episode} --effective-at 2025-11-20", "south")
    for episode in (north.golden[17], north.golden[19]):
        yield from asked(f"attendance --episode {episode} --effective-at 2025-12-31", "north", ("text",))
    for hours in ("iop-evening=12", "iop-day=4 --weekly-hours iop-evening=15"):
        yield from asked(f"attendance --episode {north.golden[17]} --effective-at 2025-12-31 "
                         f"--weekly-hours {hours}", "north")
    yield from asked(f"attendance --episode {north.golden[14]} --effective-at 2025-12-31 "
                     "--known-at 2025-08-25", "north")
    yield from asked(f"attendance --episode {north.golden[14]} --effective-at 2025-12-31 "
                     "--diff 2025-08-25 2025-11-30", "north", ("json", "text"))


def outcomes(north):
    for period in ("--from 2025-01-01 --to 2025-06-30", "--from 2025-07-01 --to 2025-12-31",
                   "--from 2025-09-01 --to 2025-11-30 --program iop-day"):
        yield from asked(f"outcomes {period}", "north")
    yield from asked("outcomes --from 2025-08-01 --to 2025-11-30", "south", ("json", "text"))
    yield from asked("outcomes --from 2025-01-01 --to 2025-12-31", "north", ("text",))
    yield from asked("outcomes --from 2025-01-01 --to 2025-12-31 --known-at 2025-09-30", "north")
    yield from asked("outcomes --from 2025-01-01 --to 2025-12-31 --diff 2025-09-30 2025-12-31", "north")
    yield from asked(f"outcomes --from 2025-01-01 --to 2025-12-31 --known-at {north.recorded[1]} "
                     "--known-by ledger", "north")


def episodes(north, south):
    at = "--effective-at 2025-11-30"
    for client in (north.clients[0], north.clients[16], north.clients[-1]):
        yield from asked(f"episodes --client {client} {at}", "north")
    yield from asked(f"episodes --status open {at}", "north", ("json", "text"))
    yield from asked(f"episodes --status ended {at}", "south")
    yield from asked(f"episodes --program iop-dual-diagnosis {at}", "south", ("json", "text"))
    yield from asked(f"episodes --status ended --program iop-evening {at} --known-at 2025-10-01", "north")
    yield from asked(f"episodes {at} --diff 2025-11-25 2025-12-31", "north")


def replays(north, south, parked):
    for episode in (north.golden[1], north.golden[13], north.golden[15], north.golden[16]):
        yield from asked(f"replay --episode {episode} --effective-at 2025-11-30", "north", ("json", "text"))
    yield from asked(f"replay --episode {south.simulated[0]} --effective-at 2025-11-30", "south", ("text",))
    yield from asked(f"replay --episode {north.golden[12]} --known-at 2025-08-20 --effective-at 2025-11-30",
                     "north")
    yield from asked(f"replay --episode {north.golden[12]} --known-at {north.recorded[0]} "
                     "--known-by ledger --effective-at 2025-11-30", "north")
    for episode in (north.golden[14], north.golden[15]):
        yield from asked(f"replay --episode {episode} --diff 2025-08-25 2025-11-30", "north",
                         ("json", "text"))
    yield from asked(f"replay --episode {parked} --effective-at 2025-11-30", "south")


def exports(north, south):
    head = len(south.events)
    yield from asked("export --until 12", "north")
    yield from asked("export --after 500 --until 512", "north")
    yield from asked(f"export --after {head - 3}", "south")
    yield from asked("export --types completed discharged", "north")
    yield from asked("export --types entry_corrected entry_retracted", "south")
    yield from asked("export --after 100 --until 300 --types medication_adjusted", "north")
    yield from asked("export --until 10 --as-import", "south")
    yield from asked("export --types entry_corrected --as-import", "north")


def checkpoints():
    for name in ("north", "south"):
        yield from asked("checkpoint --no-seal", name, ("json", "text"))
        yield from asked("checkpoint --no-seal --verifier-key", name, ("text",))


def refused(north, south, parked):
    """What is answered with an exit status other than 0."""
    unknown = "01950000-ffff-7000-8000-000000000000"
    ended = f"--episode {north.golden[0]}"
    for words in (
        f"replay --episode {unknown}", f"attendance --episode {unknown} --effective-at 2025-12-31",
        f"medication-review --episode {unknown} --effective-at 2025-12-31",
        f"discharge-summary --episode {unknown} --effective-at 2025-12-31",
        f"discharge-summary --episode {north.open[0]} --effective-at 2025-12-31",
        f"discharge-summary {ended} --effective-at 2999-01-01T00:00:00Z",
        f"attendance {ended} --effective-at 2999-01-01T00:00:00Z",
        "census --effective-at 2999-01-01T00:00:00Z",
        "census --date 2025-10-31 --from 2025-10-01 --to 2025-10-31",
        f"discharge-summary {ended} --program iop-day",
        "outcomes --from 2025-12-31 --to 2025-01-01",
        f"replay {ended} --known-at 2025-10-01 --diff 2025-10-01 2025-11-01",
    ):
        yield from asked(words, "north")
    yield from asked("export --as-import --after " + str(len(south.events) - 2), "south")
    yield from asked("census --date 2025-10-31", "east")
    yield from asked("checkpoint --no-seal", "default")


def over_http(north, south, parked):
    """Requests: path, accept, role, and the one ledger of the token where it is not for all."""
    yield from event_pages(north, south, parked)
    yield from read_models(north, south, parked)
    yield from proofs(north, south)
    yield from administration(south, parked)
    yield from refused_requests(north)


def got(ledger, rest, role="auditor", accept="application/json"):
    return {"path": f"/v1/ledgers/{ledger}/{rest}", "accept": accept, "role": role}


def event_pages(north, south, parked):
    lines = "application/x-ndjson"
    for query in ("limit=10", "after=400&limit=15", "after=817", "types=completed,discharged",
                  f"episode={north.golden[16]}",
                  f"episode={north.golden[7]}&types=medication_adjusted&after=20"):
        yield got("north", f"events?{query}", "service")
    for query in ("types=admitted", "types=entry_retracted", f"episode={parked}"):
        yield got("south", f"events?{query}", accept=lines)
    yield got("north", f"events?episode={north.golden[20]}", "administrator", lines)
    yield got("south", f"events?after={len(south.events)}", accept=lines)
    for role, episode in (("clinician", north.golden[3]), ("service", north.golden[16]),
                          ("auditor", north.golden[21])):
        yield got("north", f"episodes/{episode}/events", role)
    yield got("south", f"episodes/{parked}/events")


def read_models(north, south, parked):
    at = "effective_at=2025-11-30"
    for episode in (north.golden[1], north.golden[15], north.golden[16]):
        yield got("north", f"episodes/{episode}?{at}", "clinician")
    yield got("north", f"episodes/{north.golden[12]}?{at}&known_at=2025-08-20")
    yield got("north", f"episodes/{north.golden[12]}?{at}&known_at={north.recorded[0]}&known_by=ledger")
    for query in ("status=open", f"client_id={north.clients[3]}", "program=iop-evening",
                  "status=ended&known_at=2025-06-01"):
        yield got("north", f"episodes?{query}&{at}", "clinician")
    yield got("south", f"episodes?status=ended&{at}")
    for query in ("date=2025-02-14", "date=2025-11-03", "date=2025-12-24&program=iop-adult-day",
                  "from=2025-10-30&to=2025-11-03", "date=2025-10-31&known_at=2025-10-31",
                  f"date=2025-10-31&known_at={north.recorded[1]}&known_by=ledger",
                  "date=2025-10-31&at_least=800"):
        yield got("north", f"census?{query}", "clinician")
    yield got("south", "census?date=2025-10-06")
    yield got("south", "census?from=2025-11-01&to=2025-11-03&program=iop-adult-day")
    for episode in (north.golden[14], north.golden[17], north.golden[19]):
        yield got("north", f"attendance?episode={episode}&{at}", "clinician")
    yield got("north", f"attendance?episode={north.golden[14]}&{at}&known_at=2025-08-25")
    yield got("south", f"attendance?episode={south.simulated[1]}&effective_at=2025-11-20", "clinician")
    for query in ("from=2025-01-01&to=2025-06-30", "from=2025-07-01&to=2025-12-31&program=iop-day",
                  "from=2025-01-01&to=2025-12-31&known_at=2025-09-30"):
        yield got("north", f"outcomes?{query}", "administrator")
    for episode in (north.golden[5], north.golden[8], north.golden[10], north.golden[21]):
        yield got("north", f"medication-review?episode={episode}&{at}", "clinician")
    yield got("north", f"medication-review?episode={north.golden[13]}&{at}&known_at=2025-09-15")
    yield got("south", "medication-review?program=iop-dual-diagnosis&effective_at=2025-11-15", "clinician")
    for query in ("program=iop-evening", "program=iop-day&from=2025-03-01&to=2025-06-30",
                  "program=iop-day&known_at=2025-06-01"):
        yield got("north", f"discharge-summaries?{query}&{at}", "clinician")
    yield got("south", "discharge-summaries?effective_at=2025-11-28")
    yield got("north", f"discharge-summaries/{north.golden[1]}?{at}", "clinician")
    yield got("north", f"discharge-summaries/{north.golden[12]}?{at}&since=2025-08-01", "clinician")
    yield got("north", f"discharge-summaries/{north.golden[16]}?{at}", "clinician")
    yield got("north", f"discharge-summaries/{north.open[0]}?effective_at=2025-12-31&interim=true",
              "clinician")


def proofs(north, south):
    yield got("north", "checkpoint?seal=false", accept="text/plain")
    yield got("north", "checkpoint?seal=false", "service")
    yield got("south", "checkpoint?seal=false", "clinician", "text/plain")
    for query in ("position=1", "position=300&size=411", "position=512&size=700"):
        yield got("north", f"proofs/inclusion?{query}", "service")
    yield got("south", f"proofs/inclusion?position={len(south.events)}")
    for query in ("from=0", "from=411", "from=256&to=512"):
        yield got("north", f"proofs/consistency?{query}")
    tiles = "application/octet-stream"
    for tile in ("0/000", "0/002", "1/000.p/3", "entries/000.p/2"):
        yield got("north", f"tile/{tile}", accept=tiles)
    yield got("south", "tile/entries/002.p/5", "clinician", tiles)


def administration(south, parked):
    yield got("north", "access-log?limit=14")
    yield got("north", "access-log?after=3&limit=4", "administrator")
    yield got("south", "access-log?limit=2")
    yield got("north", "subscriptions")
    yield got("south", "subscriptions", "service")
    yield got("north", "subscriptions/billing", "service")
    yield got("south", "subscriptions/reports")
    yield got("south", "subscriptions/reports/dead-letters")
    yield got("north", "subscriptions/billing/dead-letters")
    yield {"path": "/healthz", "accept": "application/json", "role": None}
    yield {"path": "/readyz", "accept": "application/json", "role": None}


def refused_requests(north):
    """What is answered with another status than 200."""
    unknown = "01950000-ffff-7000-8000-000000000000"
    for rest, role in (
        ("events", "clinician"), ("census?date=2025-10-31", "service"), ("access-log", "clinician"),
        ("census?date=2025-13-01", "clinician"), ("census?colour=red", "clinician"),
        ("events?types=yoga", "auditor"), ("episodes/no-uuid/events", "auditor"),
        (f"episodes/{unknown}/events", "clinician"), (f"episodes/{unknown}", "auditor"),
        (f"discharge-summaries/{north.open[0]}?effective_at=2025-12-31", "clinician"),
        ("proofs/inclusion?position=9000", "auditor"), ("tile/0/009", "auditor"),
        ("subscriptions/nothing", "service"), ("nothing", "auditor"),
    ):
        yield got("north", rest, role)
    yield got("east", "census?date=2025-10-31", "clinician")
    yield got("default", "checkpoint?seal=false")
    yield got("north", "census?date=2025-10-31", None)
    yield got("north", "census?date=2025-10-31", "clinician") | {"ledger": "south"}
