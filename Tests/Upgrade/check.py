#!/usr/bin/env python3
"""Upgrades the recorded state of an older program, and shows that nothing is lost by it.

    check.py --program PATH [--old PATH] [--recorded FOLDER]

Brings the recorded database to the program's own version by `migrate`, and by `serve` on a data
folder, and compares answers, exports, deliveries and proofs with the recorded ones, byte for byte.
With --old, the old program itself goes on beside the new one; without, its recorded statements do.
`changed.ndjson`, where it is there, has the answers that were changed on purpose, and why. All data is
simulated. Prints what was shown, a line each; exit status 1 where something differs.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

import state
from program import Program, eventually
from questions import ask
from replay import Difference, read_statements, replay
from throwaway_cluster import PORT, running_cluster

HERE = pathlib.Path(__file__).parent


class Failure(Exception):
    """Something that an upgrade has changed."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="the program that is upgraded to")
    parser.add_argument("--old", help="the program that the state was recorded of")
    parser.add_argument("--recorded", default=HERE / "9af8880", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="el-upgrade-", dir="/tmp") as work, \
            running_cluster() as cluster:
        os.chmod(work, 0o755)
        upgrade = Upgrade(options, cluster, pathlib.Path(work))
        try:
            for shown in upgrade.parts():
                print(shown(), flush=True)
        except (Failure, Difference, RuntimeError) as failure:
            sys.exit(f"{type(failure).__name__}: {failure}")


