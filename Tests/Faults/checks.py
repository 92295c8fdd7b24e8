"""What must hold at the end, whatever befell the installation. Each check returns what is wrong, a text
each: none is what is wanted. Events of a ledger are the lines of its export, in their order."""

import collections


def limited(faults, most=5):
    """The first faults of a kind, and how many there are besides."""
    more = len(faults) - most
    return faults[:most] + ([f"… and {more} more"] if more > 0 else [])


def record(ledger, events):
    """Positions and versions have no gap, and no event is there twice."""
    faults = []
    versions, ids = collections.Counter(), set()
    for wanted, event in enumerate(events, start=1):
        if event["position"] != wanted:
            faults.append(f"{ledger}: position {event['position']} stands where {wanted} should")
        versions[event["episode_id"]] += 1
        if event["version"] != versions[event["episode_id"]]:
            faults.append(
                f"{ledger}: position {event['position']} has version {event['version']},"
                f" not {versions[event['episode_id']]}"
            )
        if event["event_id"] in ids:
            faults.append(f"{ledger}: event {event['event_id']} is there twice")
        ids.add(event["event_id"])
    return limited(faults)


def writers(ledger, events, entries):
    """What was acknowledged is there as it was told, and there is nothing that nobody sent. `entries`
    are those of the writers' journal about this ledger."""
    by_id = {event["event_id"]: event for event in events}
    faults, sent = [], set()
    for entry in entries:
        if entry["what"] == "ended":
            continue
        sent.add(entry["event_id"])
        if entry["what"] == "refused":
            faults.append(f"{ledger}: a request was refused, {entry['status']}: {entry['answer']}")
        elif entry["what"] == "unsettled":
            faults.append(f"{ledger}: a request could not be settled (status {entry['status']})")
        else:
            found = by_id.get(entry["event_id"])
            told = (entry["position"], entry["told_version"], entry["told_id"])
            if found is None:
                faults.append(f"{ledger}: LOST: acknowledged at position {told[0]}")
            elif told != (found["position"], found["version"], found["event_id"]):
                faults.append(f"{ledger}: told {told}, recorded at {found['position']}")
            elif (found["episode_id"], found["version"]) != (entry["episode"], entry["version"]):
                faults.append(f"{ledger}: position {told[0]} is of another episode or version")
    faults += [
        f"{ledger}: position {event['position']} was sent by nobody"
        for event in events if event["event_id"] not in sent
    ]
    return limited(faults)


def exactly_once(reader, events, entries):
    """A stream, or `follow`: every event once, in order."""
    got = [(entry["position"], entry["event_id"]) for entry in entries]
    wanted = [(event["position"], event["event_id"]) for event in events]
    if got == wanted:
        return []
    positions = [position for position, _ in got]
    missed = sorted({position for position, _ in wanted} - set(positions))
    doubled = len(positions) - len(set(positions))
    order = all(after > before for before, after in zip(positions, positions[1:]))
    strange = len(set(got) - set(wanted))
    return [
        f"{reader}: missed {len(missed)} {missed[:5]}, doubled {doubled}, in order {order},"
        f" strange {strange}"
    ]


def webhook(reader, events, entries):
    """Every event at least once, in order, always under one id, which no other event has."""
    faults, names, newest = [], {}, 0
    for entry in entries:
        position, message = entry["position"], entry["message"]
        if names.setdefault(position, message) != message:
            faults.append(f"{reader}: position {position} came under two ids")
        if position > newest + 1:
            faults.append(f"{reader}: positions {newest + 1} to {position - 1} were skipped")
        newest = max(newest, position)
        known = events[position - 1]["event_id"] if position <= len(events) else None
        if entry["event_id"] != known:
            faults.append(f"{reader}: position {position} is said to be another event")
    if len(set(names.values())) != len(names):
        faults.append(f"{reader}: two events came under one id")
    if newest < len(events):
        faults.append(f"{reader}: got {newest} of {len(events)}")
    return limited(faults)


def subscription(reader, events, entries):
    """The consumers of one subscription together: every event once, those of a bucket in order."""
    faults, last = [], {}
    for entry in entries:
        bucket = entry["bucket"]
        if entry["position"] <= last.get(bucket, 0):
            faults.append(f"{reader}: position {entry['position']} came late in its bucket")
        last[bucket] = entry["position"]
    got = collections.Counter((entry["position"], entry["event_id"]) for entry in entries)
    wanted = {(event["position"], event["event_id"]) for event in events}
    missed, strange = wanted - set(got), set(got) - wanted
    doubled = [found for found, count in got.items() if count > 1]
    if missed or strange or doubled:
        faults.append(
            f"{reader}: missed {len(missed)} {sorted(missed)[:3]}, strange {len(strange)},"
            f" doubled {len(doubled)}"
        )
    return limited(faults)


READERS = {
    "stream": exactly_once, "follow": exactly_once, "webhook": webhook,
    "subscription": subscription,
}
