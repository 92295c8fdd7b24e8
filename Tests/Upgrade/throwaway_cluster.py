"""A PostgreSQL server that is thrown away at the end, reached through a Unix socket alone."""

import contextlib
import glob
import os
import pwd
import shutil
import subprocess
import tempfile

PORT = 5432
USER = "postgres"

# What migration 0001 makes. A dump of a database has no roles in it, so who restores it makes them.
ROLES = ("ledger_owner", "ledger_writer", "ledger_projector", "ledger_reader")


class Cluster:
    def __init__(self, folder, port=PORT, user=USER):
        self.folder, self.port, self.user = folder, port, user

    def url(self, database, socket_folder=None):
        host = socket_folder or self.folder
        return f"postgresql:///{database}?host={host}&port={self.port}&user={self.user}"

    @contextlib.contextmanager
    def another(self, data, user):
        """Starts a server that is there already, for a while, with its socket beside this one's."""
        port = self.port + 1
        options = f"-p {port} -c unix_socket_directories={self.folder} -c listen_addresses="
        _control("pg_ctl", "-D", data, "-o", options, "-l", f"{self.folder}/log-{port}", "-w", "start")
        try:
            yield Cluster(self.folder, port, user)
        finally:
            _control("pg_ctl", "-D", data, "-m", "fast", "-w", "stop")

    def sql(self, text, database="postgres"):
        """Runs SQL as the superuser; what it returns is unaligned, a row a line."""
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"]
        return self._run("psql", *options, text=text)

    def create(self, database):
        self.sql(f"create database {database} template template0")

    def make_roles(self):
        self.sql("".join(f"create role {role} nologin;" for role in ROLES))

    def dump(self, database, file):
        self._run("pg_dump", "--format=custom", "--compress=9", "--no-comments", "-f", file, database)

    def schema(self, database):
        """What pg_dump says of the ledger's own tables, functions, owners and grants."""
        text = self._run("pg_dump", "--schema-only", "--no-comments", "--schema=public", database)
        # Each dump has a word of its own against what its reader might slip in.
        return [line for line in text.splitlines() if "restrict " not in line]

    def restore(self, file, database):
        self.create(database)
        self._run("pg_restore", "--exit-on-error", "-d", database, file)

    def _run(self, program, *arguments, text=""):
        command = [binary(program), "-h", self.folder, "-p", str(self.port), "-U", self.user, *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr}")
        return done.stdout.strip()


@contextlib.contextmanager
def running_cluster():
    """Starts a server, and removes everything of it whatever happens."""
    # Socket paths are limited to about a hundred bytes.
    folder = tempfile.mkdtemp(prefix="el-up-", dir="/tmp")
    data = f"{folder}/data"
    try:
        _own(folder)
        _control("initdb", "-D", data, "-U", USER, "--auth=trust", "-E", "UTF8",
                 "--locale=C.UTF-8", "--no-sync", "--no-instructions")
        with open(f"{data}/postgresql.conf", "a", encoding="utf-8") as settings:
            settings.write(f"listen_addresses = ''\nunix_socket_directories = '{folder}'\n"
                           f"port = {PORT}\nfsync = off\nmax_connections = 200\n")
        _control("pg_ctl", "-D", data, "-l", f"{folder}/log", "-w", "-t", "60", "start")
        yield Cluster(folder)
    finally:
        if os.path.exists(f"{data}/postmaster.pid"):
            _control("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


def binary(name):
    """The path of one of PostgreSQL's programs."""
    with contextlib.suppress(OSError):
        found = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True)
        if os.access(f"{found.stdout.strip()}/{name}", os.X_OK):
            return f"{found.stdout.strip()}/{name}"
    installed = glob.glob(f"/usr/lib/postgresql/*/bin/{name}")
    if not installed:
        raise RuntimeError(f"no {name}: install a PostgreSQL server (Debian and Ubuntu: postgresql)")
    return max(installed, key=lambda path: float(path.split("/")[4]))


def _control(program, *arguments):
    command = [binary(program), *arguments]
    if os.getuid() == 0:
        # The server refuses to run as root.
        account = _server_account()
        command = ["setpriv", "--reuid", str(account.pw_uid), "--regid", str(account.pw_gid),
                   "--clear-groups", "--", *command]
    # The server inherits its starter's standard output: a pipe would never end.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(command, stdout=output, stderr=output, timeout=120)
        if done.returncode != 0:
            output.seek(0)
            raise RuntimeError(f"{program}: {output.read()}")


def _own(folder):
    if os.getuid() == 0:
        account = _server_account()
        os.chown(folder, account.pw_uid, account.pw_gid)


def _server_account():
    return pwd.getpwnam(USER)
