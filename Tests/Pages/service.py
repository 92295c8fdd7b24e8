"""Runs the program's service on a ledger of simulated episodes, for a browser to look at."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("EPISODE_LEDGER_PROGRAM", str(ROOT / ".build/debug/episode-ledger"))


class Service:
    """A service with ledgers of its own, in a folder that is removed at the end."""

    def __init__(self, *options):
        self.folder = tempfile.mkdtemp(prefix="episode-ledger-pages-")
        # The private cluster's user must reach it.
        os.chmod(self.folder, 0o755)
        self.data = f"{self.folder}/data"
        self.options = options
        self.process = None
        self.base = None

    def run(self, *words, input=None):
        """What a command prints."""
        done = subprocess.run(
            [PROGRAM, *words], input=input, capture_output=True, text=True, timeout=300,
            env={**os.environ, "EPISODE_LEDGER_DATA_DIR": self.data})
        if done.returncode != 0:
            raise RuntimeError(f"{words}: {done.stderr}")
        return done.stdout

    def start(self):
        self.log = open(f"{self.folder}/log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", *self.options], stdout=self.log, stderr=self.log,
            env={**os.environ, "EPISODE_LEDGER_DATA_DIR": self.data})
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            found = re.search(r"serving on (http://\S+)", self.printed())
            if found and os.path.exists(f"{self.data}/sign-in-link"):
                self.base = found.group(1)
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"the service did not start: {self.printed()}")

    def printed(self):
        return pathlib.Path(f"{self.folder}/log").read_text(encoding="utf-8")

    def sql(self, text):
        """Runs SQL on the private cluster, to bring about what cannot be asked for."""
        pid = pathlib.Path(f"{self.data}/postgresql/postmaster.pid")
        lines = pid.read_text(encoding="utf-8").split("\n")
        subprocess.run(
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", lines[4], "-p", lines[3],
             "-U", "episode_ledger", "-d", "episode_ledger", "-c", text],
            check=True, capture_output=True, timeout=60)

    def link(self):
        """A new link to sign in with."""
        port = self.base.rsplit(":", 1)[1]
        return self.run("sign-in-link", "--port", port, "--format", "text").strip()

    def token(self, *roles):
        words = [word for role in roles for word in ("--role", role)]
        return self.run("token", *words, "--all-ledgers", "--format", "text").strip()

    def ask(self, path, token):
        """The API's answer, which a busy machine may ask for more than once."""
        request = urllib.request.Request(
            f"{self.base}/v1/ledgers/{path}", headers={"Authorization": f"Bearer {token}"})
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 503 or time.monotonic() > deadline:
                    raise
            time.sleep(1)

    def restart(self, *options):
        """The same data behind another service."""
        self.end()
        # A new link is told by its file.
        os.remove(f"{self.data}/sign-in-link")
        self.options = options
        self.start()

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process is not None:
            self.log.close()

    def stop(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)
