"""Stands between programs and PostgreSQL, and records what the programs send."""

import asyncio
import contextlib
import os
import shutil
import struct
import tempfile
import threading

from protocol import (CANCEL_REQUEST, command_tag, described, error_fields, packed,
                      startup_parameters)
from throwaway_cluster import PORT

# How long a unit waits for the one before. Where a program needs two sessions at once, the second one
# has to begin before the first one is done.
PATIENCE = 1


class RecordingProxy:
    """A Unix socket that leads to another one. To be used as `with`; `lines` has what was recorded."""

    def __init__(self, folder):
        self.target = f"{folder}/.s.PGSQL.{PORT}"
        self.lines = []
        self.sessions = 0
        self.units = 0
        self.overlapping = 0

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="el-proxy-", dir="/tmp")
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result(30)
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(30)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(30)
        self.loop.close()
        shutil.rmtree(self.folder)

    async def _listen(self):
        # Units are let through one at a time, so that their order says what each of them met.
        self.gate = asyncio.Lock()
        path = f"{self.folder}/.s.PGSQL.{PORT}"
        self.server = await asyncio.start_unix_server(self._accept, path)
        os.chmod(path, 0o777)

    async def _end(self):
        self.server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accept(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            (length,) = struct.unpack("!I", head := await reader.readexactly(4))
            body = await reader.readexactly(length - 4)
            server_reader, server_writer = await asyncio.open_unix_connection(self.target)
            server_writer.write(head + body)
            if struct.unpack_from("!I", body) == (CANCEL_REQUEST,):
                await server_reader.read()
            else:
                session = Session(self, startup_parameters(body[4:]))
                answers = asyncio.create_task(session.pass_answers(server_reader, writer))
                try:
                    await session.pass_messages(reader, server_writer)
                finally:
                    server_writer.close()
                    await asyncio.wait([answers])
                    session.leave()
            server_writer.close()
        writer.close()


class Session:
    def __init__(self, proxy, startup):
        proxy.sessions += 1
        self.proxy, self.number = proxy, proxy.sessions
        proxy.lines.append({"session": self.number, "startup": startup})
        self.unit = None
        self.holds_gate = False
        # How often the server has yet to say that it is ready; it says so once after the startup.
        self.pending = 1
        self.last_end = None

    async def pass_messages(self, reader, writer):
        while True:
            kind, body = await read_message(reader)
            if self.unit is None:
                await self.enter()
            self.unit["messages"].append(described(kind, body))
            if kind in ("S", "Q"):
                self.pending += 1
                self.last_end = kind
            writer.write(packed(kind, body))
            await writer.drain()
            if kind == "X":
                return

    async def pass_answers(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, body = await read_message(reader)
                if kind == "C" and self.unit:
                    self.unit["tags"].append(command_tag(body))
                elif kind == "E" and self.unit:
                    self.unit.setdefault("errors", []).append(error_fields(body)[0])
                elif kind == "G" and self.last_end == "S":
                    # The server takes no notice of the Sync behind the COPY.
                    self.pending -= 1
                elif kind == "Z":
                    self.pending -= 1
                    if body == b"I" and self.pending == 0:
                        self.leave()
                writer.write(packed(kind, body))
                await writer.drain()
        writer.close()

    async def enter(self):
        """Begins a unit, once no other one is under way."""
        try:
            await asyncio.wait_for(self.proxy.gate.acquire(), PATIENCE)
            self.holds_gate = True
        except asyncio.TimeoutError:
            self.proxy.overlapping += 1
        self.proxy.units += 1
        self.unit = {"session": self.number, "unit": self.proxy.units, "messages": [], "tags": []}
        self.proxy.lines.append(self.unit)

    def leave(self):
        self.unit = None
        if self.holds_gate:
            self.holds_gate = False
            self.proxy.gate.release()


async def read_message(reader):
    kind, length = struct.unpack("!cI", await reader.readexactly(5))
    return kind.decode(), await reader.readexactly(length - 4)
