"""How long the census takes to its first byte, beside /healthz in the same run.

    python3 -B Benchmarks/Http/pages.py BASE LINK TOKEN LEDGER [SECONDS] [QUERY]

BASE is the service's address, LINK what `sign-in-link` prints, TOKEN one of a clinician. One event a
second is recorded meanwhile. Each order of columns is asked for in turn; p50 and p95 in milliseconds,
and the bytes of a page.
"""

import datetime
import http.client
import http.cookiejar
import json
import re
import sys
import threading
import time
import urllib.parse
import urllib.request
import uuid

ORDERS = ["program", "flags", "client", "hours", "now", "day", "seen"]


def sign_in(link):
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = opener.open(link).read().decode()
    token = re.search(r'name="form_token" value="([^"]+)"', page).group(1)
    form = urllib.parse.urlencode({"form_token": token}).encode()
    opener.open(urllib.request.Request(link, form, {"Sec-Fetch-Site": "same-origin"}))
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def first_byte(connection, path, headers):
    began = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    took = time.perf_counter() - began
    body = answer.read()
    return answer.status, took * 1000, len(body)


def record(base, token, ledger, stop):
    while not stop.is_set():
        episode = uuid.uuid4()
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {"event_id": str(uuid.uuid4()), "type": "admitted", "occurred_at": now,
                 "author": {"id": "benchmark", "role": "system"},
                 "data": {"client_id": f"SIM-B{episode.hex[:10]}", "program": "iop-adult-day",
                          "level_of_care": "intensive_outpatient"}}
        request = urllib.request.Request(
            f"{base}/v1/ledgers/{ledger}/episodes/{episode}/events", json.dumps([event]).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        urllib.request.urlopen(request).read()
        stop.wait(1)


def told(name, times):
    times = sorted(times)
    print(f"{name}: n={len(times)} p50={times[len(times) // 2]:.1f} ms "
          f"p95={times[int(len(times) * 0.95)]:.1f} ms max={times[-1]:.1f} ms")


def main():
    base, link, token, ledger = sys.argv[1:5]
    seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 30
    query = sys.argv[6] if len(sys.argv) > 6 else ""
    cookie = {"Cookie": sign_in(link)}
    host = base.split("://", 1)[1]
    connection = http.client.HTTPConnection(host)
    stop = threading.Event()
    writer = threading.Thread(target=record, args=(base, token, ledger, stop))
    writer.start()
    health, pages, weight, late, number = [], [], 0, 0, 0
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            health.append(first_byte(connection, "/healthz", {})[1])
            order = ORDERS[number % len(ORDERS)]
            path = f"/ledgers/{ledger}/census?order={order}" + (f"&{query}" if query else "")
            status, took, size = first_byte(connection, path, cookie)
            if status == 202:
                late += 1
            elif status != 200:
                raise SystemExit(f"{path}: {status}")
            else:
                pages.append(took)
                weight = max(weight, size)
            number += 1
            time.sleep(0.15)
    finally:
        stop.set()
        writer.join()
    told("healthz", health)
    told("census", pages)
    print(f"late {late}, heaviest page {weight} bytes")


if __name__ == "__main__":
    main()
