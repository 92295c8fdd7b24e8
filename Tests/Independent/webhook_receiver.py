"""A receiver of webhooks for tests: writes each request as a line of JSON, and answers as it is told.

    webhook_receiver.py FILE [STATUS …]

Listens on a free port of the loopback, which it prints. The first request is answered with the first
status, the next with the next, and all after the last status with 204. A status may say what
Retry-After is: `503=10`; `503=imf`, `503=rfc850` and `503=asctime` say the time in an hour, in the
three forms of RFC 9110.

Instead of a status there may be a word for what some receivers do: `close` and `reset` end the
connection without an answer, `early` answers before it reads, `hints` sends a 103 first, `old` speaks
HTTP/1.0, `endless` answers with a body that never ends, `huge` with one of 300 MB. Of the last one it
is written down as well how many bytes were taken, as a line with the path `taken`.
"""

import http.server
import json
import socket
import struct
import sys
import time


FORMS = {"imf": "%a, %d %b %Y %H:%M:%S GMT", "rfc850": "%A, %d-%b-%y %H:%M:%S GMT",
         "asctime": "%a %b %e %H:%M:%S %Y"}


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        told = self.server.statuses.pop(0) if self.server.statuses else "204"
        status, _, wait = told.partition("=")
        if status == "early":
            self.wfile.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        number = int(status) if status.isdecimal() else 0
        self.note({"path": self.path, "headers": headers, "body": body, "status": number})
        if number:
            self.answer(number, wait)
        else:
            getattr(self, status)()

    def note(self, line):
        with open(self.server.file, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def early(self):
        pass

    def close(self):
        self.close_connection = True

    def reset(self):
        # Without lingering, closing resets.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def hints(self):
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                         b"HTTP/1.1 204 No Content\r\n\r\n")

    def old(self):
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\ntaken")
        self.close_connection = True

    def endless(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                self.wfile.write(b"1\r\n.\r\n")
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def huge(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n")
        taken = 0
        try:
            while taken < 300_000_000:
                taken += self.connection.send(bytes(100_000))
        except OSError:
            self.close_connection = True
        self.note({"path": "taken", "headers": {}, "body": str(taken), "status": 0})

    def answer(self, status, wait):
        self.send_response(status)
        if status in (301, 302, 307, 308):
            self.send_header("Location", "/elsewhere")
        if status == 429 and not wait:
            wait = "3000"
        if wait in FORMS:
            wait = time.strftime(FORMS[wait], time.gmtime(time.time() + 3600))
        if wait:
            self.send_header("Retry-After", wait)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.do_POST()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.file = sys.argv[1]
    server.statuses = sys.argv[2:]
    print(server.server_address[1], flush=True)
    server.serve_forever()
