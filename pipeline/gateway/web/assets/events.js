// What the gateway tells as it happens: server-sent events over fetch, since EventSource cannot send a token.
//
// Responsible for: one stream, read again after every loss from the event after the last one. Not for: what
// events mean.

import { authorized } from "./access.js";

/** Heartbeats come every 15 s: three missed mean that nobody is there. */
const SILENCE_MS = 45_000;
const BACK_OFF_MS = { first: 500, most: 20_000 };

/**
 * Reads events for ever. `onEvent(type, data)`; `onState("live" | "waiting" | "refused")`. `refused` ends it: the
 * token is not accepted. `onReset()`: what was told before may have holes, fetch anew. Returns how to stop.
 */
export function follow(path, { onEvent, onState, onReset }) {
  const stopped = new AbortController();
  let last = null,
    failures = 0,
    wake = () => {};
  addEventListener("online", () => wake(), { signal: stopped.signal });

  /** What one event does wrong, it does not do to those behind it. */
  function tell({ type, data }) {
    try {
      onEvent(type, JSON.parse(data));
    } catch (error) {
      console.warn(`an event "${type}" is left out: ${error.message}`);
    }
  }

  async function read() {
    const silence = new AbortController();
    let timer;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
    };
    try {
      heard();
      const headers = { ...authorized(), Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) };
      const signal = AbortSignal.any([stopped.signal, silence.signal]);
      const answer = await fetch(path, { headers, signal, cache: "no-store" });
      if ([401, 403].includes(answer.status)) return "refused";
      if (!answer.ok) return Number(answer.headers.get("Retry-After")) * 1000 || 0;
      failures = 0;
      onState("live");
      if (last === null) onReset();
      for await (const event of parse(answer.body, heard)) {
        last = event.id ?? last;
        if (event.type === "reset") onReset();
        else if (event.data) tell(event);
      }
    } finally {
      clearTimeout(timer);
    }
    return 0;
  }

  (async () => {
    while (!stopped.signal.aborted) {
      const asked = await read().catch(() => 0);
      if (stopped.signal.aborted) return;
      onState(asked === "refused" ? "refused" : "waiting");
      if (asked === "refused") return;
      const most = Math.min(BACK_OFF_MS.first * 2 ** failures, BACK_OFF_MS.most);
      failures += 1;
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, asked + most * (0.5 + Math.random() / 2));
      });
    }
  })();
  return () => stopped.abort();
}

/** Events of a body: `id`, `event`, `data` lines up to an empty line; comments are heartbeats. An id may come alone. */
async function* parse(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "",
    event = { type: "message", data: [] };
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heard();
    const lines = (rest + value).split(/\r\n|\n|\r/);
    rest = lines.pop();
    for (const line of lines) {
      const [, field, text] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (line === "") {
        if (event.data.length || event.id !== undefined) yield { ...event, data: event.data.join("\n") };
        event = { type: "message", data: [] };
      } else if (field === "event") event.type = text;
      else if (field === "data") event.data.push(text);
      else if (field === "id") event.id = text;
    }
  }
}
