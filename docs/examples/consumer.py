#!/usr/bin/env python3
"""Follows a ledger and handles each event once: consumer.py URL LEDGER STATE_FILE < token

Survives restarts of both sides. The cursor and the effect are stored together, here in one SQLite
transaction; deliveries are at least once, and the event's id tells what was handled already. Ends where
the service says that the cursor is from before a restore: then a person decides what to drop.
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
store.execute("create table if not exists handled (event_id text primary key, position integer, type text)")
store.execute("create table if not exists cursor (one integer primary key, id text)")


def handle(cursor, event):
    with store:  # the effect and the cursor, or neither
        store.execute("insert or ignore into handled values (?, ?, ?)",
                      (event["event_id"], event["position"], event["type"]))
        store.execute("insert or replace into cursor values (1, ?)", (cursor,))


while True:
    after = store.execute("select coalesce(max(id), '0') from cursor").fetchone()[0]
    try:
        server = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        server.request("GET", f"/v1/ledgers/{ledger}/events", headers={
            "Accept": "text/event-stream", "Authorization": f"Bearer {token}",
            "Last-Event-ID": after})
        stream = server.getresponse()
        if stream.status in (400, 401, 403, 404, 409):
            sys.exit(stream.read().decode())
        cursor = kind = None
        for line in stream:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                cursor = value
            elif name == "event":
                kind = value
            elif name == "data" and kind == "cursor-conflict":
                sys.exit(value)
            elif name == "data":
                handle(cursor, json.loads(value))
    except (OSError, http.client.HTTPException):
        pass
    time.sleep(0.2)  # the server is away, or has ended the stream: go on where it stopped
