import CareEpisode
import TransparencyLog

extension EpisodePacket {
    /// How to check the packet without this program.
    var instructions: String {
        let tree = checkpoint.checkpoint
        let episode = events.first?.episodeID.description ?? ""
        return """
            # How to verify this packet

            It holds the events of episode \(episode) of the ledger \(ledger.name), versions 1 to
            \(events.last?.version.rawValue ?? 0), as of the checkpoint of \(tree.size) events that
            \(tree.origin) has signed. It contains health information.

            | file | what it is |
            |---|---|
            | `events.ndjson` | one event a line, by version: `entry` (112 bytes), `header`, `payload`, `nonce`, and the `proof` that the entry is in the ledger; everything in base64 |
            | `readable-events.ndjson` | the same events to be read |
            | `checkpoint` | how many events the ledger had and the root of the tree over all of them, signed |
            | `verifier-keys` | the public keys, as the ledger gives them |
            | `read-models/` | what follows from the events: replay, attendance, medication review, discharge summary, by the source system's clock and by the ledger's |
            | `verify.py` | checks all of it but the read models with Python 3.8 or later and `openssl`, and nothing else |

            ## Check everything

                python3 verify.py KEY

            KEY is the ledger's verifier key, which you have **not from this packet** but from the
            programme itself, or from earlier audits. Without KEY the one in `verifier-keys` is used:
            that shows the packet is whole, not whose it is.

            ## Check the signature by hand

                sed '/^$/,$d' checkpoint > signed-text
                grep '^— ' checkpoint | head -n 1 | cut -d ' ' -f 3 | base64 -d | tail -c 64 > signature
                (printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000'; head -n 1 verifier-keys | cut -d + -f 3- | base64 -d | tail -c 32) > key.der
                openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in signed-text -sigfile signature

            It prints "Signature Verified Successfully". (The octal numbers say that an Ed25519 key
            follows. The first line of `verifier-keys` and the first signature must be of the same
            key: the four bytes before the signature are the hash in the middle of the key's line.)

            ## What it proves, and what not

            - Every event is byte for byte what the ledger recorded at its position: `entry` commits to
              header and payload through `nonce`, and the proof leads from `entry` to the signed root.
            - Versions 1 to \(events.last?.version.rawValue ?? 0) without a gap: nothing before the last event was left out.
            - Not that nothing came after it: for that, ask for a newer checkpoint and packet, or an
              export of the whole log, and prove with `verify --against` that it goes on from this one.
            - Not that what was recorded is true.

            The bytes that are hashed: `commitment = SHA-256(SHA-256(nonce[0..16) header) SHA-256(nonce[16..32)
            payload))`; `entry` = "episode-ledger1\\n", event id, episode id, version, position, recorded
            time in microseconds since 1970 UTC, eight zero bytes, commitment (integers big-endian);
            leaf = SHA-256(0x00 entry); inner node = SHA-256(0x01 left right), as in RFC 6962. The
            checkpoint is a signed note (C2SP signed-note, tlog-checkpoint).

            """
    }

    /// The verifier that comes along: standard library and `openssl` alone.
    static let script = #"""
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

        """#
}
