#!/usr/bin/env python3
"""Asks the histories of this folder, whose right answers were worked out by hand.

    Tests/Cases/run.py --program PATH [CASE.expected.json …]

Each case is imported into a ledger of its own, in a private cluster in a temporary folder. Each check
has the arguments of a command and an expression over its JSON answer `r`. Exit status 0 if all agree.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
# What an expression may use.
NAMES = {f.__name__: f for f in (sorted, len, set, round, sum, any, next, str, list)}
LIMIT = 120


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--program", required=True, help="the episode-ledger to be asked")
    arguments.add_argument("case", nargs="*", type=pathlib.Path, help="all of this folder, if none")
    given = arguments.parse_args()
    cases = given.case or sorted(FOLDER.glob("*.expected.json"))
    if not cases:
        sys.exit("no cases")
    data = tempfile.mkdtemp(prefix="cases-")
    # Holds the cluster up between the commands.
    server = subprocess.Popen(
        [given.program, "serve", "--port", "0", "--data-dir", data, "--without-workers"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        differences, total = [], 0
        for path in cases:
            case = json.loads(path.read_text())
            differences += Case(given.program, data, path, case).differences()
            total += len(case["checks"])
    finally:
        server.terminate()
        server.wait(LIMIT)
        shutil.rmtree(data, ignore_errors=True)
    for difference in differences:
        print(difference)
    print(f"{total - len(differences)} of {total} answers agree.")
    sys.exit(1 if differences else 0)


class Case:
    """One history and what it must answer."""

    def __init__(self, program, data, path, case):
        self.program, self.data, self.path, self.case = program, data, path, case
        self.ledger = re.sub(r"[^a-z0-9_-]", "-", case["name"].lower())[:60]
        self.answers = {}

    def run(self, *arguments):
        command = [self.program, *arguments, "--data-dir", self.data, "--format", "json"]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT, check=False
        )

    def answer(self, arguments):
        if arguments not in self.answers:
            asked = self.run(*arguments, "--ledger", self.ledger)
            try:
                self.answers[arguments] = json.loads(asked.stdout)
            except ValueError:
                self.answers[arguments] = {"error": asked.stderr.strip()}
        return self.answers[arguments]

    def differences(self):
        history = str(self.path).replace(".expected.json", ".ndjson")
        for command in (
            ("ledgers", "create", self.ledger, "--time-zone", self.case["zone"]),
            ("import", history, "--ledger", self.ledger),
        ):
            done = self.run(*command)
            if done.returncode:
                return [
                    f"{self.case['name']}: {command[0]}: {done.stderr.strip()[:200]}"
                    for _ in self.case["checks"]
                ]
        return [text for check in self.case["checks"] if (text := self.difference(check))]

    def difference(self, check):
        """What is wrong; None where the answer agrees."""
        answer = self.answer(tuple(check["argv"]))
        try:
            # The expressions are this repository's own.
            got = eval(check["expr"], dict(NAMES, r=answer))  # pylint: disable=eval-used
        except Exception as error:  # pylint: disable=broad-exception-caught
            got = f"{type(error).__name__}: {error} {json.dumps(answer)[:160]}"
        if got == check["expected"]:
            return None
        return (
            f"{self.case['name']}: {' '.join(check['argv'])} | {check['expr']} | "
            f"expected {json.dumps(check['expected'])} | got {json.dumps(got)[:240]} | "
            f"{check['why']}"
        )


main()
