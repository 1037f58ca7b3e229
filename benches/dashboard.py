"""How soon an incident is on the dashboards. benches/dashboard.sh runs it.

    dashboard.py ADDRESS SERVICE_TOKEN PROCTOR_TOKEN RECORDING POLICY SESSIONS

Uploads a recording as so many browsers would, a second of video when it has passed, and listens as a dashboard does.
"""

import asyncio
import json
import math
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from door import ask, create, events, spread

address, service, proctor, recording, policy, sessions = sys.argv[1:]
host, port = address.rsplit(":", 1)
EXAM = "delay"
# Sessions begin one after the other, so that not all of them need the same at once.
APART_S = 0.9


def seconds():
    """The bytes of the recording, second by second."""
    entries = ["-select_streams", "v:0", "-show_entries", "packet=pts_time,pos", "-of", "json"]
    probed = subprocess.run(["ffprobe", "-v", "error", *entries, recording], check=True, capture_output=True)
    packets = json.loads(probed.stdout)["packets"]
    ends, due = [], 1.0
    for packet in packets:
        while float(packet["pts_time"]) >= due:
            ends.append(int(packet["pos"]))
            due += 1
    data = Path(recording).read_bytes()
    return [data[begin:end] for begin, end in zip([0, *ends], [*ends, len(data)])]


async def browser(parts, began):
    link = await asyncio.open_connection(host, port)
    session = await create(link, service, exam=EXAM)
    began[session["id"]] = zero = time.monotonic()
    for number, part in enumerate(parts):
        # A browser has a second of video when it is over.
        await asyncio.sleep(max(0, zero + number + 1 - time.monotonic()))
        path, token = f"/v1/sessions/{session['id']}/chunks/{number}", session["upload"]["token"]
        status, text = await ask(link, "PUT", path, token, "video/webm;codecs=vp8", part)
        assert status == 204, text
    status, text = await ask(link, "POST", f"/v1/sessions/{session['id']}/end", token, "application/json", b"{}")
    assert status == 202, text


async def dashboard(began, shown):
    link = await asyncio.open_connection(host, port)
    detect = tomllib.loads(Path(policy).read_text())["detect"]
    async for kind, told in events(link, EXAM, proctor):
        if kind == "incident":
            first = (told["session"].replace("/", ":"), told["incident_id"])
            lasts = detect[told["type"]]["window"]["on_ms"]
            # From this moment on a person would know, too; the chunk with it is sent when its second is over.
            known = (told["start_ms"] + lasts) / 1000
            since = time.monotonic() - began[first[0]]
            shown.setdefault(first, (told["type"], since - known, since - math.floor(known) - 1))


async def main():
    began, shown, parts = {}, {}, seconds()
    listening = asyncio.create_task(dashboard(began, shown))
    browsers = []
    for _ in range(int(sessions)):
        browsers.append(asyncio.create_task(browser(parts, began)))
        await asyncio.sleep(APART_S)
    await asyncio.gather(*browsers)
    await asyncio.sleep(5)
    listening.cancel()
    for kind in sorted({kind for kind, _, _ in shown.values()}):
        since_moment, since_chunk = zip(*(delays for each, *delays in shown.values() if each == kind))
        print(f"{kind}: {len(since_moment)} shown, after it had lasted long enough to be one: {spread(since_moment)}")
        print(f"{kind}: after the last byte of the chunk with that moment: {spread(since_chunk)}", flush=True)


asyncio.run(main())
