#!/usr/bin/env python3
"""Verifies the packet in this folder: python3 verify.py [VERIFIER_KEY]. Exit status 0 or 1."""
import base64, hashlib, json, os, struct, subprocess, sys, tempfile
from datetime import datetime, timezone

os.chdir(os.path.dirname(os.path.abspath(__file__)))
b64 = lambda text: base64.b64decode(text, validate=True)
sha = lambda data: hashlib.sha256(data).digest()

def check(holds, what):
    if not holds:
        sys.exit("FAILED: " + what)

def micros(text):  # 2025-01-31T18:05:00.000000Z
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    past = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (past.days * 86400 + past.seconds) * 1000000 + past.microseconds

def signed_by(key, text, signatures):
    name, hint, material = key.split("+", 2)
    public = b64(material)
    check(public[0] == 1 and sha(name.encode() + b"\n" + public)[:4].hex() == hint, "the key " + key)
    for line in signatures:
        _, signer, raw = line.split(" ")
        if signer == name and b64(raw)[:4].hex() == hint:
            with tempfile.TemporaryDirectory() as folder:
                paths = [os.path.join(folder, part) for part in ("key", "text", "signature")]
                for path, data in zip(paths, (bytes.fromhex("302a300506032b6570032100") + public[1:],
                                              text.encode(), b64(raw)[4:])):
                    open(path, "wb").write(data)
                return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER",
                    "-inkey", paths[0], "-rawin", "-in", paths[1], "-sigfile", paths[2]],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    return False

def root_from(leaf, index, size, proof):  # RFC 9162, 2.1.3.2
    last = size - 1
    for sibling in proof:
        check(last > 0, "a proof is too long")
        if index & 1 or index == last:
            leaf = sha(b"\x01" + sibling + leaf)
            while not index & 1 and index:
                index >>= 1; last >>= 1
        else:
            leaf = sha(b"\x01" + leaf + sibling)
        index >>= 1; last >>= 1
    check(last == 0, "a proof is too short")
    return leaf

text, _, below = open("checkpoint", encoding="utf-8").read().rpartition("\n\n")
text += "\n"
origin, size, root = text.split("\n")[:3]
size, root = int(size), b64(root)
keys = sys.argv[1:] or open("verifier-keys", encoding="utf-8").read().split()
check(any(k.startswith(origin + "+") and signed_by(k, text, below.splitlines()) for k in keys),
      "the signature of the checkpoint")
count, recorded, readable = 0, -2**63, open("readable-events.ndjson", "rb").read().splitlines()
for count, line in enumerate(open("events.ndjson", "rb"), 1):
    event, what = json.loads(line), "the event of version %d: " % count
    entry, header, payload, nonce = (b64(event[part]) for part in ("entry", "header", "payload", "nonce"))
    commitment = sha(sha(nonce[:16] + header) + sha(nonce[16:] + payload))
    check(len(nonce) == 32 and len(entry) == 112 and entry[80:] == commitment, what + "content")
    check(entry[:16] == b"episode-ledger1\n" and entry[72:80] == bytes(8), what + "entry")
    version, position, at = struct.unpack(">qqq", entry[48:72])
    head = json.loads(header)
    check(version == count and 1 <= position <= size and at >= recorded, what + "version, position or time")
    check(head["event_id"].replace("-", "") == entry[16:32].hex(), what + "event_id")
    check(head["episode_id"].replace("-", "") == entry[32:48].hex(), what + "episode_id")
    check(count == 1 or episode == entry[32:48], what + "another episode")
    check(origin.split("/")[-1] == head["ledger"] or origin.split("/")[-2] == head["ledger"], what + "ledger")
    leaf, episode, recorded = sha(b"\x00" + entry), entry[32:48], at
    check(root_from(leaf, position - 1, size, [b64(h) for h in event["proof"]]) == root, what + "inclusion")
    shown = json.loads(readable[count - 1]) if count <= len(readable) else {}
    told = (shown.pop("version", 0), shown.pop("position", 0), micros(shown.pop("recorded_at", "1970-01-01T00:00:00.0Z")))
    check(told == (version, position, at) and shown.pop("leaf_hash", "") == leaf.hex(), what + "readable copy")
    check(shown.pop("data", None) == json.loads(payload) and shown == head, what + "readable copy")
check(count > 0 and count == len(readable), "the number of events")
print("OK: %d events, each in the tree of %d events that %s has signed%s."
      % (count, size, origin, "" if sys.argv[1:] else " (by the key in this packet)"))
