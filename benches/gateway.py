"""Load on a gateway: uploads as browsers send them, then listeners of events. benches/gateway.sh runs it.

    gateway.py ADDRESS PROCESS_ID SERVICE_TOKEN PROCTOR_TOKEN UPLOADS LISTENERS

Prints how long acknowledgements and events took, and what the gateway needed.
"""

import asyncio
import os
import random
import sys
import time

from door import ask, create, events, spread

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


class Cost:
    """Processor time and memory of the gateway from here on."""

    def __init__(self):
        self.began, self.used = time.monotonic(), processor_s()

    def __str__(self):
        share = (processor_s() - self.used) / (time.monotonic() - self.began)
        return f"gateway: {100 * share:.0f} % of a core, {memory_mib()} MiB"


async def upload(count):
    sessions = []
    for _ in range(count):
        link = await asyncio.open_connection(host, port)
        sessions.append((link, await create(link, service, exam="load")))
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
    link = await asyncio.open_connection(host, port)
    async for _, told in events(link, "marks", proctor):
        arrivals.append((told["name"], time.monotonic()))


async def tell(count):
    arrivals, open_ones = [], []
    for number in range(count):
        open_ones.append(asyncio.create_task(listen(arrivals)))
        if number % 50 == 0:
            await asyncio.sleep(0.05)
    await asyncio.sleep(2)
    link, sent, cost = await asyncio.open_connection(host, port), {}, Cost()
    for number in range(EVENTS):
        sent[f"m{number}"] = time.monotonic()
        await create(link, service, exam="marks", name=f"m{number}")
        await asyncio.sleep(1)
    await asyncio.sleep(2)
    delays = [at - sent[name] for name, at in arrivals]
    print(f"{count} listeners, {len(delays)} of {EVENTS * count} events: {spread(delays)}; {cost}", flush=True)


async def main():
    await upload(int(uploads))
    await tell(int(listeners))


asyncio.run(main())
