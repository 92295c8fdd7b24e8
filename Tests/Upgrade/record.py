#!/usr/bin/env python3
"""Records the state that a program leaves behind, what it answers about it, and how it goes on.

    record.py --program PATH [--into FOLDER]

What is recorded is what an upgrade must keep: a test restores it, brings it to a newer schema, asks a
newer program the same questions, and lets the statements of the old program run on. README.md says
which file is what. All people and events are simulated; so are the keys' ledgers.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import state
from going_on import go_on
from program import Program
from questions import all_questions, ask
from recording_proxy import RecordingProxy
from replay import replay
from throwaway_cluster import PORT, running_cluster

HERE = pathlib.Path(__file__).parent
LEDGERS = ("north", "south")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="the program whose state is recorded")
    parser.add_argument("--into", default=HERE / "9af8880", type=pathlib.Path, help="where to")
    options = parser.parse_args()
    # Also who is asked to end cleans up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # What is kept is replaced only by what is whole.
    with tempfile.TemporaryDirectory(prefix="el-record-") as work, running_cluster() as cluster:
        made = Recording(os.path.abspath(options.program), cluster, pathlib.Path(work)).make()
        shutil.rmtree(options.into, ignore_errors=True)
        shutil.copytree(made, options.into)


class Recording:
    def __init__(self, path, cluster, work):
        self.path, self.cluster, self.work = path, cluster, work
        self.into = work / "recording"
        self.dump = self.into / "database.dump"

    def make(self):
        self.into.mkdir()
        self.cluster.make_roles()
        self.cluster.create("origin")
        data = self.work / "data-origin"
        origin = Program(self.path, self.cluster.url("origin"), str(data))
        with state.Receiver() as receiver:
            facts = self.timed("state", lambda: state.make(origin, self.cluster, receiver))
            self.cluster.dump("origin", self.dump)
            shutil.copytree(data, self.into / "data")
            restored = self.restored("restored")
            facts["postgresql"] = self.cluster.sql("show server_version")
            facts |= self.timed("questions", lambda: self.ask_twice(origin, restored, facts))
            facts |= state.facts(restored, self.work)
            facts["subscription"]["next"] = state.next_delivery(self.restored("consumer"), facts)
            facts["statements"] = self.timed(
                "statements", lambda: self.record_statements(receiver))
        text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
        (self.into / "facts.json").write_text(text, encoding="utf-8")
        return self.into

    def timed(self, name, work):
        began = time.monotonic()
        result = work()
        print(f"{name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
        return result

    def restored(self, database, socket_folder=None):
        """The program at the dumped state, with a copy of the data folder."""
        self.cluster.restore(self.dump, database)
        data = self.work / f"data-{database}"
        shutil.copytree(self.into / "data", data)
        return Program(self.path, self.cluster.url(database, socket_folder), str(data))

    def ask_twice(self, origin, restored, facts):
        """Keeps the answers, if the restored state gives them as well, later and in another order."""
        events = [[json.loads(line) for line in origin.succeed("export", "--ledger", name).splitlines()]
                  for name in LEDGERS]
        questions = all_questions(*events, facts["parked"]["episode_id"])
        first = answers(questions, origin)
        time.sleep(2)
        second = reversed(answers(questions[::-1], restored))
        differing = [one["id"] for one, other in zip(first, second) if one != other]
        if differing:
            raise RuntimeError(f"not answered the same way twice: {', '.join(differing)}")
        write_lines(self.into / "questions.ndjson", first)
        commands = sum("command" in question for question in questions)
        return {"questions": {"command_line": commands, "http": len(questions) - commands}}

    def record_statements(self, receiver):
        with RecordingProxy(self.cluster.folder) as proxy:
            go_on(self.restored("recorded", proxy.folder), receiver, self.work)
        lines = [line for line in proxy.lines if not asks_for_schema(line)]
        self.mark_what_varies(lines)
        file = self.into / "statements.ndjson"
        write_lines(file, lines)
        for number in (1, 2):
            self.cluster.restore(self.dump, f"proof_{number}")
            command = [sys.executable, HERE / "replay.py", self.cluster.folder, str(PORT),
                       f"proof_{number}", file]
            subprocess.run(command, check=True, stdout=sys.stderr)
        units = [line for line in lines if "unit" in line]
        return {
            "sessions": proxy.sessions, "units": len(units), "overlapping": proxy.overlapping,
            "varying": sum("varies" in unit for unit in units),
        }

    def mark_what_varies(self, lines):
        """Finds what depends on the clock: its tags are others in a replay, or from one to the next."""
        units = {line["unit"]: line for line in lines if "unit" in line}
        for number in (1, 2):
            self.cluster.restore(self.dump, f"trial_{number}")
            path = f"{self.cluster.folder}/.s.PGSQL.{PORT}"
            for unit, tags, _ in replay(path, f"trial_{number}", lines, compares=False):
                if tags != units[unit]["tags"]:
                    units[unit]["varies"] = True


def answers(questions, program):
    # Workers would take leases, and say so in some answers.
    with program.serving("--without-workers") as service:
        return [ask(question, program, service) for question in questions]


def asks_for_schema(line):
    """Whether a starting process looks up how new the schema is.

    One that starts after an upgrade ends there, as it should; the others, which go on, have asked.
    """
    return any("from public.schema_migration order by number" in message.get("sql", "")
               for message in line.get("messages", []))


def write_lines(path, objects):
    with open(path, "w", encoding="utf-8") as file:
        for line in objects:
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
