"""Requests to the service, as many as it answers or at a steady rate, from a process of their own."""

import json
import os
import selectors
import socket
import sys
import time


class Load:
    """Sends requests over some connections for some seconds; over each the next one when the one
    before is answered. With `rate`, so many a second and no more. `request` makes the bytes of the
    n-th. What it measures is there after `wait`: `statuses` and their numbers, `latencies` of the
    answers in seconds, `seconds`, `rate` of answers a second, `acknowledged` (200 and 201), `failed`.
    """

    def __init__(self, port, request, seconds, connections=8, rate=None):
        receive, send = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(receive)
            try:
                told = _work(port, request, seconds, connections, rate)
                with os.fdopen(send, "w") as file:
                    json.dump(told, file)
            except BaseException as error:
                print(f"requests: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            finally:
                os._exit(0)
        os.close(send)
        self.told = os.fdopen(receive)

    def wait(self):
        with self.told as file:
            told = file.read()
        os.waitpid(self.pid, 0)
        if not told:
            raise SystemExit("the requests could not be made")
        self.seconds, statuses, self.latencies = json.loads(told)
        self.statuses = {int(status): count for status, count in statuses.items()}
        self.acknowledged = self.statuses.get(200, 0) + self.statuses.get(201, 0)
        self.failed = sum(self.statuses.values()) - self.acknowledged
        self.rate = len(self.latencies) / self.seconds
        return self


class _Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = b""

    def status(self):
        """The status, if the answer is there as a whole."""
        head, end, body = self.answer.partition(b"\r\n\r\n")
        if not end:
            return None
        fields = head.lower()
        if (at := fields.find(b"\r\ncontent-length:")) >= 0:
            whole = len(body) >= int(fields[at + 17:].split(b"\r\n", 1)[0])
        else:
            whole = body.endswith(b"0\r\n\r\n")
        return int(head[9:12]) if whole else None


def _work(port, request, seconds, connections, rate):
    chosen = selectors.DefaultSelector()
    idle = [_Connection(port) for _ in range(connections)]
    for connection in idle:
        chosen.register(connection.socket, selectors.EVENT_READ, connection)
    statuses, latencies = {}, []
    sent, under_way = 0, 0
    began = time.monotonic()
    while True:
        now = time.monotonic()
        ended = now - began >= seconds
        if ended and under_way == 0:
            return now - began, statuses, latencies
        while idle and not ended and (rate is None or began + sent / rate <= now):
            connection = idle.pop()
            connection.answer = b""
            connection.asked = time.monotonic()
            connection.socket.sendall(request(sent))
            sent += 1
            under_way += 1
        wait = 1 if ended or not idle else began + sent / rate - time.monotonic()
        for key, _ in chosen.select(max(0, min(wait, 1))):
            connection = key.data
            chunk = connection.socket.recv(1 << 18)
            if not chunk:
                if connection not in idle:
                    raise SystemExit("the service has closed a connection amid a request")
                # It had waited for its next request for long: as clients do, another one is made.
                chosen.unregister(connection.socket)
                connection.socket.close()
                idle.remove(connection)
                connection = _Connection(port)
                chosen.register(connection.socket, selectors.EVENT_READ, connection)
                idle.insert(0, connection)
                continue
            connection.answer += chunk
            if (status := connection.status()) is not None:
                latencies.append(time.monotonic() - connection.asked)
                statuses[status] = statuses.get(status, 0) + 1
                idle.append(connection)
                under_way -= 1
