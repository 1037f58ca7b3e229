// Keys, and the page that explains them.
//
// Responsible for: single keys doing nothing while somebody types, and a way to turn them off. Not for: what
// they do.

import { h } from "./dom.js";

const OFF = "invigilator.keys-off";

const HELP = [
  [
    "Everywhere",
    [
      ["?", "This page"],
      ["Esc", "Back"],
    ],
  ],
  [
    "All sessions",
    [
      ["j k", "Next, previous session (also ↓ ↑)"],
      ["Enter", "Open it"],
      ["/", "Find by name"],
      ["1 – 4", "All, evidence, coverage, technical"],
      ["u", "Update the order"],
    ],
  ],
  [
    "One session",
    [
      ["j k", "Next, previous incident"],
      ["Enter", "Details of it"],
      ["c", "Confirm it"],
      ["d", "Dismiss it"],
      ["r", "Reopen it"],
      ["z", "Timeline around it"],
      ["n p", "Next, previous session"],
    ],
  ],
];

/** Calls `keys()[key](event)` for keys pressed outside of fields and dialogs. */
export function listen(keys) {
  addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (
      event.ctrlKey ||
      event.altKey ||
      event.metaKey ||
      event.defaultPrevented ||
      document.querySelector("dialog[open]")
    )
      return;
    const isField = target.matches("input, textarea, select");
    if (isField && key === "Escape") return target.blur();
    if (isField || (localStorage.getItem(OFF) && key.length === 1)) return;
    const action = keys()[key];
    if (!action || (key === "Enter" && !target.matches(".incident"))) return;
    event.preventDefault();
    action(event);
  });
}

export function showHelp() {
  const box = h("input", {
    type: "checkbox",
    checked: !localStorage.getItem(OFF),
    onchange: () => {
      if (box.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "1");
    },
  });
  const group = ([title, rows]) =>
    h(
      "section",
      {},
      h("h3", {}, title),
      h(
        "dl",
        { class: "key-list" },
        rows.flatMap(([keys, text]) => [
          h(
            "dt",
            {},
            keys.split(" ").map((key) => (key === "–" ? " – " : h("kbd", {}, key))),
          ),
          h("dd", {}, text),
        ]),
      ),
    );
  const dialog = h(
    "dialog",
    { class: "help", "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, "Keys"),
    HELP.map(group),
    h("label", { class: "check" }, box, "Single keys work"),
    h(
      "form",
      { method: "dialog" },
      h(
        "p",
        { class: "actions" },
        h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Close"),
      ),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
