// The dashboard: which view is shown, and one stream of events for all of them.
//
// Responsible for: the token, the address, the connection. Not for: what views show.

import { get, setToken, takeToken, token } from "./access.js";
import { h, setText } from "./dom.js";
import { follow } from "./events.js";
import { listen, showHelp } from "./keys.js";
import { SessionPage } from "./session.js";
import { Sessions, TABS } from "./sessions.js";
import * as provider from "./sign-in.js";
import { Wall } from "./wall.js";

const main = document.getElementById("main");
const said = document.getElementById("said");
const sessions = new Sessions();
const say = (text) => {
  said.textContent = text;
};
let wall = null,
  page = null,
  stop = () => {},
  loading = new AbortController(),
  scroll = 0;

// ---- Views

function route() {
  document.getElementById("sign-out").hidden = !token();
  if (!token()) return signIn();
  const id = location.pathname.match(/^\/session\/([^/]+)$/)?.[1];
  if (!wall) {
    wall = new Wall({ sessions, onOpen: open, onExam: connect, say });
    connect();
  }
  page?.stop();
  page = null;
  if (id) {
    page = new SessionPage({ id: decodeURIComponent(id), say });
    main.replaceChildren(page.element);
    scrollTo(0, 0);
    page.title.focus({ preventScroll: true });
    return;
  }
  document.title = "Sessions – Invigilator";
  main.replaceChildren(wall.element);
  scrollTo(0, scroll);
  wall.order();
  requestAnimationFrame(() => wall.list.focus());
}

function open(id) {
  go(`/session/${id}`);
}
function go(path) {
  if (!page) scroll = scrollY;
  history.pushState({ isOurs: true }, "", path);
  route();
}
/** Back to the wall as it was, with its filters. */
function back() {
  if (history.state?.isOurs) history.back();
  else go("/");
}

async function signIn(message = "") {
  main.replaceChildren();
  const signsIn = await provider.isThere();
  if (token()) return; // It came by the address meanwhile.
  const field = h("textarea", { id: "token", rows: 4, required: true, spellcheck: "false", autocomplete: "off" });
  const form = h(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        setToken(field.value);
        route();
      },
    },
    h("label", { for: "token" }, "Access token"),
    field,
    h("p", { class: "actions" }, h("button", { type: "submit", class: !signsIn && "primary" }, "Open")),
  );
  const leave = () => provider.leave().catch((problem) => signIn(`You cannot be signed in: ${problem.message}`));
  const button = h("button", { type: "button", class: "primary", onclick: leave }, "Sign in");
  const paste = "Follow the link that you were given, or paste an access token. It stays in this tab.";
  const ways = signsIn
    ? [h("p", { class: "actions" }, button), h("details", {}, h("summary", {}, "With an access token"), form)]
    : [h("p", {}, paste), form];
  const alert = h("p", { class: "error", role: "alert" }, message);
  document.title = "Open the dashboard – Invigilator";
  main.replaceChildren(h("section", { class: "card sign-in" }, h("h1", {}, "Open the dashboard"), alert, ...ways));
  (signsIn ? button : field).focus();
}

function signOut(message) {
  stop();
  wall?.stop();
  page?.stop();
  [wall, page] = [null, null];
  sessions.clear();
  setToken(null);
  provider.forget();
  document.getElementById("sign-out").hidden = true;
  signIn(message);
}

// ---- The connection

/** Follows the exam that the wall asks for, from the beginning. */
function connect() {
  stop();
  sessions.clear();
  const { exam } = wall;
  stop = follow(`/v1/events${exam ? `?${new URLSearchParams({ exam })}` : ""}`, { onEvent, onState, onReset });
  wall.loadExams().catch(() => {}); // The choice stays empty; the list still works.
}

function onEvent(type, data) {
  if (type === "session") wall.changed(data, sessions.apply(data));
  const name = type === "session" ? data.id : data.session.replaceAll("/", ":");
  if (page && location.pathname === `/session/${name}`) page.changed(type, data);
}

async function onReset() {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  page?.load();
  try {
    await sessions.load(wall.exam, () => wall.order(), signal);
    wall.order();
  } catch (problem) {
    if (signal.aborted) return;
    if (problem.status === 401) return signOut("The token is not accepted any more.");
    say(`Sessions could not be fetched: ${problem.message}`);
    setTimeout(() => {
      if (!signal.aborted) onReset();
    }, 3000);
  }
}

const CONNECTIONS = { live: "Live", waiting: "Connection lost, trying again" };
function onState(state) {
  if (state === "refused") return signOut("The token is not accepted, or its role may not see sessions.");
  const element = document.getElementById("connection");
  if (element.dataset.state === state) return;
  const isBack = element.dataset.state === "waiting";
  element.dataset.state = state;
  setText(element.querySelector("span"), CONNECTIONS[state]);
  if (state === "waiting" || isBack) say(CONNECTIONS[state]);
}

// ---- Keys, theme, links

function keysNow() {
  const everywhere = { "?": showHelp };
  if (page) {
    const step = (by) => {
      const id = wall.list.neighbour(location.pathname.split("/").at(-1), by);
      if (id) {
        history.replaceState(history.state, "", `/session/${id}`);
        wall.list.select(id);
        route();
      }
    };
    return {
      ...everywhere,
      j: () => page.incidents.move(1),
      k: () => page.incidents.move(-1),
      Enter: () => page.incidents.toggle(),
      z: () => page.timeline.zoomToSelected(),
      c: () => page.decide("confirm"),
      d: () => page.decide("dismiss"),
      r: () => page.decide("reopen"),
      n: () => step(1),
      p: () => step(-1),
      Escape: back,
    };
  }
  if (!wall) return everywhere;
  const tabs = Object.keys(TABS).map((tab, i) => [String(i + 1), () => wall.choose({ tab })]);
  return {
    ...everywhere,
    j: () => wall.list.move(1),
    k: () => wall.list.move(-1),
    u: () => wall.order(),
    "/": () => wall.search.focus(),
    ...Object.fromEntries(tabs),
  };
}

const THEMES = ["system", "light", "dark"];
function theme(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  localStorage.setItem("invigilator.theme", name);
  setText(document.getElementById("theme"), `Theme: ${name}`);
}
const themeNow = () => localStorage.getItem("invigilator.theme") ?? "system";

takeToken();
theme(themeNow());
document.getElementById("sign-out").addEventListener("click", () => signOut("You are signed out, in this tab."));
document
  .getElementById("theme")
  .addEventListener("click", () => theme(THEMES[(THEMES.indexOf(themeNow()) + 1) % THEMES.length]));
document.getElementById("help").addEventListener("click", showHelp);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-route]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  if (link.getAttribute("href") === "/" && page) back();
  else go(link.getAttribute("href"));
});
addEventListener("popstate", route);
addEventListener("hashchange", () => {
  takeToken();
  route();
});
listen(keysNow);
provider.arrive().then(route, (problem) => signIn(`You are not signed in: ${problem.message}`));
