#!/usr/bin/env python3
"""Verifies a packet: python3 verify.py [PACKET] [VERIFIER_KEY ...]. Exit status 0 or 1.

PACKET is an archive, or the folder that it was unpacked into; without it, the folder of this script.
Whoever changes a packet can change the script in it: take this one from the release.
"""
import base64, hashlib, itertools, json, os, re, stat, struct, subprocess, sys, tempfile, zlib
from datetime import datetime, timedelta

READ_ME = "eec050e37de4f73714b3e1f79870099c42ae685310b3dc7bda0c2aba087287ab"
LIMIT, LINE_LIMIT, NOTE_LIMIT, COUNT_LIMIT = 1 << 30, 1 << 20, 1 << 16, 1 << 53
FILES = ["VERIFY.md", "verify.py", "checkpoint", "verifier-keys", "newest-entry.json", "events.ndjson",
         "readable-events.ndjson", "read-models/basis.json"]
MODELS = ["replay-by-source-clock", "replay-by-ledger-clock", "attendance", "medication-review",
          "discharge-summary"]
LONGEST = {"VERIFY.md": NOTE_LIMIT, "verify.py": NOTE_LIMIT, "checkpoint": NOTE_LIMIT, "verifier-keys": NOTE_LIMIT,
           "newest-entry.json": LINE_LIMIT, "read-models/basis.json": 1 << 26}
NAMES = FILES + ["read-models/%s.json" % name for name in MODELS]
BASE64, PROOF = rb'"([A-Za-z0-9+/]*={0,2})"', rb'\[((?:"[A-Za-z0-9+/]{43}="(?:,(?=")|(?=\])))*)\]'
EVENT = re.compile(rb'\{"entry":%s,"header":%s,"nonce":%s,"payload":%s,"proof":%s\}' % ((BASE64,) * 4 + (PROOF,)))
ENTRY = re.compile(rb'\{"entry":%s,"proof":%s\}' % (BASE64, PROOF))
SETTING = {"entry": int, "key": str, "value": str, "from_date": str, "recorded_by": str, "recorded_at": str}
INSTANT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{6})Z")

def check(holds, what):
    if not holds:
        sys.exit("FAILED: " + what)

def sha(data):
    return hashlib.sha256(data).digest()

def b64(text):  # in its one canonical form
    text = bytes(text if isinstance(text, bytes) else text.encode())
    data = base64.b64decode(text, validate=True)
    check(base64.b64encode(data) == text, "base64 that is not canonical")
    return data

def once(pairs):
    check(len(dict(pairs)) == len(pairs), "JSON with a member twice")
    return dict(pairs)

def strict(data):  # JSON that every reader reads alike
    def refuse(text):
        check(False, "JSON with " + text[:20])
    def number(text):
        check(len(text) <= 40 and abs(float(text)) < 1e300, "JSON with a number beyond all measure")
        return float(text)
    def whole(text):
        return int(text) if len(text) <= 20 else number(text)
    return json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=refuse,
                      parse_float=number, parse_int=whole)

def time_text(micros):  # 2025-01-31T18:05:00.000000Z
    moment = datetime(1970, 1, 1) + timedelta(microseconds=micros)
    return "%04d" % moment.year + moment.strftime("-%m-%dT%H:%M:%S.") + "%06dZ" % moment.microsecond

def text_of(value):  # JSON in its one form: no white space, no escape that is not needed
    if isinstance(value, str):
        short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
        return '"%s"' % re.sub(r'["\\\x00-\x1f]', lambda m: short.get(m[0], "\\u%04x" % ord(m[0])), value)
    if isinstance(value, list):
        return "[%s]" % ",".join(map(text_of, value))
    if isinstance(value, dict):
        return "{%s}" % ",".join(text_of(name) + ":" + text_of(value[name]) for name in value)
    check(type(value) is int, "JSON with a value of another type")
    return str(value)

def read_archive(file, total):  # of an archive as the program makes it, and of no other: nothing else can be in it
    files, offset, directory = {}, 0, b""
    start = file.read(4)
    while start == b"PK\3\4":
        fields = file.read(26)
        check(len(fields) == 26 and len(files) < 64, "the archive: cut off, or too many files")
        crc, _, size, length, _ = struct.unpack("<IIIHH", fields[10:])
        name = file.read(length)
        check(size <= min(LONGEST.get(name.decode("utf-8"), LIMIT), total), "the archive: a file in it is too large")
        body = file.read(size)
        check(fields == struct.pack("<HHHHHIIIHH", 20, 0x800, 0, 0, 0x21, zlib.crc32(body), len(body), len(body),
                                    len(name), 0), "the archive: it is damaged, or packed by another program")
        check(name.decode("utf-8") not in files, "the archive: a name is in it twice")
        files[name.decode("utf-8")] = body
        directory += struct.pack("<4sH", b"PK\1\2", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, offset) + name
        offset, start = offset + 30 + length + size, file.read(4)
    directory += struct.pack("<4sIHHIIH", b"PK\5\6", 0, len(files), len(files), len(directory), offset, 0)
    check(files and start + file.read(LINE_LIMIT) == directory, "the archive: its directory is not that of its files")
    return files

