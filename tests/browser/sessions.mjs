// Made-up sessions in the words of the API: every band, queue, class and kind of lane, and no real person.
//
// Responsible for: data that the pages are tested with, the same for the same seed. Not for: HTTP (fake.mjs).

const MINUTE = 60_000;

/** Small and good enough (mulberry32): the same numbers for the same seed. */
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const EXAMS = ["algebra-1", "physics-2", "history-of-science", "statistics-b"];
const TECHNICAL = ["video_frozen", "stream_lost", "camera_obstructed", "scene_unusable", "video_gap",
  "media_undecodable", "clock_discontinuity"];
const CLASSES = { face_not_detected: "coverage", face_partial: "coverage", identity_unverifiable: "coverage",
  identity_mismatch: "identity", identity_switch: "identity", replay_suspected: "identity" };
const BASES = { multiple_persons: { low: 10, medium: 10, high: 20, rate: 0.2, cap: 50 },
  person_absent: { low: 2, medium: 6, high: 12, rate: 0.05, cap: 45 },
  phone_visible: { low: 10, medium: 10, high: 20, rate: 0.3, cap: 50 },
  gaze_off_screen: { low: 1, medium: 3, high: 3, rate: 0.05, cap: 8 },
  head_turned_away: { low: 1, medium: 3, high: 3, rate: 0.05, cap: 8 },
  repeated_glances: { low: 3, medium: 6, high: 6, rate: 0, cap: 6 } };
const TEXTS = { multiple_persons: "Two persons were visible for", person_absent: "Nobody was visible and the candidate's place was empty for",
  phone_visible: "A phone was visible for", gaze_off_screen: "The eyes were directed away from the screen for",
  head_turned_away: "The head was turned away from the screen for", repeated_glances: "Nine short looks went to the same place beside the screen",
  face_not_detected: "No face could be found for", face_partial: "The face was partly outside the picture for",
  camera_obstructed: "The camera showed a covered or uniform picture for", scene_unusable: "The picture was too dark or too blurred for",
  video_frozen: "The picture stood still for", video_gap: "No video is there for", stream_lost: "No video arrived for",
  identity_mismatch: "The face was unlike the enrolled one for", identity_switch: "The face became unlike the enrolled one after a break in view" };

/** Share of sessions, and what happens in them: [type, start share, length in s]. */
const STORIES = [
  [0.62, []],
  [0.10, [["gaze_off_screen", 0.3, 14], ["head_turned_away", 0.55, 9]]],
  [0.05, [["gaze_off_screen", 0.2, 42], ["head_turned_away", 0.4, 36], ["repeated_glances", 0.6, 240], ["person_absent", 0.8, 35]]],
  [0.04, [["multiple_persons", 0.62, 13], ["gaze_off_screen", 0.2, 12]]],
  [0.03, [["multiple_persons", 0.35, 64], ["person_absent", 0.62, 160], ["phone_visible", 0.8, 22]]],
  [0.04, [["camera_obstructed", 0.4, 560]]],
  [0.04, [["scene_unusable", 0.1, 80], ["face_not_detected", 0.5, 40], ["face_partial", 0.7, 30]]],
  [0.03, [["stream_lost", 0.93, 75], ["video_gap", 0.5, 24]]],
  [0.02, [["identity_mismatch", 0.45, 40]]],
  [0.03, [["video_frozen", 0.9, 45]]],
];

