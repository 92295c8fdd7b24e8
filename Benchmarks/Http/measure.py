"""Measures the service over HTTP, and tries its limits.

    python3 Benchmarks/Http/measure.py appends|latency|start|clients|limits|outage|export|import …

Uses the release build (swift build -c release --product episode-ledger) on a private database in a
temporary folder, Python's own library, and for `appends` wrk (Debian: wrk). All data is simulated.
"""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from bench import HERE, PROGRAM, Bench, ask, memory, open_stream, percentile
from cluster import Cluster
from load import Load

# ---------------------------------------------------------------------------------- appends

def appends(seconds="10", rounds="3", *options):
    with Bench() as bench:
        service = bench.serve(*options)
        ids = os.path.join(bench.folder, "episodes")
        with open(ids, "w") as file:
            file.write("\n".join(bench.episodes) + "\n")
        print("connections  appends/s  p50 ms  p99 ms  errors")
        rounds_before = 0
        for connections in (1, 8, 64):
            results = []
            for number in range(int(rounds)):
                environment = dict(
                    os.environ, TOKEN=bench.token, EPISODES=ids,
                    SEED=str(connections * 1000 + number), ROUND=str(rounds_before),
                )
                rounds_before += 1
                output = subprocess.run(
                    [
                        "wrk", f"-t{min(2, connections)}", f"-c{connections}", f"-d{seconds}s",
                        "-s", os.path.join(HERE, "append.lua"), f"http://127.0.0.1:{service.port}",
                    ],
                    env=environment, check=True, text=True, stdout=subprocess.PIPE,
                ).stdout
                line = [line for line in output.splitlines() if line.startswith("RESULT")][0]
                count, duration, half, most, errors = map(int, line.split()[1:])
                results.append((count / duration * 1e6, half / 1000, most / 1000, errors))
            rate, half, most, errors = sorted(results)[len(results) // 2]
            print(f"{connections:11}  {rate:9.0f}  {half:6.2f}  {most:6.2f}  {errors:6}")
        print(f"resident memory afterwards: {memory(service):.0f} MB")


# ---------------------------------------------------------------------------------- latency

def watch(port, token, after, until, delays):
    """Reads a stream, and notes how long after its commit each event arrived."""
    stream = open_stream(port, token, after)
    rest = b""
    mark = b'"recorded_at":"'
    while True:
        chunk = stream.recv(1 << 20)
        now = time.time()
        if not chunk:
            return
        *events, rest = (rest + chunk).split(b"\n\n")
        for event in events:
            at = event.find(mark)
            if at < 0:
                continue
            text = event[at + len(mark):].split(b'"', 1)[0].decode()
            head, fraction = text.rstrip("Z").split(".")
            recorded = time.mktime(time.strptime(head, "%Y-%m-%dT%H:%M:%S")) - time.timezone
            delays.append(now - recorded - float("0." + fraction))
        if time.monotonic() > until:
            return


def latency(rate="1000", seconds="10"):
    with Bench() as bench:
        first = bench.serve()
        second = bench.serve("--without-workers")
        print("from recording to the client        events  p50 ms  p99 ms  max ms")
        for name, port in (("same process", first.port), ("another process", second.port)):
            head = bench.head(first.port)
            delays = []
            reader = threading.Thread(
                target=watch,
                args=(port, bench.token, head, time.monotonic() + float(seconds), delays),
                daemon=True,
            )
            reader.start()
            time.sleep(0.5)
            Load(first.port, bench.append, float(seconds), rate=float(rate)).wait()
            reader.join(2)
            milliseconds = [delay * 1000 for delay in delays]
            print(
                f"{name:34}  {len(delays):6}  {percentile(milliseconds, 0.5):6.2f}  "
                f"{percentile(milliseconds, 0.99):6.2f}  {max(milliseconds, default=0):6.2f}"
            )


# ---------------------------------------------------------------------------------- start

def start(rounds="5"):
    with Bench() as bench:
        times = []
        for _ in range(int(rounds)):
            # Another command keeps the cluster running, as it would on a machine in use.
            service = bench.serve()
            time.sleep(3)
            idle = memory(service)
            times.append(service.ready)
            service.send_signal(signal.SIGTERM)
            service.wait(30)
        print(f"from start to ready, the cluster stopped before: {min(times):.2f} to {max(times):.2f} s")
        holder = bench.serve()
        times = []
        for _ in range(int(rounds)):
            service = bench.serve()
            times.append(service.ready)
            service.send_signal(signal.SIGTERM)
            service.wait(30)
        print(f"from start to ready, the cluster running: {min(times):.2f} to {max(times):.2f} s")
        print(f"idle memory: {idle:.1f} MB")
        del holder


# ---------------------------------------------------------------------------------- clients

def clients(number="1000", silent="200", rate="100", seconds="20"):
    number, silent, rate, seconds = int(number), int(silent), float(rate), float(seconds)
    with Bench() as bench:
        service = bench.serve()
        head = bench.head(service.port)
        alone = Load(service.port, bench.append, 5, 16, rate).wait()
        before = memory(service)
        head += alone.acknowledged
        readers = [
            open_stream(service.port, bench.token, head) for _ in range(number - silent)
        ]
        mutes = [open_stream(service.port, bench.token, head, 4096) for _ in range(silent)]
        time.sleep(3)
        opened = memory(service)
        counts = [0] * len(readers)
        # The end of what was read, in which a mark may have begun.
        rests = [b""] * len(readers)
        result = {}

        def read():
            import select

            poll = select.epoll()
            index = {}
            for position, stream in enumerate(readers):
                stream.setblocking(False)
                index[stream.fileno()] = position
                poll.register(stream, select.EPOLLIN)
            end = time.monotonic() + seconds + 5
            while time.monotonic() < end:
                for descriptor, _ in poll.poll(0.2):
                    position = index[descriptor]
                    try:
                        chunk = readers[position].recv(1 << 18)
                    except BlockingIOError:
                        continue
                    if not chunk:
                        poll.unregister(descriptor)
                        continue
                    counts[position] += (rests[position] + chunk).count(b"\ndata: ")
                    rests[position] = (rests[position] + chunk)[-6:]
                    if min(counts) >= result.get("wanted", 1 << 60):
                        return
        reader = threading.Thread(target=read)
        reader.start()
        writers = Load(service.port, bench.append, seconds, 16, rate)
        peak = 0
        while os.waitid(os.P_PID, writers.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            peak = max(peak, memory(service))
            time.sleep(0.5)
        acknowledged = writers.wait().acknowledged
        result["wanted"] = acknowledged
        reader.join()
        print(f"{number} clients, {silent} of them not reading, {rate:.0f} events/s for {seconds:.0f} s")
        print(f"appended {acknowledged} ({acknowledged / seconds:.0f} a second), failed {writers.failed}")
        print(
            f"append p99 ms: {percentile(alone.latencies, 0.99) * 1000:.1f} alone, "
            f"{percentile(writers.latencies, 0.99) * 1000:.1f} with the clients"
        )
        print(f"readers that got everything: {sum(count == acknowledged for count in counts)} of {len(counts)}")
        print(
            f"memory MB: {before:.0f} before, {opened:.0f} with the clients, {peak:.0f} at most, "
            f"{(peak - before) * 1024 / number:.0f} KB a client"
        )
        # A slow client goes on from where it was, and misses nothing.
        stream = mutes[0]
        stream.settimeout(10)
        count, rest = 0, b""
        while count < acknowledged:
            chunk = stream.recv(1 << 16)
            if not chunk:
                break
            count += (rest + chunk).count(b"\ndata: ")
            rest = (rest + chunk)[-6:]
        print(f"a client that had not read then got {count} of {acknowledged}")


# ---------------------------------------------------------------------------------- limits

def limits(slow="10000", tokens="100000"):
    with Bench(episodes=10) as bench:
        service = bench.serve()
        port = service.port
        path = f"/v1/ledgers/bench/episodes/{bench.episodes[0]}/events"

        def report(name, text):
            alive = "alive" if service.poll() is None else "DEAD"
            print(f"{name}: {text}; {alive}, {memory(service):.0f} MB")

        def raw(data, pieces=None):
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                try:
                    connection.sendall(data)
                    for piece in pieces or []:
                        connection.sendall(piece)
                except OSError:
                    pass
                try:
                    answer = connection.recv(4096)
                except OSError as error:
                    return type(error).__name__
                return answer.split(b"\r\n")[0].decode() or "closed"

        report("at first", "idle")
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bench.token}\r\n"
        report("a header of 1 MB", raw((head + "X-Long: ").encode() + b"x" * (1 << 20) + b"\r\n\r\n"))
        many = "".join(f"X-{number}: 1\r\n" for number in range(100_000))
        report("100,000 headers", raw((head + many + "\r\n").encode()))
        piece = b" " * (1 << 20)
        report(
            "a body of 1 GB",
            raw((head + f"Content-Length: {1 << 30}\r\n\r\n").encode(), (piece for _ in range(1024))),
        )
        report(
            "a body of 1 GB in chunks",
            raw(
                (head + "Transfer-Encoding: chunked\r\n\r\n").encode(),
                (b"100000\r\n" + piece + b"\r\n" for _ in range(1024)),
            ),
        )
        for name, body in (
            ("arrays 10,000 deep", b"[" * 10_000), ("objects 10,000 deep", b'{"a":' * 10_000),
            ("a number of 1 MB", b'{"event_id":' + b"1" * (1 << 20) + b"}"),
        ):
            answer = ask(port, "POST", path, bench.token, body)
            report(name, answer[0])
        answer = ask(port, "POST", "/v1/ledgers/bench/events:import", bench.token, b"x" * (1 << 24))
        report("an import line of 16 MB", f"{answer[0]} {answer[2][:120].decode()}")

        statuses = {}
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        good = bench.token.split(".")
        for number in range(int(tokens)):
            bad = [
                "x", ".".join([good[0], good[1], good[2][:-4] + "AAAA"]), "a.b.c",
                good[0] + "." + good[1] + ".", "x" * 8000,
            ][number % 5]
            connection.request(
                "GET", "/v1/ledgers/bench/census", headers={"Authorization": f"Bearer {bad}"}
            )
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
        report(f"{tokens} bad tokens", f"{statuses} in {time.monotonic() - began:.0f} s")

        asyncio.run(slow_connections(bench, port, int(slow), report))
        answer = ask(port, "POST", path, bench.token, bench.event())
        report("an append afterwards", answer[0])


async def slow_connections(bench, port, number, report):
    """Heads that trickle in, while somebody else works."""
    closed = 0
    worst = []

    async def trickle():
        nonlocal closed
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            closed += 1
            return
        try:
            writer.write(b"GET /v1/ledgers/bench/census HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            for _ in range(40):
                writer.write(b"x")
                await writer.drain()
                try:
                    if not await asyncio.wait_for(reader.read(1), 1):
                        break
                except asyncio.TimeoutError:
                    continue
        except OSError:
            pass
        closed += 1
        writer.close()

    tasks = []
    for start in range(0, number, 500):
        tasks += [asyncio.create_task(trickle()) for _ in range(min(500, number - start))]
        await asyncio.sleep(0.1)
    await asyncio.sleep(2)
    report(f"{number} slow connections", f"{number - closed} open")
    for _ in range(10):
        began = time.monotonic()
        path = f"/v1/ledgers/bench/episodes/{bench.episodes[0]}/events"
        status, _, _ = await asyncio.to_thread(
            ask, port, "POST", path, bench.token, bench.event()
        )
        worst.append((time.monotonic() - began, status))
        await asyncio.sleep(0.2)
    report(
        "appends beside them",
        f"{[status for _, status in worst]}, at most {max(worst)[0] * 1000:.0f} ms",
    )
    await asyncio.wait(tasks, timeout=60)
    report("after their time", f"{number - closed} open")


# ---------------------------------------------------------------------------------- outage

def outage(away="8"):
    with Cluster() as cluster, Bench(database=cluster.url) as bench:
        service = bench.serve()
        for name in ("stopped", "frozen"):
            one_outage(bench, service, cluster, name, float(away))


def one_outage(bench, service, cluster, name, away):
    results = []
    kept = []
    end = threading.Event()

    def work(number):
        while not end.is_set():
            event = bench.event()
            episode = bench.episodes[number]
            asked = time.monotonic()
            read = number % 4 == 3
            try:
                if read:
                    answer = ask(
                        service.port, "GET", f"/v1/ledgers/bench/episodes/{episode}", bench.token
                    )
                else:
                    answer = ask(
                        service.port, "POST", f"/v1/ledgers/bench/episodes/{episode}/events",
                        bench.token, event,
                    )
                status = answer[0]
                waits = "retry-after" in {field.lower() for field in answer[1]}
            except OSError:
                status, waits = 0, False
            now = time.monotonic()
            results.append((asked, now - asked, status, waits, read))
            if status == 201:
                kept.append(json.loads(event)["event_id"])
            time.sleep(0.01)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    if name == "stopped":
        cluster.stop()
    else:
        cluster.freeze()
    gone = time.monotonic()
    time.sleep(away)
    if name == "stopped":
        cluster.start()
    else:
        cluster.thaw()
    back = time.monotonic()
    time.sleep(12)
    end.set()
    for thread in threads:
        thread.join()
    during = [result for result in results if gone <= result[0] < back]
    statuses = {}
    for result in results:
        statuses[result[2]] = statuses.get(result[2], 0) + 1
    first = min((result[0] + result[1] for result in results if result[0] > back and result[2] == 201))
    print(f"database {name} for {away:.0f} s: statuses {statuses}")
    print(f"  longest answer {max(result[1] for result in results):.2f} s")
    refused = [result for result in during if result[2] == 503]
    print(f"  503 with Retry-After: {sum(result[3] for result in refused)} of {len(refused)}")
    print(f"  first append after its return: {first - back:.2f} s")
    recorded = set()
    answer = ask(
        service.port, "GET", "/v1/ledgers/bench/events", bench.token,
        headers={"Accept": "application/x-ndjson"},
    )
    for line in answer[2].splitlines():
        recorded.add(json.loads(line)["event_id"])
    lost = [event for event in kept if event not in recorded]
    print(f"  acknowledged {len(kept)}, lost {len(lost)}")


# ---------------------------------------------------------------------------------- export

def export(episodes="5000"):
    """Everything as NDJSON, read as fast as it comes: memory must not grow with its length."""
    with Bench(episodes=10) as bench:
        for count in (int(episodes) // 10, int(episodes)):
            lines = subprocess.run(
                [PROGRAM, "simulate", "--episodes", str(count), "--seed", str(count)], check=True,
                stdout=subprocess.PIPE, text=True,
            ).stdout
            bench.run("import", "-", "--ledger", "bench", input=lines)
            # A service of its own for each, so that nothing is left of the one before.
            service = bench.serve("--without-workers")
            before = memory(service)
            began = time.monotonic()
            server = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
            server.request(
                "GET", "/v1/ledgers/bench/events",
                headers={
                    "Authorization": f"Bearer {bench.token}", "Accept": "application/x-ndjson",
                },
            )
            answer = server.getresponse()
            events = size = 0
            while chunk := answer.read(1 << 20):
                events += chunk.count(b"\n")
                size += len(chunk)
            took = time.monotonic() - began
            print(
                f"{events} events, {size / 1e6:.0f} MB in {took:.1f} s: memory {before:.0f} MB "
                f"before, {memory(service, 'VmHWM'):.0f} MB at most"
            )


# ---------------------------------------------------------------------------------- import

def import_lines(episodes="900", rounds="5"):
    """The same lines by the command and by one request, in turns, each time into a new ledger."""
    with Bench(episodes=1) as bench:
        service = bench.serve("--without-workers")
        lines = bench.run("simulate", "--episodes", episodes, "--seed", "7")
        count = lines.count("\n")

        def took(name, body):
            bench.run("ledgers", "create", name, "--time-zone", "UTC")
            token = bench.run("token", "--role", "service", "--ledger", name).strip()
            began = time.monotonic()
            body(name, token)
            return time.monotonic() - began

        def command(name, _):
            bench.run("import", "-", "--ledger", name, input=lines)

        def request(name, token):
            answer = ask(
                service.port, "POST", f"/v1/ledgers/{name}/events:import", token, lines.encode(),
                {"Content-Type": "application/x-ndjson"}, timeout=600,
            )
            outcomes = [json.loads(line)["status"] for line in answer[2].splitlines()]
            if answer[0] != 200 or outcomes.count("appended") != count:
                raise SystemExit(f"the import failed: {answer[0]} {answer[2][:300].decode()}")

        print(f"{count} lines; seconds\n round  command     HTTP  ratio")
        ratios = []
        for number in range(int(rounds)):
            by_command = took(f"command-{number}", command)
            by_request = took(f"request-{number}", request)
            ratios.append(by_request / by_command)
            print(f"{number + 1:>6} {by_command:>8.2f} {by_request:>8.2f} {ratios[-1]:>6.2f}")
        print(f"median ratio {percentile(ratios, 0.5):.2f}")


COMMANDS = {
    "appends": appends, "latency": latency, "start": start, "clients": clients, "limits": limits,
    "outage": outage, "export": export, "import": import_lines,
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        raise SystemExit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