def read_file(path, limit, read=lambda file, size: file.read(size)):
    status = os.lstat(path)
    check(stat.S_ISREG(status.st_mode) and status.st_size <= limit, "%r is not a file, or too large" % path)
    with open(path, "rb") as file:
        return read(file, status.st_size)

def read_packet(path):
    if not os.path.isdir(path):
        return read_file(path, LIMIT, read_archive)
    files, room = {}, LIMIT
    for folder, folders, names in os.walk(path):
        check(len(files) + len(folders) + len(names) <= 64, "too many files")
        for name in names + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
            place = os.path.relpath(os.path.join(folder, name), path).replace(os.sep, "/")
            check(place in NAMES, "%r is not part of a packet" % place)
            files[place] = read_file(os.path.join(folder, name), min(room, LONGEST.get(place, LIMIT)))
            room -= len(files[place])
    return files

def key_parts(key):
    match = re.fullmatch(r"([^\s+\x00-\x20\x7f]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", key)
    check(match and len(match[1].encode()) <= 255, "%r is no verifier key" % key[:300])
    public = b64(match[3])
    check(public[0] == 1 and sha(match[1].encode() + b"\n" + public)[:4].hex() == match[2], "the key " + key[:300])
    return match[1], match[2], public[1:]

def is_signature(public, text, signature):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, part) for part in ("key", "text", "signature")]
        for path, data in zip(paths, (bytes.fromhex("302a300506032b6570032100") + public, text, signature)):
            with open(path, "wb") as file:
                file.write(data)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", paths[0],
                               "-rawin", "-in", paths[1], "-sigfile", paths[2]],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

def signers(text, signatures, keys):  # a wrong signature of one of the keys is worth nothing, whoever else signed
    found = []
    for name, hint, signature in signatures:
        for key in keys:
            if key_parts(key)[:2] == (name, hint):
                check(is_signature(key_parts(key)[2], text, signature), "the signature of the checkpoint")
                found += [key] if key not in found else []
    return found

def read_checkpoint(note, listed, pinned):
    check(max(len(note), len(listed)) <= NOTE_LIMIT, "the checkpoint or its keys: too long")
    text, divider, below = note.decode("utf-8").rpartition("\n\n")
    check(divider and note.endswith(b"\n") and not re.search(r"[\x00-\x09\x0b-\x1f]", text + below), "the checkpoint")
    signatures = []
    for line in below[:-1].split("\n"):
        parts = line.split(" ")
        check(len(parts) == 3 and parts[0] == "\u2014" and parts[1] and len(signatures) < 16, "the checkpoint's signatures")
        raw = b64(parts[2])
        signatures.append((parts[1], raw[:4].hex(), raw[4:]))
    origin, size, root = (text.split("\n") + ["", ""])[:3]
    check("" not in text.split("\n") and re.fullmatch("[1-9][0-9]{0,15}", size) and int(size) <= COUNT_LIMIT
          and len(b64(root)) == 32, "the checkpoint")
    keys = listed.decode("utf-8").split("\n")[:-1]
    check("".join(key + "\n" for key in keys).encode() == listed and len(set(keys)) == len(keys), "verifier-keys")
    own = lambda keys: [key for key in keys if key_parts(key)[0] == origin]
    signed = (text + "\n").encode()
    check(signers(signed, signatures, own(pinned or keys)),
          "the signature of the checkpoint: no key that counts has signed it")
    first = signers(signed, signatures, own(keys))
    check(first == keys[:len(first)] and len(first) == len(signatures), "verifier-keys: not those that signed, in front")
    return origin, int(size), b64(root)

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

def read_entry(entry, proof, size, root, what):
    check(len(entry) == 112 and entry[:16] == b"episode-ledger1\n" and entry[72:80] == bytes(8), what + "entry")
    version, position, at = struct.unpack(">qqq", entry[48:72])
    check(1 <= version <= COUNT_LIMIT and 1 <= position <= size, what + "version or position")
    check(-62135596800000000 <= at < 253402300800000000, what + "time")
    hashes = [b64(text[1:-1]) for text in proof.split(b",")] if proof else []
    check(root_from(sha(b"\x00" + entry), position - 1, size, hashes) == root, what + "inclusion")
    return version, position, at

