// The candidate's page: check, notice, recording.
//
// Responsible for: what a candidate sees and agrees to, and plain words for what the client reports. Not for:
// recording and uploading (client/invigilator.js), nor for what is judged.
// Opened as /candidate/#id=…&token=…&policy=…, by the exam system, from what POST /v1/sessions gave: `policy` is the
// one that judges; `expires_at`, `chunk_bytes` and `first_chunk` may follow.

import { Invigilator } from "/client/invigilator.js";
import { h, setText } from "./dom.js";
import { watch } from "./equipment.js";
import { drawNotice } from "./notice.js";
import { tell } from "./progress.js";

const at = (id) => document.getElementById(id);
const KEY = "invigilator.upload";
/** The least of the numbers of a link. Links are written by others: what is no such number is left out. */
const NUMBERS = { chunk_bytes: 1, first_chunk: 0 };

let upload = takeUpload(),
  client = null,
  stream = null,
  stopWatching = () => {},
  checks = {},
  toldAt = "";

function readLink() {
  const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  for (const [name, least] of Object.entries(NUMBERS)) {
    if (/^\d{1,15}$/.test(given[name]) && Number(given[name]) >= least) given[name] = Number(given[name]);
    else delete given[name];
  }
  return given;
}

/** From the address, then kept for a reload of this tab only. What a new link leaves out stays as it was. */
function takeUpload() {
  const given = readLink();
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  const upload = given.id && given.token ? { ...(kept?.id === given.id && kept), ...given } : kept;
  if (given.token) history.replaceState(null, "", location.pathname);
  if (upload) sessionStorage.setItem(KEY, JSON.stringify(upload));
  return upload;
}

// ---- Before

/** Agreeing to what could not be loaded is not possible. */
async function showNotice() {
  at("agreed").disabled = !(await drawNotice(at("notice"), upload.policy));
}

const MARKS = { good: "✓", bad: "!", later: "…", wait: "…" };
function showChecks(change) {
  checks = { ...checks, ...change };
  const text = JSON.stringify(checks);
  if (toldAt === text) return; // Said again only if it changed.
  toldAt = text;
  at("checks").replaceChildren(
    ...Object.values(checks).map(([state, words]) =>
      h("li", { class: state }, h("span", { class: "check-mark", "aria-hidden": "true" }, MARKS[state]), words),
    ),
  );
  allow();
}

/** Bad light does not keep anybody from an exam; a camera, the gateway and the notice are needed. */
function allow() {
  at("start").disabled = !(stream?.active && checks.upload?.[0] === "good" && at("agreed").checked && client);
}

async function turnOn() {
  at("camera").disabled = true;
  setText(at("problem"), "");
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: Invigilator.CAMERA, audio: false });
  } catch (error) {
    at("camera").disabled = false;
    const why = {
      NotAllowedError: "It is not allowed for this page: allow it in the browser’s address bar.",
      NotFoundError: "No camera was found.",
      NotReadableError: "Another program uses it: close that one.",
    };
    setText(at("problem"), `The camera cannot be used. ${why[error.name] ?? error.message}`);
    return;
  }
  at("preview").srcObject = stream;
  await at("preview").play();
  at("camera").hidden = true;
  stream.getVideoTracks()[0].addEventListener("ended", () => {
    at("camera").hidden = false;
    at("camera").disabled = false;
    allow();
  });
  stopWatching();
  stopWatching = watch(at("preview"), showChecks);
  allow();
}

/** A token that can be renewed says that the gateway is there and knows this session. */
async function checkUpload() {
  showChecks({ upload: ["wait", "Looking for the server …"] });
  const answer = await fetch(`/v1/sessions/${upload.id}/token`, {
    method: "POST",
    headers: { Authorization: `Bearer ${upload.token}` },
  }).catch(() => null);
  if (answer?.ok) {
    keep(await answer.json());
    return showChecks({ upload: ["good", "The server is there and knows your session."] });
  }
  const isOver = [401, 403, 404].includes(answer?.status);
  showChecks({
    upload: [
      "bad",
      isOver
        ? "This link is not valid any more. Ask your exam office for a new one."
        : "The server cannot be reached. This is tried again.",
    ],
  });
  if (!isOver) setTimeout(checkUpload, 3000);
}

