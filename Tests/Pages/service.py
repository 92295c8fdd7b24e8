"""Runs the program's service on ledgers of simulated episodes, for a browser to look at."""

import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("EPISODE_LEDGER_PROGRAM", str(ROOT / ".build/debug/episode-ledger"))


class Service:
    """A service with ledgers of its own, in a folder that is removed at the end."""

    def __init__(self, *options, beside=None):
        """With `beside`, another service on the same ledgers, which leaves the folder to the first."""
        self.owns = beside is None
        self.folder = (
            tempfile.mkdtemp(prefix="episode-ledger-pages-") if self.owns else beside.folder)
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
        self.log = tempfile.NamedTemporaryFile(
            "w+", dir=self.folder, prefix="log-", encoding="utf-8", delete=False)
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", *self.options], stdout=self.log, stderr=self.log,
            env={**os.environ, "EPISODE_LEDGER_DATA_DIR": self.data})
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            found = re.search(r"serving on (http://\S+)", self.printed())
            if found and os.path.exists(f"{self.data}/sign-in-link"):
                self.base = found.group(1)
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"the service did not start: {self.printed()}")

    def printed(self):
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    @property
    def port(self):
        return self.base.rsplit(":", 1)[1]

    def link(self):
        """A new link to sign in with."""
        return self.run("sign-in-link", "--port", self.port, "--format", "text").strip()

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
                    raise RuntimeError(f"{path}: {error.code} {error.read()[:500]}") from error
            time.sleep(0.5)

    def access_log(self, ledger, token):
        """All entries, once each has its number."""
        deadline = time.monotonic() + 120
        after, entries = 0, []
        while True:
            page = self.ask(f"{ledger}/access-log?after={after}&limit=1000", token)
            entries += page["entries"]
            after = page["next_after"]
            if not page["entries"] and not page["unsealed"]:
                return entries
            if time.monotonic() > deadline:
                raise RuntimeError(f"{page['unsealed']} entries have no number yet")
            if not page["entries"]:
                time.sleep(0.2)

    def psql(self, *words, **options):
        """psql on the private cluster, as its superuser: for states that no request leads to."""
        lines = pathlib.Path(f"{self.data}/postgresql/postmaster.pid").read_text().split("\n")
        programs = pathlib.Path(
            pathlib.Path(f"{self.data}/postgresql/postmaster.opts").read_text().split(" ")[0]).parent
        who = pwd.getpwuid(os.stat(f"{self.data}/postgresql/postmaster.pid").st_uid).pw_name
        user = {} if os.geteuid() != 0 else {"user": who}
        return subprocess.Popen(
            [f"{programs}/psql", "-h", lines[4], "-p", lines[3], "-U", "episode_ledger",
             "-d", "episode_ledger", "-qAtX", "-v", "ON_ERROR_STOP=1", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/", **user, **options)

    def sql(self, text):
        """What a statement answers."""
        process = self.psql("-c", text)
        out, errors = process.communicate(timeout=120)
        if process.returncode != 0:
            raise RuntimeError(errors)
        return out.strip()

    @contextlib.contextmanager
    def locked(self, table, mode="access exclusive"):
        """Nobody reads or writes a table meanwhile, or by another mode nobody writes it."""
        process = self.psql(stdin=subprocess.PIPE)
        process.stdin.write(f"begin; lock table {table} in {mode} mode; select 'held';\n")
        process.stdin.flush()
        if process.stdout.readline().strip() != "held":
            raise RuntimeError(process.stderr.read())
        try:
            yield
        finally:
            process.communicate("rollback;\n", timeout=60)

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
        if self.owns:
            shutil.rmtree(self.folder, ignore_errors=True)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect)


class Reader:
    """Reads pages as somebody who is signed in, without a browser where no script matters."""

    def __init__(self, service, cookie):
        self.service = service
        self.cookie = cookie

    def once(self, path, fields=None):
        """(status, headers, text) of one request."""
        headers = {"Cookie": self.cookie, "Sec-Fetch-Site": "same-origin"}
        data = None if fields is None else urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(self.service.base + path, data=data, headers=headers)
        try:
            with OPENER.open(request, timeout=120) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def get(self, path, status=200):
        """The text of a page; one that is late, or whose figures are not there yet, is asked for
        again."""
        deadline = time.monotonic() + 120
        while True:
            found, _, text = self.once(path)
            if found not in (202, 503) or found == status or time.monotonic() > deadline:
                break
            time.sleep(0.3)
        if found != status:
            raise AssertionError(f"{path}: {found}\n{text[:3000]}")
        return text