class Upgrade:
    def __init__(self, options, cluster, work):
        self.cluster, self.work = cluster, work
        self.path = os.path.abspath(options.program)
        self.old = options.old and os.path.abspath(options.old)
        self.recorded = options.recorded
        self.facts = json.loads((self.recorded / "facts.json").read_text(encoding="utf-8"))
        self.questions = read_lines(self.recorded / "questions.ndjson")
        self.changed = {change["id"]: change for change in read_lines(HERE / "changed.ndjson")}
        cluster.make_roles()

    def parts(self):
        yield self.schema
        yield self.answers
        yield self.evidence
        yield self.application_role
        yield self.consumer
        yield self.webhook
        yield self.newer_fold
        yield self.old_statements
        yield self.data_folder
        if self.old:
            yield self.old_program

    # MARK: Parts, each on a restored database of its own

    def schema(self):
        self.upgraded("upgraded").succeed("migrate", "--finish")
        self.cluster.create("fresh")
        Program(self.path, self.cluster.url("fresh"), str(self.work / "data-fresh")).succeed("migrate")
        upgraded, fresh = self.cluster.schema("upgraded"), self.cluster.schema("fresh")
        differing = sorted(set(upgraded) ^ set(fresh))
        require(upgraded == fresh, f"the schema: {differing}")
        return f"an upgraded database has the schema of a fresh one, {len(fresh)} lines of it"

    def answers(self):
        program = self.caught_up("answers")
        with program.serving("--without-workers") as service:
            self.compare(self.questions, program, service)
        return f"{len(self.questions)} questions have their recorded answers"

    def evidence(self):
        program = self.caught_up("evidence")
        now = state.facts(program, self.work)["ledgers"]
        for name, ledger in self.facts["ledgers"].items():
            for what in ("head", "export_sha256", "checkpoint", "checkpoint_export_sha256", "packet",
                         "verify"):
                changed = self.changed.get(f"{what}-of-{name}", {})
                require(now[name][what] == changed.get("now", ledger[what]),
                        f"{what} of {name}: {now[name][what]}")
        return "verify finds nothing, and exports, checkpoints and packets are the same bytes"

    def application_role(self):
        self.upgraded("application")
        self.cluster.sql("create role upgrade_app login;"
                         " grant ledger_writer, ledger_projector, ledger_reader to upgrade_app;")
        url = self.cluster.url("application").replace("user=postgres", "user=upgrade_app")
        program = Program(self.path, url, str(self.work / "data-application"))
        before = self.facts["ledgers"]["north"]["head"]
        line = {"episode_id": "01950000-aaaa-7000-8000-000000000001"} | state.admission(900, "SIM-900")
        program.succeed("import", "-", "--ledger", "north", text=json.dumps(line))
        census = program.answer("census", "--ledger", "north", "--date", "2025-10-31")
        require(census["position"] == before + 1, "the census does not reflect what was appended")
        program.succeed("projections", "rebuild", "--ledger", "north")
        return "a user of the application's roles appends, reads and rebuilds"

    def consumer(self):
        program = self.upgraded("consumer")
        known = self.facts["subscription"]
        following = known["next"]
        with program.serving("--without-workers") as service:
            given = service.json("GET", following["path"], "service")
            require(given == following["answer"], "the consumer is given something else")
            path = f"/v1/ledgers/{known['ledger']}/subscriptions/{known['name']}"
            acknowledged = [{name: batch[name] for name in ("bucket", "from", "to", "epoch")}
                            for batch in given["batches"]]
            service.json("POST", f"{path}/ack", "service", acknowledged)
            standing = service.json("GET", path, "service")["buckets"]
            reached = {bucket["bucket"]: bucket["position"] for bucket in standing}
            for batch in acknowledged:
                require(reached[batch["bucket"]] >= batch["to"], f"bucket {batch['bucket']}")
            service.refuse(409, "POST", f"{path}/ack", "service", acknowledged)
        return "a subscription goes on in the middle of its bucket"

    def webhook(self):
        program = self.upgraded("webhook")
        known = self.facts["webhook"]
        with state.Receiver() as receiver:
            # The receiver of the recording listened on another port.
            self.cluster.sql(
                f"update webhook set url = '{receiver.url}' where name = '{known['name']}'", "webhook")
            with program.serving("--without-workers", "--allow-private-webhooks"):
                eventually(lambda: receiver.requests, "the webhook is sent again")
        sent, recorded = receiver.requests[0], known["last_request"]
        for header in ("webhook-id", "content-type"):
            require(sent["headers"][header] == recorded["headers"][header], header)
        require(sent["body"] == recorded["body"], "the body of the webhook")
        return "a webhook that failed is sent again under the same id, with the same body"

    def newer_fold(self):
        """As if folds had risen since the recording: the program has to rebuild by itself."""
        program = self.upgraded("newer_fold")
        self.cluster.sql("update read_model_state set fold_version = -1;"
                         " truncate read_model.census_stay, read_model.census_episode", "newer_fold")
        asked = [question for question in self.questions
                 if is_of_read_models(question) and question["id"] not in self.changed]
        with program.serving() as service:
            eventually(lambda: self.are_rebuilt("newer_fold"), "the read models are rebuilt")
            require(service.request("GET", "/readyz")[0] == 200, "the service is not ready")
            self.compare(asked, program, service)
        return f"rows of an older fold are rebuilt unasked; {len(asked)} questions are answered as before"

    def old_statements(self):
        program = self.upgraded("statements")
        # The old program looks for tables that were retired minutes ago: as if it were still then.
        self.cluster.sql("update projection_generation set changed_at = clock_timestamp()", "statements")
        lines = read_statements(self.recorded / "statements.ndjson")
        units = replay(f"{self.cluster.folder}/.s.PGSQL.{PORT}", "statements", lines)
        for name, ledger in self.facts["ledgers"].items():
            _, output, _ = program.run(["verify", "--ledger", name, "--format", "json"])
            verified = json.loads(output)
            require(verified["events"] >= ledger["head"], f"events of {name}")
            # The recorded process sealed, and folded, events with the times at which it had appended
            # them, and now they have others: beyond the recorded head this has to be found.
            wrong = [fault for fault in verified["faults"]
                     if fault["position"] <= ledger["head"]
                     or fault["code"] not in ("root", "tile", "read_model")]
            require(not wrong, f"verify of {name}: {wrong}")
            line = state.admission(950, "SIM-950")
            line["episode_id"] = "01950000-aaaa-7000-8000-000000000950"
            appended = json.loads(program.succeed("import", "-", "--ledger", name, text=json.dumps(line)))
            require(appended["head"] == verified["events"] + 1, f"the head of {name}")
        # Then the end is said, and what the old program did is done no more.
        require(json.loads(program.succeed("migrate", "--finish"))["finished"], "it is finished")
        tables = ("insert into event select * from event", "update ledger_head set position = position",
                  "insert into access_log overriding system value select * from access_log")
        for statement in tables:
            try:
                self.cluster.sql(f"set role ledger_writer; {statement}", "statements")
            except RuntimeError as error:
                require("permission denied" in str(error), str(error))
            else:
                raise Difference(f"the writer may still: {statement}")
        return (f"a process of the old program goes on: {len(units)} recorded units of its statements,"
                " until the end is said")

    def data_folder(self):
        """`serve` alone brings the cluster in a data folder to its version."""
        folder = self.work / "folder"
        program = Program(self.path, "", str(folder))
        program.succeed("ledgers")
        with self.cluster.another(folder / "postgresql", user="episode_ledger") as private:
            # The recorded database was another superuser's.
            private.sql("drop database episode_ledger")
            private.sql("create role postgres")
            private.restore(self.recorded / "database.dump", "episode_ledger")
        self.copy_data(folder)
        asked = [question for question in self.questions
                 if "path" in question and question["id"] not in self.changed]
        with program.serving("--without-workers") as service:
            self.rebuild(program)
            self.compare(asked, program, service)
        self.require_sound(program)
        return f"serve on the data folder upgrades it; {len(asked)} questions are answered as before"

    def old_program(self):
        """The old program serves, and goes on while and after the new one migrates."""
        new = self.restored("beside")
        old = Program(self.old, self.cluster.url("beside"), new.data)
        with old.serving() as before:
            old_token = before.token("service")
            append(before, 901)
            new.succeed("migrate")
            append(before, 902)
            with new.serving() as after:
                after.tokens["service", None] = old_token
                for number in range(903, 923):
                    append(before if number % 2 else after, number)
                head = json.loads(after.succeed("GET", "/v1/ledgers/north/events?limit=1", "service"))["head"]
                require(head == self.facts["ledgers"]["north"]["head"] + 22, f"the head is {head}")
                census = f"/v1/ledgers/north/census?date=2025-10-31&at_least={head}"
                for service in before, after:
                    eventually(lambda: service.request("GET", census, "clinician")[0] == 200,
                               "the census of both reaches the head")
                code, _, errors = new.run(["migrate", "--finish"])
                require(code != 0 and "older program" in errors, f"to finish beside it is refused: {errors}")
                append(before, 923)
        require(json.loads(new.succeed("migrate", "--finish"))["finished"], "it is finished")
        with new.serving() as after:
            after.tokens["service", None] = old_token
            append(after, 924)
        self.require_sound(new)
        return "the old program appends, reads and projects beside the new one"

    # MARK: Help

    def restored(self, database):
        self.cluster.restore(self.recorded / "database.dump", database)
        data = self.work / f"data-{database}"
        self.copy_data(data)
        return Program(self.path, self.cluster.url(database), str(data))

    def copy_data(self, folder):
        shutil.copytree(self.recorded / "data", folder, dirs_exist_ok=True)
        # The user that runs a private cluster passes through.
        folder.chmod(0o755)
        # Git keeps no modes, and a key that others may read is refused.
        for path in (self.recorded / "data").rglob("*"):
            copy = folder / path.relative_to(self.recorded / "data")
            copy.chmod(0o700 if path.is_dir() else 0o600)

    def upgraded(self, database):
        program = self.restored(database)
        program.succeed("migrate")
        return program

    def caught_up(self, database):
        program = self.upgraded(database)
        self.rebuild(program)
        return program

    def rebuild(self, program):
        """Where a fold's version has risen, this rebuilds; and the access log of before is sealed."""
        for ledger in self.facts["ledgers"]:
            program.succeed("projections", "run", "--until-caught-up", "--ledger", ledger)
            # Entries of the access log are shown once they have a number.
            program.succeed("checkpoint", "--access-log", "--ledger", ledger)

    def compare(self, questions, program, service):
        differing = []
        for question in questions:
            asked = {name: value for name, value in question.items()
                     if name not in ("status", "answer", "answer_base64", "errors")}
            expected = self.changed.get(question["id"], {}).get("now", question)
            answer = ask(asked, program, service)
            if "/access-log" in question.get("path", "") and answer["status"] == 200:
                # How many entries wait for their number depends on what was asked before.
                answer["answer"] = re.sub(r'"unsealed":\d+}', '"unsealed":0}', answer["answer"])
            if answer != expected:
                differing.append((expected, answer))
        if differing:
            pairs = [f"expected {json.dumps(expected, ensure_ascii=False)}\n"
                     f"answered {json.dumps(answer, ensure_ascii=False)}"
                     for expected, answer in differing[:20]]
            raise Failure(
                f"{len(differing)} answers differ: {' '.join(one['id'] for one, _ in differing)}\n"
                + "\n".join(pairs))

    def are_rebuilt(self, database):
        return self.cluster.sql(
            "select not exists (select from read_model_state where fold_version = -1)", database) == "t"

    def require_sound(self, program):
        for ledger in self.facts["ledgers"]:
            program.succeed("checkpoint", "--ledger", ledger)
            program.succeed("checkpoint", "--access-log", "--ledger", ledger)
            verified = program.answer("verify", "--ledger", ledger)
            require(verified["verified"] and verified["fault_count"] == 0, f"verify of {ledger}")
            log = verified["access_log"]
            require(log["entries"] > 0 and log["unsealed"] == 0, f"the access log of {ledger}: {log}")


def append(service, number):
    episode = f"01950000-aaaa-7000-8000-{number:012}"
    service.json("POST", f"/v1/ledgers/north/episodes/{episode}/events", "service",
                 state.admission(number, f"SIM-{number}"))


def is_of_read_models(question):
    text = " ".join(question.get("command", [])) + question.get("path", "")
    return any(name in text for name in ("census", "outcomes", "medication-review", "episodes ",
                                         "episodes?", "discharge-summar"))


def read_lines(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def require(holds, what):
    if not holds:
        raise Failure(what)


if __name__ == "__main__":
    main()
