// Lines over media time. Responsible for: values as paths, and what the lines say as a sentence and as a table.

import { h, s } from "./dom.js";
import { clock, percent } from "./words.js";

const WIDTH = 1000;
const HEIGHT = 100;

/** `lines`: by name, the field of a sample. `digits`: `null` for counts, which are drawn as steps. */
export const PLOTS = [
  {
    name: "People",
    unit: "in the picture",
    least: 0,
    most: 3,
    digits: null,
    lines: { faces: "faces", persons: "persons" },
  },
  {
    name: "Head",
    unit: "degrees",
    least: -60,
    most: 60,
    digits: 0,
    lines: { sideways: "yaw", "up and down": "pitch" },
  },
  {
    name: "Eyes",
    unit: "eye widths",
    least: -0.25,
    most: 0.25,
    digits: 2,
    lines: { sideways: "gaze_yaw", "up and down": "gaze_pitch" },
  },
];

/** What was measured of a field. A step of which a part was not seen may still have a value. */
const measured = (samples, field) => samples.map((each) => each[field]).filter((value) => (value ?? null) !== null);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const figure = (value, digits) =>
  value
    .toFixed(digits)
    .replace(/^-(?=.*[1-9])/, "−")
    .replace("-", "");
const share = (part, whole) => percent(Math.round((1000 * part.length) / whole.length));

/** One plot as a picture with a sentence. */
export function plot({ name, unit, least, most, digits, lines }, timeline) {
  const { samples, from_ms, to_ms } = timeline;
  const isStep = digits === null;
  const scale = {
    x: (ms) => (((ms - from_ms) / (to_ms - from_ms)) * WIDTH).toFixed(1),
    y: (value) => (HEIGHT - ((Math.min(Math.max(value, least), most) - least) / (most - least)) * HEIGHT).toFixed(1),
  };
  const told = Object.entries(lines).map(([line, field]) => `${line} ${sentence(measured(samples, field), digits)}`);
  const paths = Object.values(lines).map((field, i) =>
    s("path", { class: `line${i}`, d: path(timeline, field, scale, isStep) }),
  );
  return s(
    "svg",
    {
      class: "plot",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `${name}, ${unit}: ${told.join("; ")}`,
    },
    s("path", { class: "base", d: `M0 ${scale.y(isStep ? 1 : 0)}H${WIDTH}` }),
    paths.reverse(),
  );
}

/** Not drawn across what was not measured. */
function path({ samples, step_ms }, field, { x, y }, isStep) {
  let drawn = "";
  let before = null;
  for (const { at_ms, [field]: value } of samples) {
    if ((value ?? null) === null) continue;
    const joins = before !== null && at_ms - before <= 1.5 * step_ms;
    if (!joins) drawn += `M${x(at_ms)} ${y(value)}h1`;
    else drawn += isStep ? `H${x(at_ms)}V${y(value)}` : `L${x(at_ms)} ${y(value)}`;
    before = at_ms;
  }
  return drawn;
}

function sentence(values, digits) {
  if (!values.length) return "not measured";
  if (digits === null) {
    const of = (test) => share(values.filter(test), values);
    const [none, one, more] = [of((each) => each === 0), of((each) => each === 1), of((each) => each > 1)];
    return `none in ${none} of the samples, one in ${one}, more in ${more}`;
  }
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => figure(value, digits));
  return `from ${least} to ${most}, mostly about ${figure(median(values), digits)}`;
}

/** The same as a table, a row for each of at most 60 stretches. */
export function asTable({ samples, from_ms, to_ms, step_ms }) {
  const columns = PLOTS.flatMap(({ name, lines, digits }) =>
    Object.entries(lines).map(([line, field]) => ({ head: `${name}: ${line}`, field, digits })),
  );
  const stretch = Math.max(step_ms, Math.ceil((to_ms - from_ms) / 60 / 1000) * 1000);
  const rows = [];
  for (let start = from_ms; start < to_ms; start += stretch) {
    const inside = samples.filter((each) => each.at_ms >= start && each.at_ms < start + stretch);
    if (!inside.length) continue;
    const seen = inside.filter((each) => each.seen);
    const cells = columns.map(({ field, digits }) => h("td", {}, cell(measured(inside, field), digits)));
    rows.push(h("tr", {}, h("th", { scope: "row" }, clock(start)), h("td", {}, share(seen, inside)), cells));
  }
  const heads = ["From", "Seen", ...columns.map(({ head }) => head)].map((head) => h("th", { scope: "col" }, head));
  return h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows));
}

function cell(values, digits) {
  if (!values.length) return "–";
  if (digits !== null) return figure(median(values), digits);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? String(most) : `${least} to ${most}`;
}
