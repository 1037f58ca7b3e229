// What the client reports, in words for candidates. Responsible for: nobody wondering whether it works. Not for:
// where the words stand on the page.

import { length } from "./words.js";

/** What 400 kbit/s are in bytes: how much waits is told as time. */
const BYTES_PER_S = 50_000;
/** More waiting than this: the network is slow or gone, whatever the browser thinks. */
const SLOW_BYTES = 5 * BYTES_PER_S;

const PHASES = {
  new: "Not started",
  ready: "Not recording",
  recording: "Recording",
  full: "Paused: too much waits to be sent",
  ending: "Sending what is left",
  ended: "Done",
};

/** `wasRunning`: this tab recorded before it was loaded again. Rows are [term, text, "good" | "bad" | ""]. */
export function tell(state, wasRunning) {
  const isRunning = ["recording", "full"].includes(state.phase);
  const isOver = ["ending", "ended"].includes(state.phase);
  return {
    isRunning,
    isOver,
    title:
      state.phase === "ended"
        ? "All done"
        : isOver
          ? "Almost done"
          : isRunning
            ? "Your exam is being recorded"
            : "Before your exam",
    lead: lead(state, isRunning, wasRunning),
    rows: [
      ["State", PHASES[state.phase], state.phase === "recording" ? "good" : ""],
      connection(state),
      ["Waits to be sent", waiting(state.buffered_bytes), ""],
      [
        "Last arrived",
        state.acknowledged
          ? `Piece ${state.acknowledged.n + 1} at ${state.acknowledged.at.toLocaleTimeString()}`
          : "Nothing yet",
        "",
      ],
    ],
  };
}

function lead({ phase }, isRunning, wasRunning) {
  if (phase === "ended") return "Everything has arrived. You can close this page.";
  if (phase === "ending") return "Keep this page open until everything has been sent.";
  if (isRunning)
    return "Keep this page open during the exam. If the network fails, video waits here and is sent later.";
  if (wasRunning) return "The page was loaded again. Nothing that was recorded is lost.";
  return "First the camera is checked. Nothing is recorded or sent before you start.";
}

function connection({ online, failure, buffered_bytes }) {
  if (!online) return ["Connection", "Offline: video waits in this browser", "bad"];
  if (failure) return ["Connection", "Refused", "bad"];
  if (buffered_bytes > SLOW_BYTES) return ["Connection", "Slow or cut: video waits in this browser", "bad"];
  return ["Connection", "Connected", "good"];
}

function waiting(bytes) {
  if (bytes === 0) return "Nothing";
  const seconds = Math.max(1, Math.round(bytes / BYTES_PER_S));
  return `${length(seconds * 1000)} of video, about ${(bytes / 1e6).toFixed(1)} MB`;
}
