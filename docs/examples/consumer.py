#!/usr/bin/env python3
"""Follows a ledger and handles each event once: consumer.py URL LEDGER STATE_FILE < token

Survives restarts of both sides. The position and the effect are stored together, here in one SQLite
transaction; deliveries are at least once, and (ledger, position) tells what was handled already.
"""

import http.client
import json
import sqlite3
import sys
import time
from urllib.parse import urlsplit

url, ledger, state = sys.argv[1:4]
token = sys.stdin.readline().strip()
store = sqlite3.connect(state)
store.execute("create table if not exists handled (position integer primary key, type text, episode text)")


def handle(event):
    with store:  # the effect and the position, or neither
        store.execute("insert or ignore into handled values (?, ?, ?)",
                      (event["position"], event["type"], event["episode_id"]))


while True:
    after = store.execute("select coalesce(max(position), 0) from handled").fetchone()[0]
    try:
        server = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        server.request("GET", f"/v1/ledgers/{ledger}/events", headers={
            "Accept": "text/event-stream", "Authorization": f"Bearer {token}",
            "Last-Event-ID": str(after)})
        stream = server.getresponse()
        if stream.status in (400, 401, 403, 404):
            sys.exit(stream.read().decode())
        while line := stream.readline():
            if line.startswith(b"data: "):
                handle(json.loads(line[6:]))
    except (OSError, http.client.HTTPException):
        pass
    time.sleep(0.2)  # the server is away, or has ended the stream: go on where it stopped
