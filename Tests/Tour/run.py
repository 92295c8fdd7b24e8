#!/usr/bin/env python3
"""Runs the commands of documents as a reader would, and compares what they print.

    Tests/Tour/run.py --program PATH [DOCUMENT …]

Without a document: all of DOCUMENTS below. Each is run in an empty folder of its own, in which
`Scripts/run` is the program. Where a document does not begin with `Scripts/run`, that is run first. Exit status 0 where all is as the documents say; else 1,
and each difference is told as DOCUMENT:LINE with what was expected and what was got.

- A command whose output is shown must print exactly that; where the document shows no line that begins
  with "error: ", it must also succeed. `…` stands for left-out text or lines (comparison.py).
- A command whose output is not shown must succeed.
- Any other figure in what is shown must be noticed: each digit is changed once, in memory.
- `Scripts/run` without arguments does what it does before it serves.
- The service listens on a port that is free, in place of the documents' 8080.
"""

import argparse
import os
import pathlib
import shutil
import socket
import sys
import tempfile

import comparison
import document
import terminal

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "docs/tour.md", "docs/clinicians.md", "docs/medication-review.md"]
START = "Scripts/run"
ADDRESS = "127.0.0.1:8080"

RUN = """#!/usr/bin/env bash
# What the repository's Scripts/run does with a program that is built.
set -euo pipefail
[[ $# -eq 0 ]] || exec '{program}' "$@"
source '{root}/Scripts/prerequisites'
source '{root}/Scripts/tour'
tour '{program}'
"""


class Run:
    """One document, run in a folder that is removed afterwards."""

    def __init__(self, path, program, port):
        self._path = path
        self._address = f"127.0.0.1:{port}"
        self._scratch = tempfile.mkdtemp(prefix="el-tour-")
        # PostgreSQL's user must reach the folder, where that is another one.
        os.chmod(self._scratch, 0o755)
        self._folder = f"{self._scratch}/folder"
        os.makedirs(f"{self._folder}/Scripts")
        script = pathlib.Path(self._folder, "Scripts/run")
        script.write_text(RUN.format(program=program, root=ROOT), encoding="utf-8")
        script.chmod(0o755)
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("EPISODE_LEDGER_", "PG"))
        }
        self._terminal = terminal.Terminal(
            self._folder, kept | {"EPISODE_LEDGER_PORT": str(port), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        )
        self._running = []
        self._differences = []

    def differences(self):
        """Runs the document; returns what differs, a text each."""
        commands = document.commands(self._path.read_text(encoding="utf-8"))
        if not commands:
            return [f"{self._name}: there is no command in it"]
        if commands[0].text != START:
            commands.insert(0, document.Command(commands[0].line, START, section=-1))
        for command in commands:
            if self._running and self._running[-1][0].section != command.section:
                self._stop()
            if command.is_background:
                self._start(command)
            else:
                status, lines = self._terminal.run(command.text.replace(ADDRESS, self._address))
                self._compare(command, status, lines)
        self._stop()
        return self._differences

    def remove(self):
        """Stops whatever runs, and removes the folder and the cluster, wherever that lies."""
        for _, background in self._running:
            background.interrupt()
        self._terminal.close()
        link = pathlib.Path(self._folder, ".episode-ledger/postgresql")
        if link.is_symlink():
            shutil.rmtree(link.resolve(), ignore_errors=True)
        shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def _name(self):
        return self._path.relative_to(ROOT) if self._path.is_relative_to(ROOT) else self._path

    def _start(self, command):
        background = self._terminal.start(command.text.replace(ADDRESS, self._address))
        self._running.append((command, background))
        background.wait(
            lambda lines: comparison.difference(command.output, self._as_printed(lines)) is None
        )

    def _stop(self):
        """Ctrl-C for what goes on, the newest first: what it printed must be as shown to the end."""
        while self._running:
            command, background = self._running.pop()
            status = background.interrupt()
            self._compare(command, status, background.lines())

    def _as_printed(self, lines):
        return [line.replace(self._address, ADDRESS) for line in lines]

    def _compare(self, command, status, lines):
        lines = self._as_printed(lines)
        may_fail = any(text.startswith("error: ") for _, text in command.output)
        if (status != 0) != may_fail:
            last = "\n".join(lines[-10:]).rstrip()
            self._tell(command.line, "exit status 0" if not may_fail else "a failure", f"{status}\n{last}")
        if not command.output:
            return
        if found := comparison.difference(command.output, lines):
            self._tell(*found)
        elif found := comparison.unnoticed_figure(command.output, lines):
            self._tell(found[0], "a figure that cannot be another one", found[1])

    def _tell(self, line, expected, got):
        self._differences.append(
            f"{self._name}:{line}: expected: {expected}\n{self._name}:{line}:      got: {got}"
        )


def free_port():
    """A port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def differences(path, program):
    """Runs one document with a program; returns what differs, a text each."""
    run = Run(pathlib.Path(path).resolve(), program, free_port())
    try:
        return run.differences()
    except (document.DocumentError, terminal.TerminalError) as error:
        return [f"{path}: {error}"]
    finally:
        run.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", required=True, help="the program that Scripts/run stands for")
    parser.add_argument("documents", nargs="*", metavar="DOCUMENT")
    arguments = parser.parse_args()
    found = []
    for path in arguments.documents or [ROOT / name for name in DOCUMENTS]:
        found += differences(path, os.path.abspath(arguments.program))
    for text in found:
        print(text)
    if not found:
        print("Every command prints what the documents say.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
