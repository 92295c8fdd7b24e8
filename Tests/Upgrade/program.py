"""The program that is recorded: run as a command, or as a service that is asked over HTTP."""

import contextlib
import http.client
import json
import os
import subprocess
import tempfile
import time

# How long a command, an answer or the beginning of a service may take, in seconds.
LIMIT = 60


class Program:
    """A program with a database and a data folder of its own."""

    def __init__(self, path, url, data):
        self.path = path
        self.data = data
        own = {name: text for name, text in os.environ.items()
               if not name.startswith("EPISODE_LEDGER_")}
        self.environment = own | {"EPISODE_LEDGER_DATABASE_URL": url, "EPISODE_LEDGER_DATA_DIR": data}

    def run(self, arguments, text=""):
        """Exit status, standard output and standard error."""
        done = subprocess.run([self.path, *arguments], input=text.encode(), capture_output=True,
                              env=self.environment, timeout=LIMIT)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def succeed(self, *arguments, text=""):
        status, output, errors = self.run(arguments, text)
        if status != 0:
            raise RuntimeError(f"{' '.join(arguments)}: exit {status}\n{output}{errors}")
        return output

    def answer(self, *arguments, text=""):
        return json.loads(self.succeed(*arguments, "--format", "json", text=text))

    def token(self, role, ledger=None, expires="12h"):
        where = ["--ledger", ledger] if ledger else ["--all-ledgers"]
        return self.succeed("token", "--role", role, "--subject", f"upgrade-{role}",
                            "--expires", expires, *where, "--format", "text").strip()

    @contextlib.contextmanager
    def serving(self, *options):
        """Serves on a free port; ended as an operator ends it."""
        with tempfile.TemporaryFile("w+") as log:
            command = [self.path, "serve", "--port", "0", *options]
            process = subprocess.Popen(command, stderr=log, env=self.environment)
            try:
                yield Service(self, eventually(lambda: port_in(log), "the service listens"))
            finally:
                process.terminate()
                try:
                    process.wait(LIMIT)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    raise


class Service:
    def __init__(self, program, port):
        self.program = program
        self.port = port
        self.tokens = {}

    def token(self, role, ledger=None):
        if (role, ledger) not in self.tokens:
            self.tokens[role, ledger] = self.program.token(role, ledger)
        return self.tokens[role, ledger]

    def request(self, method, path, role=None, body=None, headers={}, ledger=None):
        """Status, headers and body of an answer."""
        with self.answering(method, path, role, body, headers, ledger) as answer:
            return answer.status, dict(answer.getheaders()), answer.read()

    def succeed(self, method, path, role=None, body=None, headers={}):
        """The answer to a request that must succeed."""
        status, _, answer = self.request(method, path, role, body, headers)
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path}: {status} {answer}")
        return answer

    def json(self, method, path, role, value=None, headers={}):
        body = None if value is None else json.dumps(value)
        answer = self.succeed(method, path, role, body, headers)
        return json.loads(answer) if answer else None

    def refuse(self, expected, method, path, role, value=None, headers={}):
        """Makes a request that must be answered with another status."""
        body = None if value is None else json.dumps(value)
        status, _, answer = self.request(method, path, role, body, headers)
        if status != expected:
            raise RuntimeError(f"{method} {path}: {status} instead of {expected}: {answer}")

    @contextlib.contextmanager
    def answering(self, method, path, role=None, body=None, headers={}, ledger=None):
        """An answer that has begun, such as a stream."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        given = {"Authorization": f"Bearer {self.token(role, ledger)}"} if role else {}
        connection.request(method, path, body, headers | given)
        try:
            yield connection.getresponse()
        finally:
            connection.close()


def port_in(log):
    """Of a service's standard error: where it listens, as soon as it says so."""
    log.seek(0)
    for line in log:
        if line.startswith("serving on "):
            return int(line.rsplit(":", 1)[1])
    return None


def eventually(condition, what):
    """What the condition gives, once that is something."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise RuntimeError(f"in vain: {what}")
