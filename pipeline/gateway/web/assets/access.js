// The token of this tab, and requests with it.
//
// Responsible for: moving a token from the address bar into this tab's storage, requests and their errors.
// Not for: whether it is valid, or what its holder may do: the gateway decides; `may` only hides buttons.

const KEY = "invigilator.token";
/** What changes something is waited for so long, and no longer. */
const POST_MS = 30_000;

/** Takes `#token=…` out of the address, so that it is not copied, kept in the history or sent on. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return;
  setToken(given);
  history.replaceState(history.state, "", location.pathname + location.search);
}

export const token = () => sessionStorage.getItem(KEY);
export function setToken(value) {
  if (value) sessionStorage.setItem(KEY, value.trim());
  else sessionStorage.removeItem(KEY);
}

/** Whether the token names one of these roles. */
export function may(...roles) {
  try {
    const payload = token().split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(payload)).roles.some((role) => roles.includes(role));
  } catch {
    return false;
  }
}

/** What the gateway answered instead (RFC 9457), or that it did not: `status` 0. */
export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail ?? title);
    Object.assign(this, { status, title });
  }
}

export const authorized = () => ({ Authorization: `Bearer ${token()}` });

async function request(path, options) {
  const answer = await fetch(path, { ...options, cache: "no-store" }).catch(() => {
    throw new Problem(0, "The gateway cannot be reached");
  });
  if (answer.ok) return answer;
  const { title = answer.statusText, detail } = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, title, detail);
}

export const get = async (path, signal) => (await request(path, { headers: authorized(), signal })).json();

export const getBlob = async (path, signal) => (await request(path, { headers: authorized(), signal })).blob();

export async function post(path, value) {
  const headers = { ...authorized(), "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(POST_MS);
  return (await request(path, { method: "POST", headers, body: JSON.stringify(value), signal })).json();
}
