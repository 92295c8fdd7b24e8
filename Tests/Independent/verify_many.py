#!/usr/bin/env python3
"""Verifies many packets and exports in one process: a JSON object a line in, a verdict a line out.

    {"packet": PATH, "keys": [KEY, …]}
    {"export": FOLDER, "keys": [KEY, …], "against": [FILE, …]}
    {"accesses": FOLDER, "keys": [KEY, …], "against": [FILE, …]}

Packets are verified by the script that comes along with packets, exports by verify_export.py, those of
access logs by verify_access_log.py. A verdict is `pass`, or `fail` and why. Signatures that were looked at before are not looked at again.
"""

import contextlib
import functools
import importlib.util
import io
import json
import os
import sys

import verify_access_log
import verify_export

SCRIPT = os.path.join(os.path.dirname(__file__), "../../Sources/Ledger/Export/verify.py")


def packet_verifier():
    spec = importlib.util.spec_from_file_location("packet_verifier", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.is_signature = functools.lru_cache(maxsize=4096)(module.is_signature)
    return module


def verdict(packets, task):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        if "packet" in task:
            try:
                packets.main([task["packet"]] + task["keys"])
                return "pass"
            except SystemExit as end:
                return f"fail {end.code}"
        is_accesses = "accesses" in task
        words = [task["accesses" if is_accesses else "export"]]
        kind = verify_access_log.AccessExport if is_accesses else verify_export.Export
        for key in task["keys"]:
            words += ["--verifier-key", key]
        for path in task.get("against", []):
            words += ["--against", path]
        try:
            if verify_export.main(words, kind=kind) == 0:
                return "pass"
        except SystemExit as end:
            return f"fail {end.code}"
    return "fail " + output.getvalue().strip().replace("\n", "; ")[:300]


def main():
    packets = packet_verifier()
    for line in sys.stdin:
        print(verdict(packets, json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