def lines_of(data, what):  # one after the other: all at once would take many times their bytes
    start = 0
    while start < len(data):
        end = data.find(b"\n", start)
        check(end > start, what + ": not a text a line")
        yield data[start:end]
        start = end + 1

def is_instant(text):
    parts = isinstance(text, str) and INSTANT.fullmatch(text)
    return parts and datetime(*map(int, parts.groups()))

def verify(path, pinned):
    files = read_packet(path)
    for name in FILES:
        check(name in files, name + " is missing")
    for name in files:
        check(name in NAMES, "%r is not part of a packet" % name[:100])
    with open(os.path.abspath(__file__), "rb") as own:
        check(own.read() == files["verify.py"], "verify.py in the packet is not this one: changed, or another version's")
    check(sha(files["VERIFY.md"]).hex() == READ_ME, "VERIFY.md is not the one of this version")
    origin, size, root = read_checkpoint(files["checkpoint"], files["verifier-keys"], pinned)
    match = ENTRY.fullmatch(files["newest-entry.json"][:-1]) if files["newest-entry.json"].endswith(b"\n") else None
    check(match, "newest-entry.json")
    _, position, newest = read_entry(b64(match[1]), match[2], size, root, "newest-entry.json: ")
    check(position == size, "newest-entry.json: it is not the last one")
    lines, readable = (lines_of(files[name], name) for name in ("events.ndjson", "readable-events.ndjson"))
    episode, before, recorded, count = None, 0, -2**63, 0
    for count, (line, copy) in enumerate(itertools.zip_longest(lines, readable, fillvalue=b""), 1):
        what = "the event of version %d: " % count
        match = EVENT.fullmatch(line) if len(line) <= LINE_LIMIT else None
        check(match, what + "it is not written as one")
        entry, header, nonce, payload = (b64(match[part]) for part in (1, 2, 3, 4))
        version, position, at = read_entry(entry, match[5], size, root, what)
        check(version == count and position > before and at >= recorded, what + "version, position or time")
        check(len(nonce) == 32 and entry[80:] == sha(sha(nonce[:16] + header) + sha(nonce[16:] + payload)), what + "content")
        head = strict(header)
        check(head["event_id"].replace("-", "") == entry[16:32].hex(), what + "event_id")
        check(head["episode_id"].replace("-", "") == entry[32:48].hex(), what + "episode_id")
        check(is_instant(head["occurred_at"]) and isinstance(head["type"], str), what + "header")
        check(episode in (None, entry[32:48]), what + "another episode")
        check(re.fullmatch(r".+/%s(/([2-9]|[1-9][0-9]{1,8}))?" % re.escape(head["ledger"]), origin), what + "ledger")
        shown = b'%s,"data":%s,"leaf_hash":"%s","position":%d,"recorded_at":"%s","version":%d}' % (
            header[:-1], payload, sha(b"\x00" + entry).hex().encode(), position, time_text(at).encode(), version)
        check(shown == copy, what + "readable copy")
        strict(payload)
        episode, before, recorded = entry[32:48], position, at
    check(count > 0, "the number of events")
    basis = strict(files["read-models/basis.json"])
    settings = basis.get("settings", [SETTING])
    check((text_of(basis) + "\n").encode() == files["read-models/basis.json"] and settings
          and list(basis) == ["at", "position"] + ["settings"] * ("settings" in basis) + ["time_zone"]
          and all(list(one) == list(SETTING) for one in settings), "read-models/basis.json: it is not written as one")
    for one in basis.get("settings", []):
        check([type(one[name]) for name in one] == list(SETTING.values()), "read-models/basis.json: a setting")
    check(basis["position"] == size and basis["at"] == time_text(newest)
          and re.fullmatch("[A-Za-z0-9+/_-]{1,64}", basis["time_zone"]), "read-models/basis.json: not of this checkpoint")
    print("OK: %d events, each in the tree of %d events that %s has signed%s."
          % (count, size, origin, "" if pinned else " (by the key in this packet)"))
    print("Not looked at: what is in read-models/, which says that it is of %s, in days of %s. "
          "`episode-ledger verify` folds it again." % (basis["at"], basis["time_zone"]))

def main(words):
    keys = [word for word in words if re.fullmatch(r"\S+\+[0-9a-f]+\+\S+", word)]
    paths = [word for word in words if word not in keys]
    check(len(paths) <= 1, "more than one packet, or a key that is none")
    try:
        verify(paths[0] if paths else os.path.dirname(os.path.abspath(__file__)), keys)
    except (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError) as error:
        sys.exit("FAILED: %s: %s" % (type(error).__name__, str(error)[:300]))

if __name__ == "__main__":
    main(sys.argv[1:])
