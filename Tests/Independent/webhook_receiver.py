"""A receiver of webhooks for tests: writes each request as a line of JSON, and answers as it is told.

    webhook_receiver.py FILE [STATUS …]

Listens on a free port of the loopback, which it prints. The first request is answered with the first
status, the next with the next, and all after the last status with 204. A status may say what
Retry-After is: `503=10`; `503=imf`, `503=rfc850` and `503=asctime` say the time in an hour, in the
three forms of RFC 9110.
"""

import http.server
import json
import sys
import time


FORMS = {"imf": "%a, %d %b %Y %H:%M:%S GMT", "rfc850": "%A, %d-%b-%y %H:%M:%S GMT",
         "asctime": "%a %b %e %H:%M:%S %Y"}


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        told = self.server.statuses.pop(0) if self.server.statuses else "204"
        status, _, wait = told.partition("=")
        status = int(status)
        with open(self.server.file, "a", encoding="utf-8") as file:
            headers = {name.lower(): value for name, value in self.headers.items()}
            line = {"path": self.path, "headers": headers, "body": body.decode(), "status": status}
            file.write(json.dumps(line) + "\n")
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
