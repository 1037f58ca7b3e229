// Lines over media time. Responsible for: values as paths, and what the lines say as a sentence and as a table.

import { h, s } from "./dom.js";
import { clock, percent } from "./words.js";

const WIDTH = 1000,
  HEIGHT = 100;

/** What is drawn: [name, unit, least, most, lines]; a line: [name, the value of a sample]. */
export const PLOTS = [
  {
    name: "People",
    unit: "in the picture",
    least: 0,
    most: 3,
    isStep: true,
    lines: [
      ["faces", (each) => each.faces],
      ["persons", (each) => each.persons],
    ],
  },
  {
    name: "Head",
    unit: "degrees",
    least: -60,
    most: 60,
    lines: [
      ["sideways", (each) => each.yaw],
      ["up and down", (each) => each.pitch],
    ],
  },
  {
    name: "Eyes",
    unit: "eye widths",
    least: -0.25,
    most: 0.25,
    lines: [
      ["sideways", (each) => each.gaze_yaw],
      ["up and down", (each) => each.gaze_pitch],
    ],
  },
];

/** One plot as a picture with a sentence. */
export function plot({ name, unit, least, most, isStep, lines }, { samples, from_ms, to_ms, step_ms }) {
  const x = (ms) => ((ms - from_ms) / (to_ms - from_ms)) * WIDTH;
  const y = (value) => HEIGHT - ((Math.min(Math.max(value, least), most) - least) / (most - least)) * HEIGHT;
  const path = (of) => {
    let d = "",
      before = null;
    for (const sample of samples) {
      const value = sample.seen ? of(sample) : null;
      if (value === null || value === undefined) {
        before = null;
        continue;
      }
      const [px, py] = [x(sample.at_ms).toFixed(1), y(value).toFixed(1)];
      const joins = before !== null && sample.at_ms - before <= 2.5 * step_ms;
      d += joins ? (isStep ? `H${px}V${py}` : `L${px} ${py}`) : `M${px} ${py}h1`;
      before = sample.at_ms;
    }
    return d;
  };
  const middle = y(isStep ? 1 : 0);
  const label = `${name}, ${unit}: ${lines.map(([line, of]) => `${line} ${spread(samples, of, isStep)}`).join("; ")}`;
  return s(
    "svg",
    { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    s("path", { class: "base", d: `M0 ${middle}H${WIDTH}` }),
    lines.map(([, of], i) => s("path", { class: `line${i}`, d: path(of) })).reverse(),
  );
}

function spread(samples, of, isStep) {
  const values = samples
    .filter((each) => each.seen)
    .map(of)
    .filter((value) => value !== null && value !== undefined);
  if (!values.length) return "not measured";
  if (!isStep)
    return `from ${figure(Math.min(...values))} to ${figure(Math.max(...values))}, mostly about ${figure(median(values))}`;
  const share = (test) => percent(Math.round((1000 * values.filter(test).length) / values.length));
  return `none in ${share((each) => each === 0)} of the samples, one in ${share((each) => each === 1)}, more in ${share((each) => each > 1)}`;
}
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const figure = (value) => (Math.abs(value) < 1 ? value.toFixed(2) : value.toFixed(0)).replace("-", "−");

/** The same as a table, a row for each of at most 60 stretches. */
export function asTable({ samples, from_ms, to_ms, step_ms }) {
  const stretch = Math.max(step_ms, Math.ceil((to_ms - from_ms) / 60 / 1000) * 1000);
  const rows = [];
  for (let start = from_ms; start < to_ms; start += stretch) {
    const inside = samples.filter((each) => each.at_ms >= start && each.at_ms < start + stretch);
    if (!inside.length) continue;
    const cell = (of, isStep) => {
      const values = inside
        .filter((each) => each.seen)
        .map(of)
        .filter((value) => value !== null && value !== undefined);
      if (!values.length) return "–";
      const [least, most] = [Math.min(...values), Math.max(...values)];
      return isStep ? (least === most ? String(most) : `${least} to ${most}`) : figure(median(values));
    };
    rows.push(
      h(
        "tr",
        {},
        h("th", { scope: "row" }, clock(start)),
        h("td", {}, percent(Math.round((1000 * inside.filter((each) => each.seen).length) / inside.length))),
        PLOTS.flatMap(({ lines, isStep }) => lines.map(([, of]) => h("td", {}, cell(of, isStep)))),
      ),
    );
  }
  const heads = ["From", "Seen", ...PLOTS.flatMap(({ name, lines }) => lines.map(([line]) => `${name}: ${line}`))];
  return h(
    "table",
    {},
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        heads.map((head) => h("th", { scope: "col" }, head)),
      ),
    ),
    h("tbody", {}, rows),
  );
}
