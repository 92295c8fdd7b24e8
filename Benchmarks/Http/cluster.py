"""A PostgreSQL cluster of one's own, which can be stopped, frozen, and followed by a standby."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

from bench import child_pids, free_port


class Cluster:
    """A PostgreSQL cluster in a temporary folder, durable, with the server's defaults but for
    `settings`. With `primary` it is that one's standby. As root its server runs as `postgres`."""

    def __init__(self, primary=None, port=None, settings=()):
        self.bin = subprocess.run(
            ["pg_config", "--bindir"], check=True, text=True, stdout=subprocess.PIPE
        ).stdout.strip()
        self.folder = tempfile.mkdtemp(prefix="el-pg-")
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.port = port or free_port()
        self.settings = settings
        data = f"{self.folder}/data"
        if primary:
            self.command(
                "pg_basebackup", "-h", primary.folder, "-p", str(primary.port), "-U", "postgres",
                "-D", data, "-R", "-X", "stream", "-c", "fast",
            )
        else:
            self.command(
                "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--encoding=UTF8",
                "--locale=C.UTF-8",
            )
        self.start()

    def command(self, program, *words):
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        subprocess.run(
            (prefix if os.getuid() == 0 else []) + [f"{self.bin}/{program}", *words], check=True,
            cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def start(self):
        options = "".join(f" -c {setting}" for setting in self.settings)
        self.command(
            "pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o",
            f"-p {self.port} -k {self.folder}{options}", "start",
        )

    def stop(self, mode="immediate"):
        self.command("pg_ctl", "-D", f"{self.folder}/data", "-m", mode, "stop")

    def postmaster(self):
        with open(f"{self.folder}/data/postmaster.pid") as file:
            return int(file.readline())

    def pids(self):
        parent = self.postmaster()
        return [parent] + child_pids(parent)

    def freeze(self):
        """From now on it says nothing any more; the kernel goes on taking connections for it."""
        for _ in range(2):
            # A process that was forked just before its parent was stopped is found the second time.
            for pid in self.pids():
                os.kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    def promote(self):
        self.command("pg_ctl", "-D", f"{self.folder}/data", "-w", "promote")

    def replicate(self, standby):
        """From now on nothing is acknowledged that the standby does not have."""
        self.sql("alter system set synchronous_standby_names = '*'")
        self.sql("select pg_reload_conf()")
        deadline = time.monotonic() + 60
        while self.sql("select sync_state from pg_stat_replication") != "sync":
            if time.monotonic() > deadline:
                raise SystemExit(f"the standby on {standby.port} does not follow")
            time.sleep(0.05)

    def psql(self, *words, database="postgres", **options):
        return subprocess.Popen(
            [f"{self.bin}/psql", "-h", self.folder, "-p", str(self.port), "-U", "postgres", "-d",
             database, "-qAtX", "-v", "ON_ERROR_STOP=1", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
        )

    def sql(self, text, database="postgres"):
        """What statements answer."""
        out, errors = self.psql("-c", text, database=database).communicate(timeout=120)
        if errors and not out:
            raise RuntimeError(errors)
        return out.strip()

    def close(self):
        """Ends the server, frozen or not, and removes its folder."""
        try:
            for pid in self.pids():
                os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
        while os.path.exists(f"{self.folder}/data/postmaster.pid") and self.runs():
            time.sleep(0.02)
        shutil.rmtree(self.folder, ignore_errors=True)

    def runs(self):
        try:
            os.kill(self.postmaster(), 0)
            return True
        except (OSError, ValueError):
            return False

    @property
    def url(self):
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
