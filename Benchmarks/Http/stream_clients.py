"""Clients that nobody here wrote follow a stream while the service is killed and comes back.

    python3 Benchmarks/Http/stream_clients.py [KILLS]

curl, httpx-sse and a browser's EventSource (Chromium, by Playwright) each resume by themselves, or by
what their specification has them send. Needs curl, Chromium, and from PyPI httpx-sse and playwright.
"""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time

import httpx
import httpx_sse
from playwright.async_api import async_playwright

from bench import Bench, ask, free_port

PATH = "/v1/ledgers/bench/events?after={}"


def follow_with_curl(bench, port, after, seen, end):
    last = after
    while not end.is_set():
        process = subprocess.Popen(
            [
                "curl", "--silent", "-N", "-H", f"Authorization: Bearer {bench.token}", "-H",
                "Accept: text/event-stream", "-H", f"Last-Event-ID: {last}",
                f"http://127.0.0.1:{port}{PATH.format(after)}",
            ],
            stdout=subprocess.PIPE,
        )
        end.processes.append(process)
        for line in process.stdout:
            if line.startswith(b"id: "):
                last = int(line[4:])
                seen.append(last)
        process.wait()
        time.sleep(0.1)


def follow_with_httpx(bench, port, after, seen, end):
    last = after
    while not end.is_set():
        try:
            with httpx.Client(timeout=httpx.Timeout(5, read=20)) as client:
                headers = {
                    "Authorization": f"Bearer {bench.token}", "Last-Event-ID": str(last),
                }
                with httpx_sse.connect_sse(
                    client, "GET", f"http://127.0.0.1:{port}{PATH.format(after)}", headers=headers
                ) as source:
                    for event in source.iter_sse():
                        if event.id:
                            last = int(event.id)
                            assert json.loads(event.data)["position"] == last
                            seen.append(last)
                        if end.is_set():
                            return
        except httpx.HTTPError:
            time.sleep(0.1)


async def follow_with_browser(bench, port, after, seen, end):
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = await browser.new_page(extra_http_headers={"Authorization": f"Bearer {bench.token}"})
        await page.goto(f"http://127.0.0.1:{port}/healthz")
        await page.expose_function("seen", lambda position: seen.append(int(position)))
        await page.evaluate(
            """path => {
                const follow = last => {
                    const source = new EventSource(path + last);
                    let position = last;
                    for (const type of ["admitted", "session_attended"])
                        source.addEventListener(type, event => {
                            position = event.lastEventId;
                            window.seen(event.lastEventId);
                        });
                    // The browser comes back by itself, but not after an answer that is none.
                    source.onerror = () => {
                        if (source.readyState === EventSource.CLOSED)
                            setTimeout(() => follow(position), 200);
                    };
                };
                follow(%d);
            }"""
            % after,
            PATH.format(""),
        )
        while not end.is_set():
            await asyncio.sleep(0.1)
        await browser.close()


class End(threading.Event):
    def __init__(self):
        super().__init__()
        self.processes = []


def main(kills="3"):
    with Bench(episodes=20) as bench:
        port = free_port()
        # The same address each time.
        service = bench.serve(port=port)
        first = bench.head(port)
        end = End()
        seen = {"curl": [], "httpx-sse": [], "EventSource": []}
        threads = [
            threading.Thread(target=follow_with_curl, args=(bench, port, first, seen["curl"], end)),
            threading.Thread(
                target=follow_with_httpx, args=(bench, port, first, seen["httpx-sse"], end)
            ),
            threading.Thread(
                target=lambda: asyncio.run(
                    follow_with_browser(bench, port, first, seen["EventSource"], end)
                )
            ),
        ]
        for thread in threads:
            thread.start()
        time.sleep(3)
        recorded = 0
        for round_ in range(int(kills) + 1):
            for number in range(60):
                path = f"/v1/ledgers/bench/episodes/{bench.episodes[number % 20]}/events"
                try:
                    if ask(port, "POST", path, bench.token, bench.event())[0] == 201:
                        recorded += 1
                except OSError:
                    pass
                time.sleep(0.01)
                if number == 40 and round_ < int(kills):
                    service.send_signal(signal.SIGKILL)
                    service.wait()
                    time.sleep(0.5)
                    service = bench.serve(port=port)
        head = bench.head(port)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if all(positions and positions[-1] >= head for positions in seen.values()):
                break
            time.sleep(0.2)
        end.set()
        for process in end.processes:
            process.kill()
        wanted = list(range(first + 1, head + 1))
        print(f"{kills} kills, positions {first + 1} to {head}, {recorded} acknowledged")
        for name, positions in seen.items():
            missed = sorted(set(wanted) - set(positions))
            repeated = len(positions) - len(set(positions))
            ordered = all(b >= a for a, b in zip(positions, positions[1:]))
            print(f"{name}: {len(positions)} received, {repeated} repeated, missed {missed}, in order {ordered}")
        service.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(10)


if __name__ == "__main__":
    main(*sys.argv[1:])
