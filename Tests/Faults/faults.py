"""The faults, each for as long as its `with` lasts. What they are given is the installation, and the
ledger whose turn it is."""

import contextlib
import os
import signal
import subprocess
import threading

OURS = "backend_type = 'client backend' and pid <> pg_backend_pid() and datname = 'ledger'"


@contextlib.contextmanager
def locked_head(installation, ledger):
    """A session of somebody else holds the lock on the ledger's head."""
    process = installation.database.primary.psql(database="ledger", stdin=subprocess.PIPE)
    process.stdin.write(
        "begin; select 'held' from ledger_head join ledger using (ledger_id)"
        f" where name = '{ledger}' for update of ledger_head;\n"
    )
    process.stdin.flush()
    if process.stdout.readline().strip() != "held":
        raise RuntimeError(process.stderr.read())
    try:
        yield
    finally:
        process.communicate("rollback;\n", timeout=60)


@contextlib.contextmanager
def hanging_webhook(installation, ledger):
    """The receiver of the ledger's webhook takes requests, and does not answer."""
    installation.hangs[ledger].set()
    try:
        yield
    finally:
        installation.hangs[ledger].clear()


@contextlib.contextmanager
def silent_host(installation, _):
    """Every process of the primary is stopped, and goes on afterwards."""
    primary = installation.database.primary
    primary.freeze()
    try:
        yield
    finally:
        primary.thaw()


@contextlib.contextmanager
def failover(installation, _):
    """The primary falls silent for good, and its standby is promoted at once."""
    old = installation.database.fail_over()
    try:
        yield
    finally:
        installation.database.replace(old)


@contextlib.contextmanager
def dump(installation, _):
    """A pg_dump that is read slowly: it holds its snapshot and a lock on every table meanwhile."""
    primary = installation.database.primary
    process = subprocess.Popen(
        [f"{primary.bin}/pg_dump", "-h", primary.folder, "-p", str(primary.port), "-U", "postgres",
         "ledger"],
        stdout=subprocess.PIPE,
    )
    # The locks are taken before anything is written.
    process.stdout.read(1)
    try:
        yield
    finally:
        for _ in iter(lambda: process.stdout.read(1 << 20), b""):
            pass
        if process.wait() != 0:
            raise RuntimeError("pg_dump has failed")


@contextlib.contextmanager
def ended_sessions(installation, _):
    """An administrator ends every session, once a second."""
    end = threading.Event()

    def work():
        while not end.wait(1):
            installation.database.sql(
                f"select count(pg_terminate_backend(pid)) from pg_stat_activity where {OURS}"
            )

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


@contextlib.contextmanager
def killed_backend(installation, _):
    """A backend is killed with `kill -9`: the server ends every session, and recovers."""
    pid = installation.database.sql(
        f"select pid from pg_stat_activity where {OURS} order by query_start desc limit 1"
    )
    os.kill(int(pid), signal.SIGKILL)
    yield


@contextlib.contextmanager
def killed_service(installation, _):
    """The first service is killed with `kill -9`, and started again at the end."""
    with killed(installation, 0):
        yield


@contextlib.contextmanager
def killed_others(installation, _):
    """Likewise the second service, and the worker with it."""
    installation.worker.kill()
    installation.worker.wait()
    with killed(installation, 1):
        try:
            yield
        finally:
            installation.worker = installation.work()


@contextlib.contextmanager
def killed(installation, number):
    process = installation.serving[number]
    process.kill()
    process.wait()
    try:
        yield
    finally:
        installation.serving[number] = installation.serve(number, wait=False)


LEASES = "sealer", "read_model_state", "read_model_rebuild", "subscription_bucket", "webhook"


@contextlib.contextmanager
def clock_ahead(installation, ledger):
    """What a clock leaves that was 400 days ahead for a moment and was set back: leases and waits that
    end then, of holders that are gone; and, of one ledger, a head that lies ahead.

    The rows are set by SQL, as the tests of leases do: a library that makes one process's clock
    another one is not among what the tests need."""
    statements = [
        f"update {table} set lease_until = lease_until + interval '400 days'"
        f" where lease_until is not null;" for table in LEASES
    ]
    statements.append(
        "update webhook set next_attempt_at = next_attempt_at + interval '400 days'"
        " where next_attempt_at is not null;"
        # As long as the fault lasts in the short form.
        " update ledger_head set recorded_at = recorded_at + 4 * 1000000"
        f" where ledger_id = (select ledger_id from ledger where name = '{ledger}');"
    )
    with killed(installation, 0):
        installation.database.sql(" ".join(statements))
        yield


class Fault:
    """A fault of the schedule. `one` is said of those that concern one ledger; `lifted` of those from
    whose end it is counted until everything works again."""

    def __init__(self, make, one=False, lifted=False):
        self.make, self.one, self.lifted = make, one, lifted
        self.name = make.__name__.replace("_", " ")


FAULTS = [
    Fault(locked_head, one=True, lifted=True),
    Fault(silent_host, lifted=True),
    Fault(hanging_webhook, one=True, lifted=True),
    Fault(dump),
    Fault(killed_service),
    Fault(ended_sessions, lifted=True),
    Fault(failover),
    Fault(clock_ahead),
    Fault(killed_backend),
    Fault(killed_others),
]
