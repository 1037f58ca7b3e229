// The contract's names in plain words, and figures as people write them.
//
// Responsible for the tone of the dashboard: it says what was seen and what was not, never what anybody
// meant by it. The same words as in the report of `invigilator report`.

/** Types of incidents, as the beginning of a sentence. */
export const TYPES = {
  multiple_persons: "Two or more persons",
  person_absent: "Nobody at the desk",
  phone_visible: "Phone in the picture",
  prohibited_object: "Listed object in the picture",
  gaze_off_screen: "Eyes away from the screen",
  head_turned_away: "Head turned away",
  repeated_glances: "Repeated looks to one side",
  identity_mismatch: "Face unlike the enrolled one",
  identity_switch: "Face changed during the session",
  replay_suspected: "Same moving picture twice",
  face_not_detected: "No usable face",
  face_partial: "Face cut by the picture’s edge",
  identity_unverifiable: "Identity could not be checked",
  camera_obstructed: "Camera covered",
  scene_unusable: "Too dark or blurred",
  video_frozen: "Picture frozen",
  video_gap: "Piece of video missing",
  stream_lost: "Video stopped arriving",
  media_undecodable: "Video could not be decoded",
  clock_discontinuity: "Clock jumped",
};

/** How an incident is drawn: what lies with network, machine or this system has a colour and shape of its own. */
export const classOf = ({ class: name, attribution }) =>
  name === "coverage" && ["it", "platform"].includes(attribution) ? "technical" : name;

export const CLASSES = { evidence: "Evidence", identity: "Identity", coverage: "Coverage", technical: "Technical" };
export const BANDS = { green: "Green", amber: "Amber", red: "Red", grey: "Grey" };
export const BAND_MEANINGS = {
  green: "little or nothing was noted.",
  amber: "some of what was noted deserves a look.",
  red: "a lot was noted; a person should look at this first.",
  grey: "too little was seen to give a number. This says nothing against the candidate.",
};
export const PRIORITIES = { high: "High", medium: "Medium", low: "Low", none: "None", null: "–" };
export const PRIORITY_MEANINGS = {
  high: "look first",
  medium: "look soon",
  low: "look when there is time",
  none: "nothing waits for a look",
};
export const STATES = { waiting: "Waiting", live: "Live", silent: "No video now", ended: "Ended" };
export const REVIEWS = {
  unreviewed: "Not reviewed",
  confirmed: "Confirmed",
  dismissed: "Dismissed",
  reopened: "Reopened",
};
export const IDENTITIES = {
  verified: "the enrolled person was seen",
  unverifiable: "could not be checked",
  pending_review: "waits for a person to look",
  not_required: "not asked for",
};
export const ACCOMMODATIONS = {
  breaks: "Breaks",
  extra_time: "Extra time",
  paper: "Paper on the desk",
  second_person: "A helper in the room",
  head_covering: "Head covering",
};
export const COUNTS = {
  evidence: "seen long enough and clearly enough",
  confirmed: "confirmed by a person",
  coverage: "what could not be seen never costs points",
  awaiting_review: "only a person can make this count",
  dismissed: "dismissed by a person",
  low_confidence: "below the policy’s confidence floor",
  accommodated: "allowed by an accommodation",
  uncalibrated: "found before the eyes were calibrated",
  frozen: "the picture stood still at the time",
  unexpected: "outside the time that was expected",
  superseded: "not found when the session was judged again",
};
export const NOT_EVALUATED = {
  uncalibrated: "how this person looks at the screen was not known yet",
  sparse_plan: "samples were planned too far apart for it",
};
export const UNSEEN = {
  dark: "Too dark",
  blur: "Too blurred",
  obstructed: "Camera covered",
  undecodable: "Could not be decoded",
  gap: "No picture for that time",
  shed: "Left out by this system under load",
  frozen: "Picture stood still",
  late: "Arrived too late",
  overtaken: "Deleted before it could be looked at",
};
export const ATTRIBUTIONS = { it: "network, browser or machine", platform: "this system" };
export const EVENTS = {
  started: "Session started",
  break_started: "Break started",
  break_ended: "Break ended",
  ended: "Session ended",
};

/** An instant of media time as `12:34` or `1:02:34`. */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** A length as `0.5 s`, `13 s`, `1 min 5 s`, `33 min` or `1 h 2 min`. */
export function length(ms) {
  if (ms < 59_950) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return seconds > 60 ? `1 min ${seconds - 60} s` : "1 min";
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

/** Thousandths as a decimal without needless zeros: 22600 is `22.6`. */
export const milli = (value) => String(value / 1000);
/** Thousandths as a percentage; the space does not break. */
export const percent = (milli) => `${(milli / 10).toFixed(1).replace(/\.0$/, "")}\u00a0%`;
export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** Time of the day of an RFC 3339 instant, in the reader's zone. */
export const time = (at) =>
  new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
