// The timeline of a made-up session. Responsible for: samples that show what the incidents tell.

import { random } from "./random.mjs";

const MINUTE = 60_000;

/** Samples once a second, thinned to `points`, with what the incidents tell. */
export function timeline(one, from_ms, to_ms, points) {
  const next = random(one.index + 11);
  const step_ms = Math.max(1000, Math.ceil((to_ms - from_ms) / points / 1000) * 1000);
  const during = (at, ...types) =>
    one.incidents.some((each) => types.includes(each.type) && at >= each.start_ms && at < each.end_ms);
  const samples = [];
  for (let at_ms = from_ms; at_ms < to_ms; at_ms += step_ms) {
    const t = at_ms / 1000;
    const reason = during(at_ms, "camera_obstructed")
      ? "obstructed"
      : during(at_ms, "scene_unusable")
        ? "dark"
        : during(at_ms, "stream_lost", "video_gap")
          ? "gap"
          : null;
    const faces =
      reason || during(at_ms, "face_not_detected", "person_absent") ? 0 : during(at_ms, "multiple_persons") ? 2 : 1;
    const away = during(at_ms, "head_turned_away") ? 41 : 0,
      gaze = during(at_ms, "gaze_off_screen") ? 0.13 : 0;
    const wave = (period, size) => size * Math.sin(t / period) + (next() - 0.5) * size;
    const face = faces > 0;
    samples.push({
      at_ms,
      seen: !reason,
      reason,
      faces: reason ? null : faces,
      persons: reason ? null : during(at_ms, "person_absent") ? 0 : Math.max(1, faces),
      yaw: face ? wave(31, 6) + away : null,
      pitch: face ? 6 + wave(17, 4) : null,
      gaze_yaw: face ? wave(5, 0.02) + gaze : null,
      gaze_pitch: face ? wave(7, 0.015) : null,
      luma: reason === "dark" ? 6 : 118 + wave(60, 9),
    });
  }
  const unseen = one.incidents
    .filter((each) => ["camera_obstructed", "scene_unusable", "stream_lost", "video_gap"].includes(each.type))
    .map((each) => ({
      start_ms: each.start_ms,
      end_ms: each.end_ms,
      reason: { camera_obstructed: "obstructed", scene_unusable: "dark" }[each.type] ?? "gap",
    }));
  const breaks = one.index % 11 === 3 ? [{ start_ms: 11 * MINUTE, end_ms: 14 * MINUTE }] : [];
  return { step_ms, from_ms, to_ms, samples, unseen, breaks };
}
