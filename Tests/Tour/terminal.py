"""A shell whose standard output is a terminal, as a reader has it."""

import os
import pty
import select
import signal
import subprocess
import termios
import time

# Longer than any command takes, on a machine that is busy with other work too.
LIMIT_IN_SECONDS = 120


class TerminalError(Exception):
    """A command did not come to its end, or to what it should print, in time."""


class Terminal:
    """One bash for all commands of a document, so that variables live on."""

    def __init__(self, folder, environment):
        self._folder = folder
        self._environment = environment
        self._commands = 0
        self._master, slave = pty.openpty()
        attributes = termios.tcgetattr(slave)
        attributes[1] &= ~termios.OPOST  # a line ends with "\n", as it was written
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            bufsize=0,
            stdout=slave,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        os.close(slave)

    def run(self, text):
        """Runs a command to its end; returns its status and its lines.

        They are those of standard output, then those of standard error, which no terminal gets: a
        progress bar would be there or not, as the machine is slow or quick.
        """
        script, errors = self._file("sh"), self._file("err")
        self._commands += 1
        with open(script, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        # The character 0x1e ends the output, and another one the status, which is that of the last
        # command for the next one too.
        line = f". {script} </dev/null 2>{errors}; at=$?; printf '\\036%s\\036' $at; (exit $at)\n"
        try:
            self._shell.stdin.write(line.encode())
            output, status = self._read(text)
        except OSError:
            raise TerminalError(f"the shell has ended: {text}") from None
        with open(errors, encoding="utf-8") as file:
            return int(status), (output + file.read()).split("\n")

    def start(self, text):
        """Starts a command that goes on, in a terminal of its own."""
        path = self._file("out")
        self._commands += 1
        with open(path, "wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", text],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Background(process, path)

    def close(self):
        """Ends the shell, with whatever it is running."""
        if self._shell.poll() is None:
            os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.wait()
        self._shell.stdin.close()
        os.close(self._master)

    def _file(self, kind):
        return f"{self._folder}.{self._commands}.{kind}"

    def _read(self, text):
        deadline = time.monotonic() + LIMIT_IN_SECONDS
        received = b""
        while received.count(b"\036") < 2:
            ready, _, _ = select.select([self._master], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise TerminalError(f"has not ended after {LIMIT_IN_SECONDS} s: {text}")
            received += os.read(self._master, 65536)
        output, status, _ = received.decode("utf-8").split("\036")
        return output, status


class Background:
    """A command that goes on until it is stopped."""

    def __init__(self, process, path):
        self._process = process
        self._path = path

    def lines(self):
        """What it has printed so far."""
        with open(self._path, encoding="utf-8", errors="replace") as file:
            return file.read().split("\n")

    def wait(self, is_enough):
        """Waits until what it has printed is enough, and says whether that came to be."""
        deadline = time.monotonic() + LIMIT_IN_SECONDS
        while not is_enough(self.lines()):
            if time.monotonic() > deadline or self._process.poll() is not None:
                return is_enough(self.lines())
            time.sleep(0.05)
        return True

    def interrupt(self):
        """Sends it what Ctrl-C sends, and returns its status."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        try:
            return self._process.wait(timeout=LIMIT_IN_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait()
