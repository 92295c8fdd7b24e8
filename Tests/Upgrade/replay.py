#!/usr/bin/env python3
"""Does to a database what an old program did to it: sends the statements that were recorded of one.

    replay.py SOCKET_FOLDER PORT DATABASE STATEMENTS

One connection for each recorded session, and unit after unit, in the order in which they began. Fails
with exit status 1 where the server reports an error that it had not reported, or completes a command
otherwise than it had: rows or objects are other ones than the old program met. All data is simulated.
"""

import json
import socket
import struct
import sys

from protocol import bound_statement, command_tag, error_fields, from_description, packed_startup

# How long the server may take for one answer, in seconds.
LIMIT = 30


class Difference(Exception):
    """What the server does otherwise than it did."""


def main():
    folder, port, database, statements = sys.argv[1:]
    try:
        units = replay(f"{folder}/.s.PGSQL.{port}", database, read_statements(statements))
    except (Difference, OSError) as difference:
        sys.exit(f"{statements}: {difference}")
    print(f"{len(units)} units replayed")


def read_statements(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def replay(path, database, lines, compares=True):
    """Sends every unit, and returns what became of each: its number, tags and errors."""
    sessions = {}
    results = []
    try:
        for line in lines:
            number = line["session"]
            if "startup" in line:
                sessions[number] = Session(path, {**line["startup"], "database": database})
                continue
            session = sessions[number]
            tags, errors = session.run(line)
            results.append((line["unit"], tags, [code for code, _ in errors]))
            if compares:
                compare(line, tags, errors, session.place(line))
    finally:
        for session in sessions.values():
            session.close()
    return results


def compare(unit, tags, errors, place):
    recorded = unit.get("errors", [])
    unexpected = [f"{code} {text}" for code, text in errors if code not in recorded]
    if unexpected:
        raise Difference(f"{place}\nthe server says: {'; '.join(unexpected)}")
    # These depend on the clock; `record.py` found out which.
    if unit.get("varies"):
        return
    if tags != unit["tags"] or len(errors) != len(recorded):
        raise Difference(f"{place}\nrecorded: {unit['tags']} {recorded}\nnow: {tags} {errors}")


class Session:
    def __init__(self, path, parameters):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")
        self.state = None
        self.prepared = {}
        self.socket.sendall(packed_startup(parameters))
        self.tags, self.errors = [], []
        self.receive()
        if self.errors:
            raise Difference(f"no connection: {self.errors}")

    def run(self, unit):
        """Sends a unit's messages; returns the tags and errors of its answers."""
        self.tags, self.errors = [], []
        for message in unit["messages"]:
            self.socket.sendall(from_description(message))
            if message["type"] == "P":
                self.prepared[message["name"]] = message["sql"]
            if message["type"] == "X":
                self.close()
            elif message["type"] in ("S", "Q"):
                self.receive()
        if message["type"] != "X" and self.state != "I":
            raise Difference(f"{self.place(unit)}\nthe session is left in state {self.state}")
        return self.tags, self.errors

    def place(self, unit):
        """Which unit it is, and its SQL: also of statements that were prepared before."""
        sql = []
        for message in unit["messages"]:
            if message["type"] == "Q":
                sql.append(message["sql"])
            elif message["type"] == "B":
                sql.append(self.prepared.get(bound_statement(message), "?"))
        return f"unit {unit['unit']} of session {unit['session']}:\n" + "\n".join(sql)

    def receive(self):
        """Reads up to where the server waits for the client."""
        while True:
            kind, length = struct.unpack("!cI", self.exactly(5))
            body = self.exactly(length - 4)
            if kind == b"C":
                self.tags.append(command_tag(body))
            elif kind == b"E":
                self.errors.append(error_fields(body))
            elif kind == b"G":
                return
            elif kind == b"Z":
                self.state = body.decode()
                return

    def exactly(self, count):
        found = self.stream.read(count)
        if len(found) < count:
            raise Difference(f"the server has closed the connection {self.errors}")
        return found

    def close(self):
        self.stream.close()
        self.socket.close()


if __name__ == "__main__":
    main()
