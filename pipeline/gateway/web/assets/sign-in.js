// Signing in at an identity provider: OpenID Connect, authorization code with PKCE (RFC 7636), as a public client.
//
// Responsible for: the way there and back, and another token before the one of this tab ends. Not for: what a
// token is worth: the gateway decides.

import { setToken } from "./access.js";

/** What this tab has to remember while its user is away: nothing that is worth anything without the code. */
const KEY = "invigilator.sign-in";
/** Another token is fetched so long before one ends. */
const EARLY_S = 30;

let renewal,
  signedOut = new AbortController();
const asked = fetch("/v1/sign-in", { cache: "no-store" })
  .then((answer) => (answer.ok ? answer.json() : {}))
  .then(({ provider }) => provider ?? null);

/** Whether somebody signs people in here. */
export const isThere = () => asked.then(Boolean, () => false);

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const redirect = () => `${location.origin}/`;

/** The provider, with what it says of itself. */
async function known() {
  const provider = await asked;
  const address = `${provider.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) throw new Error("the identity provider cannot be reached");
  const says = await answer.json();
  if (says.issuer !== provider.issuer) throw new Error("the identity provider calls itself something else");
  return { ...provider, ...says };
}

/** Leaves for the provider, which sends the user back to this tab. */
export async function leave() {
  if (!crypto.subtle) throw new Error("that needs a page that came over HTTPS");
  const { authorization_endpoint, client_id, scope, resource } = await known();
  const [state, verifier] = [random(), random()];
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(KEY, JSON.stringify({ state, verifier, path: location.pathname }));
  const there = new URL(authorization_endpoint);
  const asks = {
    response_type: "code",
    client_id,
    redirect_uri: redirect(),
    scope,
    state,
    code_challenge: base64url(challenge),
    code_challenge_method: "S256",
    ...(resource && { resource }),
  };
  for (const [name, value] of Object.entries(asks)) there.searchParams.set(name, value);
  location.assign(there);
}

/** If the provider has sent the user back: takes its code out of the address, and gets a token for it. */
export async function arrive() {
  const given = new URLSearchParams(location.search);
  if (!given.has("state") || !(given.has("code") || given.has("error"))) return;
  const left = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
  sessionStorage.removeItem(KEY);
  history.replaceState(null, "", left.path ?? "/");
  if (left.state !== given.get("state")) throw new Error("this tab did not ask for it");
  if (given.has("error")) throw new Error(given.get("error_description") ?? given.get("error"));
  const provider = await known();
  if ((given.get("iss") ?? provider.issuer) !== provider.issuer) throw new Error("somebody else answers");
  const code = { code: given.get("code"), redirect_uri: redirect(), code_verifier: left.verifier };
  await fetchToken(provider, { grant_type: "authorization_code", ...code });
}

async function fetchToken(provider, grant) {
  const { token_endpoint, client_id, resource } = provider;
  const body = new URLSearchParams({ ...grant, client_id, ...(resource && { resource }) });
  const { signal } = signedOut;
  const answer = await fetch(token_endpoint, { method: "POST", body, cache: "no-store", signal }).catch(() => null);
  const { access_token, expires_in, refresh_token, error } = (await answer?.json().catch(() => null)) ?? {};
  if (!access_token) throw new Error(`the identity provider gives no token${error ? ` (${error})` : ""}`);
  setToken(access_token);
  // It is kept in memory alone. If it is of no use any more, the token ends, and the user signs in again.
  if (!refresh_token || !expires_in) return;
  const renew = () => fetchToken(provider, { grant_type: "refresh_token", refresh_token }).catch(() => {});
  renewal = setTimeout(renew, Math.max(expires_in - EARLY_S, 1) * 1000);
}

/** Gets no other token. */
export function forget() {
  clearTimeout(renewal);
  signedOut.abort();
  signedOut = new AbortController();
}