function keep(change) {
  upload = { ...upload, ...change };
  sessionStorage.setItem(KEY, JSON.stringify(upload));
}

// ---- During

async function prepare() {
  const { id, token, expires_at, chunk_bytes, first_chunk } = upload;
  client = new Invigilator({ id, token, expires_at, chunk_bytes, first_chunk });
  client.addEventListener("token", ({ detail }) => keep(detail));
  client.addEventListener("state", ({ detail }) => show(detail));
  client.addEventListener("full", () =>
    say("Recording has paused because too much waits to be sent. It goes on by itself."),
  );
  client.addEventListener("interrupted", () => say("The camera has stopped. Turn it on again.", true));
  client.addEventListener("failed", ({ detail }) => setText(at("problem"), failure(detail)));
  try {
    show(await client.open());
  } catch (error) {
    client = null;
    setText(at("problem"), `This session cannot be recorded here: ${error.message}.`);
  }
  allow();
}

const failure = ({ status, title }) =>
  status === 401 || status === 403
    ? "Your link is not valid any more. Recording goes on in this browser. Ask for a new link and open it in this tab."
    : `The server does not take the video: ${title}. Tell your exam office.`;

async function start() {
  if (!stream?.active) await turnOn();
  await client.start(stream);
  sessionStorage.setItem(`${KEY}.running`, upload.id);
  say("Recording has started.");
}

/** What the client reports, on the page. */
function show(state) {
  const wasRunning = sessionStorage.getItem(`${KEY}.running`) === upload.id;
  const { isRunning, isOver, title, lead, rows } = tell(state, wasRunning);
  at("recording").hidden = state.phase !== "recording";
  at("start").hidden = isRunning || isOver;
  at("finish").hidden = !isRunning;
  at("consent").hidden = isRunning || isOver || wasRunning;
  at("status").hidden = !isRunning && !isOver && !wasRunning && state.buffered_chunks === 0;
  if (wasRunning && !isRunning && !isOver) at("agreed").checked = true;
  setText(at("start"), wasRunning ? "Go on recording" : "Start recording");
  setText(at("title"), title);
  document.title = `${title} – Invigilator`;
  setText(at("lead"), lead);
  setText(at("go-title"), isRunning || isOver ? "Status" : "Start");
  if ((isRunning || isOver) && at("pair").nextElementSibling === at("go")) {
    at("pair").before(at("go")); // What matters now comes first.
    at("title").focus();
  }
  at("status").replaceChildren(
    ...rows.map(([term, text, kind]) => h("div", { class: kind }, h("dt", {}, term), h("dd", {}, text))),
  );
  if (isOver) finishCamera();
  if (state.phase === "ended") {
    sessionStorage.removeItem(KEY);
    sessionStorage.removeItem(`${KEY}.running`);
    at("title").focus();
  }
  allow();
}

function finishCamera() {
  stopWatching();
  for (const track of stream?.getTracks() ?? []) track.stop();
  for (const name of ["check-title", "notice-title"]) at(name).closest(".card").hidden = true;
}

function say(text, isProblem = false) {
  setText(at("said"), text);
  if (isProblem) setText(at("problem"), text);
}

at("camera").addEventListener("click", turnOn);
at("agreed").addEventListener("change", allow);
at("start").addEventListener("click", () =>
  start().catch((error) => setText(at("problem"), `Recording did not start: ${error.message}`)),
);
at("finish").addEventListener("click", () => at("sure").showModal());
at("not-yet").addEventListener("click", () => at("sure").close());
at("really").addEventListener("click", () => {
  at("sure").close();
  client.end().catch(() => {});
}); // `failed` tells.
addEventListener("beforeunload", (event) => {
  const { phase, buffered_bytes } = client?.state ?? {};
  if (phase === "recording" || (phase === "ending" && buffered_bytes > 0)) event.preventDefault();
});
addEventListener("hashchange", () => {
  // A new link, opened in this tab.
  upload = takeUpload() ?? upload;
  setText(at("problem"), "");
  client?.resume(upload);
});

if (upload?.policy) {
  showNotice();
  checkUpload().then(prepare);
} else {
  at("notice-title").closest(".card").hidden = true;
  setText(at("problem"), "This page has to be opened from your exam: the link is incomplete.");
}