const length = (seconds) => (seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min${seconds % 60 ? ` ${seconds % 60} s` : ""}`);
const hex = (next, digits) => Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join("");
const POLICY = { id: "standard", version: 3, sha256: "5f".repeat(32) };

/** One session with everything that the API says of it, apart from its timeline. */
export function make(index, seed = 7) {
  const next = random(seed * 100_003 + index);
  const exam = EXAMS[index % EXAMS.length];
  const name = `s${String(index + 1).padStart(4, "0")}`;
  let pick = next(), story = STORIES[0][1];
  for (const [share, events] of STORIES) { story = events; if ((pick -= share) < 0) break; }
  const media_ms = Math.floor((25 + next() * 30) * MINUTE);
  const fate = next();
  const state = story.some(([type]) => type === "stream_lost") ? "silent" : fate < 0.04 ? "waiting" : fate < 0.9 ? "live" : "ended";
  const session = `t1/${exam}/${name}`;
  const started_at = new Date(Date.now() - media_ms).toISOString();
  const incidents = state === "waiting" ? [] : story.map(([type, from, seconds]) => {
    const start_ms = Math.floor(from * (0.6 + next() * 0.4) * media_ms / 1000) * 1000;
    const open = from >= 0.9 || (state === "live" && next() < 0.06);
    const varied = Math.max(4, Math.round(seconds * (0.6 + next() * 0.9)));
    const end_ms = open ? media_ms : Math.min(start_ms + varied * 1000, media_ms);
    const total = Math.round((end_ms - start_ms) / 1000);
    const cls = CLASSES[type] ?? (TECHNICAL.includes(type) ? "coverage" : "evidence");
    const severity = cls === "identity" ? "high" : cls === "coverage" ? "info"
      : type === "multiple_persons" ? (total >= 10 ? "high" : "medium") : total >= 120 ? "high" : total >= 30 ? "medium" : "low";
    const text = TEXTS[type] + (/(place|view)$|screen$/.test(TEXTS[type]) ? "." : ` ${length(total)}.`);
    return { incident_id: `${hex(next, 8)}-${hex(next, 4)}-4${hex(next, 3)}-8${hex(next, 3)}-${hex(next, 12)}`, rev: 2, session, type, class: cls,
      state: open ? "updated" : "closed", start_ms, end_ms, duration_ms: end_ms - start_ms, severity,
      severity_num: { info: 0, low: 0.1, medium: 0.15, high: 0.25 }[severity], confidence: 0.7 + Math.round(next() * 290) / 1000,
      reason: { code: type, params: {}, text }, stats: { planned: total * 2, valid: total * 2 - 1, true: total * 2 - 2 },
      media_refs: [{ topic: "exam.segments", sequence: Math.floor(start_ms / 2000) }],
      attribution: cls === "coverage" && TECHNICAL.indexOf(type) !== 2 && TECHNICAL.indexOf(type) !== 3 ? "it" : "candidate",
      counts: cls === "evidence", counts_reason: cls === "evidence" ? "evidence" : cls === "coverage" ? "coverage" : "awaiting_review",
      policy: POLICY, models: cls === "coverage" ? [] : ["blazeface_back@1", "nanodet_g_int8@1"],
      review: { state: "unreviewed", by: null, at: null, note: null }, run: { detected_at: new Date().toISOString(), time_to_flag_ms: 3900 } };
  });
  const one = { index, session, tenant: "t1", exam, name, id: session.replaceAll("/", ":"), state, media_ms, started_at, incidents, reviews: [], revisions: [] };
  score(one);
  return one;
}

const NAMES = { multiple_persons: "Two or more persons", person_absent: "Nobody at the desk", phone_visible: "Phone in the picture",
  gaze_off_screen: "Eyes away from the screen", head_turned_away: "Head turned away", repeated_glances: "Repeated looks to one side",
  identity_mismatch: "Face unlike the enrolled one", identity_switch: "Face changed during the session" };
const seconds = (ms) => `${Math.round(ms / 1000)} s`;

function headline(incident, ratio_milli, band) {
  if (incident.class === "identity") return `${NAMES[incident.type]}: waits for a person to look`;
  if (band === "grey" || incident.class === "coverage") return `${ratio_milli / 10} % of the expected time was seen; ${incident.reason.text.replace(/ for .*/, "").toLowerCase()} for ${seconds(incident.duration_ms)}`;
  return `${NAMES[incident.type]} for ${seconds(incident.duration_ms)}`;
}

/** A contribution with its arithmetic. */
export function inWords({ type, union_ms, base_milli, rate_milli_per_s, raw_milli, applied_milli }) {
  const sum = base_milli + Math.floor(rate_milli_per_s * union_ms / 1000);
  const limits = (raw_milli < sum ? `, limited to ${raw_milli / 1000}, the most this can cost` : "")
    + (applied_milli < raw_milli ? `, counted as ${applied_milli / 1000} because all points together are at most 100` : "");
  return `${NAMES[type]} for ${seconds(union_ms)}: base ${base_milli / 1000} + ${seconds(union_ms)} × ${rate_milli_per_s / 1000} = ${sum / 1000} points${limits}`;
}

/** Computes score and summary again, in the manner of the real ones. */
export function score(one) {
  const { incidents, media_ms, state } = one;
  const unseen = incidents.filter((each) => each.class === "coverage").reduce((sum, each) => sum + each.duration_ms, 0);
  const longest = Math.max(0, ...incidents.filter((each) => each.class === "coverage").map((each) => each.duration_ms));
  const ratio_milli = Math.floor(1000 * (media_ms - unseen) / media_ms) - (unseen ? 0 : one.index % 9);
  const counted = incidents.filter((each) => each.review.state !== "dismissed" && (each.class === "evidence" || (each.class === "identity" && each.review.state === "confirmed")));
  let concern = 0;
  const contributions = counted.map((each) => {
    const base = BASES[each.type] ?? { high: 60, rate: 0, cap: 60 };
    const base_milli = (base[each.severity] ?? 6) * 1000;
    const raw_milli = Math.min(base.cap * 1000, base_milli + Math.round(base.rate * each.duration_ms));
    const applied_milli = Math.min(raw_milli, 100_000 - concern);
    concern += applied_milli;
    return { type: each.type, severity: each.severity, incidents: [each.incident_id], union_ms: each.duration_ms, base_milli,
      rate_milli_per_s: base.rate * 1000, raw_milli, applied_milli };
  });
  const integrity = Math.floor((100_000 - concern) / 1000);
  const sufficient = ratio_milli >= 800;
  const number = integrity >= 85 && !sufficient ? null : integrity;
  const band = number === null ? "grey" : number >= 85 ? "green" : number >= 60 ? "amber" : "red";
  const pendingIdentity = incidents.some((each) => each.class === "identity" && ["unreviewed", "reopened"].includes(each.review.state));
  const unreviewed = (cls) => incidents.filter((each) => each.class === cls && ["unreviewed", "reopened"].includes(each.review.state)).length;
  const isCoverageQueue = !sufficient || longest > 120_000 || unseen > media_ms * 0.05;
  const review_priority = pendingIdentity || (band === "red" && unreviewed("evidence")) ? "high"
    : (band === "amber" && unreviewed("evidence")) || isCoverageQueue ? "medium" : unreviewed("evidence") ? "low" : "none";
  const queues = { evidence: unreviewed("evidence") + unreviewed("identity") > 0, coverage: isCoverageQueue };
  const queue = queues.evidence ? "evidence" : queues.coverage ? "coverage" : "none";
  const technical = [...new Set(incidents.filter((each) => each.attribution === "it" && each.state !== "closed").map((each) => each.type))];
  const heaviest = contributions.toSorted((a, b) => b.applied_milli - a.applied_milli)[0];
  const reason = incidents.find((each) => each.incident_id === heaviest?.incidents[0]) ?? incidents.find((each) => each.class === "identity") ?? incidents[0];
  const isScored = state !== "waiting";
  const rev = one.revisions.length;
  one.score = !isScored ? null : { session: one.session, rev, supersedes: rev ? rev - 1 : null, status: state === "ended" || rev ? "final" : "provisional",
    evidence: sufficient ? "sufficient" : "insufficient", integrity: number, band, review_priority, concern_milli: concern, contributions,
    coverage: { expected_ms: media_ms, observed_ms: Math.round(media_ms * ratio_milli / 1000), ratio_milli, longest_unseen_ms: longest,
      by_reason: Object.fromEntries(incidents.filter((each) => each.class === "coverage").map((each) =>
        [{ camera_obstructed: "obstructed", scene_unusable: "dark", video_frozen: "frozen" }[each.type] ?? "gap", each.duration_ms])) },
    not_evaluated: [{ type: "gaze_off_screen", reason: "uncalibrated", duration_ms: 8000 }],
    identity: { state: pendingIdentity ? "pending_review" : one.index % 3 ? "verified" : "not_required", template: "tpl-9c1", checks: 360, eligible: 341, matched: pendingIdentity ? 290 : 341, last_match_ms: media_ms - 10_000 },
    accommodations_honoured: one.index % 11 === 3 ? ["extra_time", "breaks"] : [], policy: POLICY, models: ["blazeface_back@1", "nanodet_g_int8@1"],
    inputs_sha256: "ab".repeat(32), watermark_ms: media_ms, human_review_required: true, decision: null, run: { computed_at: new Date().toISOString() } };
  if (one.score) one.revisions.push(one.score);
  one.summary = { id: one.id, session: one.session, tenant: one.tenant, exam: one.exam, name: one.name, state, started_at: one.started_at,
    updated_at: new Date().toISOString(), media_ms: isScored ? media_ms : 0, rev: one.score?.rev ?? null, status: one.score?.status ?? null,
    integrity: isScored ? number : null, band: isScored ? band : null, concern_milli: isScored ? concern : null, review_priority: isScored ? review_priority : null,
    evidence: isScored ? one.score.evidence : null, coverage_milli: isScored ? ratio_milli : null, queue: isScored ? queue : "none", queues: isScored ? queues : { evidence: false, coverage: false }, technical,
    open: incidents.filter((each) => each.state !== "closed").map(({ incident_id, type, class: cls, severity, start_ms }) => ({ incident_id, type, class: cls, severity, start_ms })),
    unreviewed: { evidence: unreviewed("evidence"), coverage: unreviewed("coverage"), identity: unreviewed("identity") },
    faces: !isScored ? null : technical.length ? null : 1, identity: one.score?.identity.state ?? null, headline: isScored && reason ? headline(reason, ratio_milli, band) : null, human_review_required: true,
    policy: "standard", accommodations: one.score?.accommodations_honoured ?? [] };
}

/** Samples once a second, thinned to `points`, with what the incidents tell. */
export function timeline(one, from_ms, to_ms, points) {
  const next = random(one.index + 11);
  const step_ms = Math.max(1000, Math.ceil((to_ms - from_ms) / points / 1000) * 1000);
  const during = (at, ...types) => one.incidents.some((each) => types.includes(each.type) && at >= each.start_ms && at < each.end_ms);
  const samples = [];
  for (let at_ms = from_ms; at_ms < to_ms; at_ms += step_ms) {
    const t = at_ms / 1000;
    const reason = during(at_ms, "camera_obstructed") ? "obstructed" : during(at_ms, "scene_unusable") ? "dark" : during(at_ms, "stream_lost", "video_gap") ? "gap" : null;
    const faces = reason || during(at_ms, "face_not_detected", "person_absent") ? 0 : during(at_ms, "multiple_persons") ? 2 : 1;
    const away = during(at_ms, "head_turned_away") ? 41 : 0, gaze = during(at_ms, "gaze_off_screen") ? 0.13 : 0;
    const wave = (period, size) => size * Math.sin(t / period) + (next() - 0.5) * size;
    const face = faces > 0;
    samples.push({ at_ms, seen: !reason, reason, faces: reason ? null : faces, persons: reason ? null : during(at_ms, "person_absent") ? 0 : Math.max(1, faces),
      yaw: face ? wave(31, 6) + away : null, pitch: face ? 6 + wave(17, 4) : null, gaze_yaw: face ? wave(5, 0.02) + gaze : null,
      gaze_pitch: face ? wave(7, 0.015) : null, luma: reason === "dark" ? 6 : 118 + wave(60, 9) });
  }
  const unseen = one.incidents.filter((each) => ["camera_obstructed", "scene_unusable", "stream_lost", "video_gap"].includes(each.type))
    .map((each) => ({ start_ms: each.start_ms, end_ms: each.end_ms, reason: { camera_obstructed: "obstructed", scene_unusable: "dark" }[each.type] ?? "gap" }));
  const breaks = one.index % 11 === 3 ? [{ start_ms: 11 * MINUTE, end_ms: 14 * MINUTE }] : [];
  return { step_ms, from_ms, to_ms, samples, unseen, breaks };
}
