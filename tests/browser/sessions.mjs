// Made-up sessions in the words of the API: every band, queue, class and kind of lane, and no real person.
//
// Responsible for: data that the pages are tested with, the same for the same seed. Not for: HTTP (fake.mjs).

import { random } from "./random.mjs";
import { POLICY, score } from "./scores.mjs";

const MINUTE = 60_000;
const EXAMS = ["algebra-1", "physics-2", "history-of-science", "statistics-b"];
const TECHNICAL = [
  "video_frozen",
  "stream_lost",
  "camera_obstructed",
  "scene_unusable",
  "video_gap",
  "media_undecodable",
  "clock_discontinuity",
];
const CLASSES = {
  face_not_detected: "coverage",
  face_partial: "coverage",
  identity_unverifiable: "coverage",
  identity_mismatch: "identity",
  identity_switch: "identity",
  replay_suspected: "identity",
};
const TEXTS = {
  multiple_persons: "Two persons were visible for",
  person_absent: "Nobody was visible and the candidate's place was empty for",
  phone_visible: "A phone was visible for",
  gaze_off_screen: "The eyes were directed away from the screen for",
  head_turned_away: "The head was turned away from the screen for",
  repeated_glances: "Nine short looks went to the same place beside the screen",
  face_not_detected: "No face could be found for",
  face_partial: "The face was partly outside the picture for",
  camera_obstructed: "The camera showed a covered or uniform picture for",
  scene_unusable: "The picture was too dark or too blurred for",
  video_frozen: "The picture stood still for",
  video_gap: "No video is there for",
  stream_lost: "No video arrived for",
  identity_mismatch: "The face was unlike the enrolled one for",
  identity_switch: "The face became unlike the enrolled one after a break in view",
};

/** Share of sessions, and what happens in them: [type, start share, length in s]. */
const STORIES = [
  [0.62, []],
  [
    0.1,
    [
      ["gaze_off_screen", 0.3, 14],
      ["head_turned_away", 0.55, 9],
    ],
  ],
  [
    0.05,
    [
      ["gaze_off_screen", 0.2, 42],
      ["head_turned_away", 0.4, 36],
      ["repeated_glances", 0.6, 240],
      ["person_absent", 0.8, 35],
    ],
  ],
  [
    0.04,
    [
      ["multiple_persons", 0.62, 13],
      ["gaze_off_screen", 0.2, 12],
    ],
  ],
  [
    0.03,
    [
      ["multiple_persons", 0.35, 64],
      ["person_absent", 0.62, 160],
      ["phone_visible", 0.8, 22],
    ],
  ],
  [0.04, [["camera_obstructed", 0.4, 560]]],
  [
    0.04,
    [
      ["scene_unusable", 0.1, 80],
      ["face_not_detected", 0.5, 40],
      ["face_partial", 0.7, 30],
    ],
  ],
  [
    0.03,
    [
      ["stream_lost", 0.93, 75],
      ["video_gap", 0.5, 24],
    ],
  ],
  [0.02, [["identity_mismatch", 0.45, 40]]],
  [0.03, [["video_frozen", 0.9, 45]]],
];

const length = (seconds) =>
  seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min${seconds % 60 ? ` ${seconds % 60} s` : ""}`;
const hex = (next, digits) => Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join("");

/** One session with everything that the API says of it, apart from its timeline. */
export function make(index, seed = 7) {
  const next = random(seed * 100_003 + index);
  const exam = EXAMS[index % EXAMS.length];
  const name = `s${String(index + 1).padStart(4, "0")}`;
  let pick = next(),
    story = STORIES[0][1];
  for (const [share, events] of STORIES) {
    story = events;
    if ((pick -= share) < 0) break;
  }
  const media_ms = Math.floor((25 + next() * 30) * MINUTE);
  const fate = next();
  const state = story.some(([type]) => type === "stream_lost")
    ? "silent"
    : fate < 0.04
      ? "waiting"
      : fate < 0.9
        ? "live"
        : "ended";
  const session = `t1/${exam}/${name}`;
  const started_at = new Date(Date.now() - media_ms).toISOString();
  const incidents =
    state === "waiting"
      ? []
      : story.map(([type, from, seconds]) => {
          const start_ms = Math.floor((from * (0.6 + next() * 0.4) * media_ms) / 1000) * 1000;
          const open = from >= 0.9 || (state === "live" && next() < 0.06);
          const varied = Math.max(4, Math.round(seconds * (0.6 + next() * 0.9)));
          const end_ms = open ? media_ms : Math.min(start_ms + varied * 1000, media_ms);
          const total = Math.round((end_ms - start_ms) / 1000);
          const cls = CLASSES[type] ?? (TECHNICAL.includes(type) ? "coverage" : "evidence");
          const severity =
            cls === "identity"
              ? "high"
              : cls === "coverage"
                ? "info"
                : type === "multiple_persons"
                  ? total >= 10
                    ? "high"
                    : "medium"
                  : total >= 120
                    ? "high"
                    : total >= 30
                      ? "medium"
                      : "low";
          const text = TEXTS[type] + (/(place|view)$|screen$/.test(TEXTS[type]) ? "." : ` ${length(total)}.`);
          return {
            incident_id: `${hex(next, 8)}-${hex(next, 4)}-4${hex(next, 3)}-8${hex(next, 3)}-${hex(next, 12)}`,
            rev: 2,
            session,
            type,
            class: cls,
            state: open ? "updated" : "closed",
            start_ms,
            end_ms,
            duration_ms: end_ms - start_ms,
            severity,
            severity_num: { info: 0, low: 0.1, medium: 0.15, high: 0.25 }[severity],
            confidence: 0.7 + Math.round(next() * 290) / 1000,
            reason: { code: type, params: {}, text },
            stats: { planned: total * 2, valid: total * 2 - 1, true: total * 2 - 2 },
            media_refs: [{ topic: "exam.segments", sequence: Math.floor(start_ms / 2000) }],
            attribution: ["video_frozen", "stream_lost", "video_gap"].includes(type) ? "it" : "candidate",
            counts: cls === "evidence",
            counts_reason: cls === "evidence" ? "evidence" : cls === "coverage" ? "coverage" : "awaiting_review",
            policy: POLICY,
            models: cls === "coverage" ? [] : ["blazeface_back@1", "nanodet_g_int8@1"],
            review: { state: "unreviewed", by: null, at: null, note: null },
            run: { detected_at: new Date().toISOString(), time_to_flag_ms: 3900 },
          };
        });
  const one = {
    index,
    session,
    tenant: "t1",
    exam,
    name,
    id: session.replaceAll("/", ":"),
    state,
    media_ms,
    started_at,
    incidents,
    reviews: [],
    revisions: [],
  };
  score(one);
  return one;
}
