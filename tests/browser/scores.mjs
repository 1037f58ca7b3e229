// Scores and summaries of made-up sessions, in the manner of the real ones. Responsible for: reviews having
// consequences that tests can see. Not for: being right in every case.

export const POLICY = { id: "standard", version: 3, sha256: "5f".repeat(32) };
const BASES = {
  multiple_persons: { low: 10, medium: 10, high: 20, rate: 0.2, cap: 50 },
  person_absent: { low: 2, medium: 6, high: 12, rate: 0.05, cap: 45 },
  phone_visible: { low: 10, medium: 10, high: 20, rate: 0.3, cap: 50 },
  gaze_off_screen: { low: 1, medium: 3, high: 3, rate: 0.05, cap: 8 },
  head_turned_away: { low: 1, medium: 3, high: 3, rate: 0.05, cap: 8 },
  repeated_glances: { low: 3, medium: 6, high: 6, rate: 0, cap: 6 },
};
const NAMES = {
  multiple_persons: "Two or more persons",
  person_absent: "Nobody at the desk",
  phone_visible: "Phone in the picture",
  gaze_off_screen: "Eyes away from the screen",
  head_turned_away: "Head turned away",
  repeated_glances: "Repeated looks to one side",
  identity_mismatch: "Face unlike the enrolled one",
  identity_switch: "Face changed during the session",
};
const seconds = (ms) => `${Math.round(ms / 1000)} s`;

function headline(incident, ratio_milli, band) {
  if (incident.class === "identity") return `${NAMES[incident.type]}: waits for a person to look`;
  if (band === "grey" || incident.class === "coverage")
    return `${ratio_milli / 10} % of the expected time was seen; ${incident.reason.text.replace(/ for .*/, "").toLowerCase()} for ${seconds(incident.duration_ms)}`;
  return `${NAMES[incident.type]} for ${seconds(incident.duration_ms)}`;
}

/** A contribution with its arithmetic. */
export function inWords({ type, union_ms, base_milli, rate_milli_per_s, raw_milli, applied_milli }) {
  const sum = base_milli + Math.floor((rate_milli_per_s * union_ms) / 1000);
  const limits =
    (raw_milli < sum ? `, limited to ${raw_milli / 1000}, the most this can cost` : "") +
    (applied_milli < raw_milli
      ? `, counted as ${applied_milli / 1000} because all points together are at most 100`
      : "");
  return `${NAMES[type]} for ${seconds(union_ms)}: base ${base_milli / 1000} + ${seconds(union_ms)} × ${rate_milli_per_s / 1000} = ${sum / 1000} points${limits}`;
}

