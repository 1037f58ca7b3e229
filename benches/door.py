"""How loads on a gateway speak to it: one thread, HTTP/1.1, plain. For gateway.py and dashboard.py."""

import json
import statistics


async def ask(link, method, path, token, kind, body):
    """Asks on a connection that stays open: status and body."""
    reader, writer = link
    head = f"{method} {path} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\ncontent-type: {kind}\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
    return int(lines[0].split()[1]), await reader.readexactly(length)


async def create(link, service, **session):
    """A new session, as the gateway answers it."""
    body = json.dumps(session).encode()
    status, text = await ask(link, "POST", "/v1/sessions", service, "application/json", body)
    assert status == 201, text
    return json.loads(text)


async def events(link, exam, proctor):
    """What happens in an exam: (kind, data) of each event, for ever."""
    reader, writer = link
    head = f"GET /v1/events?exam={exam} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {proctor}\r\n\r\n"
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")
    kind = ""
    while line := await reader.readline():
        if line.startswith(b"event: "):
            kind = line[7:].decode().strip()
        if line.startswith(b"data: "):
            yield kind, json.loads(line[6:])


def spread(delays):
    """Seconds, in words."""
    delays = sorted(delays)
    ms = [statistics.median(delays), delays[int(len(delays) * 0.95)], delays[-1]]
    return "median {:.0f}, p95 {:.0f}, most {:.0f} ms".format(*(1000 * each for each in ms))
