"""Load on a gateway: uploads as browsers send them, then listeners of events. benches/gateway.sh runs it.

    gateway.py ADDRESS PROCESS_ID SERVICE_TOKEN PROCTOR_TOKEN UPLOADS LISTENERS

Prints how long acknowledgements and events took, and what the gateway needed. One thread, HTTP/1.1, plain.
"""

import asyncio
import json
import os
import random
import statistics
import sys
import time

CHUNK = os.urandom(100_000)  # 2 s of 400 kbit/s
EVERY_S = 2
SECONDS = 40
EVENTS = 20

address, pid, service, proctor, uploads, listeners = sys.argv[1:]
host, port = address.rsplit(":", 1)


def processor_s():
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib():
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))


def spread(delays):
    delays = sorted(delays)
    ms = [statistics.median(delays), delays[int(len(delays) * 0.95)], delays[-1]]
    return "median {:.0f}, p95 {:.0f}, most {:.0f} ms".format(*(1000 * each for each in ms))


class Cost:
    """Processor time and memory of the gateway from here on."""

    def __init__(self):
        self.began, self.used = time.monotonic(), processor_s()

    def __str__(self):
        share = (processor_s() - self.used) / (time.monotonic() - self.began)
        return f"gateway: {100 * share:.0f} % of a core, {memory_mib()} MiB"


async def ask(link, method, path, token, kind, body):
    reader, writer = link
    head = f"{method} {path} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\ncontent-type: {kind}\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
    return int(lines[0].split()[1]), await reader.readexactly(length)


async def create(link, **session):
    body = json.dumps(session).encode()
    status, text = await ask(link, "POST", "/v1/sessions", service, "application/json", body)
    assert status == 201, text
    return json.loads(text)


async def upload(count):
    sessions = []
    for _ in range(count):
        link = await asyncio.open_connection(host, port)
        sessions.append((link, await create(link, exam="load")))
    delays, statuses, until = [], {}, time.monotonic() + SECONDS

    async def one(link, session):
        await asyncio.sleep(random.random() * EVERY_S)
        number, due = 0, time.monotonic()
        while time.monotonic() < until:
            path, began = f"/v1/sessions/{session['id']}/chunks/{number}", time.monotonic()
            token = session["upload"]["token"]
            status, _ = await ask(link, "PUT", path, token, "video/webm;codecs=vp8", CHUNK)
            delays.append(time.monotonic() - began)
            statuses[status] = statuses.get(status, 0) + 1
            number, due = number + 1, due + EVERY_S
            await asyncio.sleep(max(0, due - time.monotonic()))

    cost = Cost()
    await asyncio.gather(*(one(*each) for each in sessions))
    print(f"{count} uploads of 400 kbit/s, answers {statuses}: {spread(delays)}; {cost}", flush=True)


async def listen(arrivals):
    reader, writer = await asyncio.open_connection(host, port)
    head = f"GET /v1/events?exam=marks HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {proctor}\r\n\r\n"
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")

    async def follow():
        while line := await reader.readline():
            if line.startswith(b"data: "):
                arrivals.append((json.loads(line[6:])["name"], time.monotonic()))

    return asyncio.create_task(follow()), writer


async def tell(count):
    arrivals, open_ones = [], []
    for _ in range(count):
        open_ones.append(await listen(arrivals))
    link, sent, cost = await asyncio.open_connection(host, port), {}, Cost()
    for number in range(EVENTS):
        sent[f"m{number}"] = time.monotonic()
        await create(link, exam="marks", name=f"m{number}")
        await asyncio.sleep(1)
    await asyncio.sleep(2)
    delays = [at - sent[name] for name, at in arrivals]
    print(f"{count} listeners, {len(delays)} of {EVENTS * count} events: {spread(delays)}; {cost}", flush=True)


async def main():
    await upload(int(uploads))
    await tell(int(listeners))


asyncio.run(main())