/** Computes score and summary again, in the manner of the real ones. */
export function score(one) {
  const { incidents, media_ms, state } = one;
  const unseen = incidents.filter((each) => each.class === "coverage").reduce((sum, each) => sum + each.duration_ms, 0);
  const longest = Math.max(0, ...incidents.filter((each) => each.class === "coverage").map((each) => each.duration_ms));
  const ratio_milli = Math.floor((1000 * (media_ms - unseen)) / media_ms) - (unseen ? 0 : one.index % 9);
  const counted = incidents.filter(
    (each) =>
      each.review.state !== "dismissed" &&
      (each.class === "evidence" || (each.class === "identity" && each.review.state === "confirmed")),
  );
  let concern = 0;
  const contributions = counted.map((each) => {
    const base = BASES[each.type] ?? { high: 60, rate: 0, cap: 60 };
    const base_milli = (base[each.severity] ?? 6) * 1000;
    const raw_milli = Math.min(base.cap * 1000, base_milli + Math.round(base.rate * each.duration_ms));
    const applied_milli = Math.min(raw_milli, 100_000 - concern);
    concern += applied_milli;
    return {
      type: each.type,
      severity: each.severity,
      incidents: [each.incident_id],
      union_ms: each.duration_ms,
      base_milli,
      rate_milli_per_s: base.rate * 1000,
      raw_milli,
      applied_milli,
    };
  });
  const integrity = Math.floor((100_000 - concern) / 1000);
  const sufficient = ratio_milli >= 800;
  const number = integrity >= 85 && !sufficient ? null : integrity;
  const band = number === null ? "grey" : number >= 85 ? "green" : number >= 60 ? "amber" : "red";
  const pendingIdentity = incidents.some(
    (each) => each.class === "identity" && ["unreviewed", "reopened"].includes(each.review.state),
  );
  const unreviewed = (cls) =>
    incidents.filter((each) => each.class === cls && ["unreviewed", "reopened"].includes(each.review.state)).length;
  const isCoverageQueue = !sufficient || longest > 120_000 || unseen > media_ms * 0.05;
  const review_priority =
    pendingIdentity || (band === "red" && unreviewed("evidence"))
      ? "high"
      : (band === "amber" && unreviewed("evidence")) || isCoverageQueue
        ? "medium"
        : unreviewed("evidence")
          ? "low"
          : "none";
  const queues = { evidence: unreviewed("evidence") + unreviewed("identity") > 0, coverage: isCoverageQueue };
  const queue = queues.evidence ? "evidence" : queues.coverage ? "coverage" : "none";
  const technical = [
    ...new Set(
      incidents.filter((each) => each.attribution === "it" && each.state !== "closed").map((each) => each.type),
    ),
  ];
  const heaviest = contributions.toSorted((a, b) => b.applied_milli - a.applied_milli)[0];
  const reason =
    incidents.find((each) => each.incident_id === heaviest?.incidents[0]) ??
    incidents.find((each) => each.class === "identity") ??
    incidents[0];
  const isScored = state !== "waiting";
  const rev = one.revisions.length;
  one.score = !isScored
    ? null
    : {
        session: one.session,
        rev,
        supersedes: rev ? rev - 1 : null,
        status: state === "ended" || rev ? "final" : "provisional",
        evidence: sufficient ? "sufficient" : "insufficient",
        integrity: number,
        band,
        review_priority,
        concern_milli: concern,
        contributions,
        coverage: {
          expected_ms: media_ms,
          observed_ms: Math.round((media_ms * ratio_milli) / 1000),
          ratio_milli,
          longest_unseen_ms: longest,
          by_reason: Object.fromEntries(
            incidents
              .filter((each) => each.class === "coverage")
              .map((each) => [
                { camera_obstructed: "obstructed", scene_unusable: "dark", video_frozen: "frozen" }[each.type] ?? "gap",
                each.duration_ms,
              ]),
          ),
        },
        not_evaluated: [{ type: "gaze_off_screen", reason: "uncalibrated", duration_ms: 8000 }],
        identity: {
          state: pendingIdentity ? "pending_review" : one.index % 3 ? "verified" : "not_required",
          template: "tpl-9c1",
          checks: 360,
          eligible: 341,
          matched: pendingIdentity ? 290 : 341,
          last_match_ms: media_ms - 10_000,
        },
        accommodations_honoured: one.index % 11 === 3 ? ["extra_time", "breaks"] : [],
        policy: POLICY,
        models: ["blazeface_back@1", "nanodet_g_int8@1"],
        inputs_sha256: "ab".repeat(32),
        watermark_ms: media_ms,
        human_review_required: true,
        decision: null,
        run: { computed_at: new Date().toISOString() },
      };
  if (one.score) one.revisions.push(one.score);
  one.summary = {
    id: one.id,
    session: one.session,
    tenant: one.tenant,
    exam: one.exam,
    name: one.name,
    state,
    started_at: one.started_at,
    updated_at: new Date().toISOString(),
    media_ms: isScored ? media_ms : 0,
    rev: one.score?.rev ?? null,
    status: one.score?.status ?? null,
    integrity: isScored ? number : null,
    band: isScored ? band : null,
    concern_milli: isScored ? concern : null,
    review_priority: isScored ? review_priority : null,
    evidence: isScored ? one.score.evidence : null,
    coverage_milli: isScored ? ratio_milli : null,
    queue: isScored ? queue : "none",
    queues: isScored ? queues : { evidence: false, coverage: false },
    technical,
    open: incidents
      .filter((each) => each.state !== "closed")
      .map(({ incident_id, type, class: cls, severity, start_ms }) => ({
        incident_id,
        type,
        class: cls,
        severity,
        start_ms,
      })),
    unreviewed: {
      evidence: unreviewed("evidence"),
      coverage: unreviewed("coverage"),
      identity: unreviewed("identity"),
    },
    faces: !isScored ? null : technical.length ? null : 1,
    identity: one.score?.identity.state ?? null,
    headline: isScored && reason ? headline(reason, ratio_milli, band) : null,
    human_review_required: true,
    policy: "standard",
    accommodations: one.score?.accommodations_honoured ?? [],
  };
}
