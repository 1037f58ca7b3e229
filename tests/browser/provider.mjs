// An identity provider for sign-in.mjs: `oidc-provider`, whose own pages ask for a name and take any password.
//
// Says its issuer on stdout, and reads the dashboard's origin from stdin. Whoever is called "stranger" has no role.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline/promises";
import { pathToFileURL } from "node:url";

const require = createRequire(new URL("../../.cache/browser/", import.meta.url));
const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));

/** The dashboard asks for another token half a minute before one ends: after two seconds, then. */
const TOKEN_S = 32;

let serve;
const ready = new Promise((resolve) => (serve = resolve));
const server = createServer(async (request, response) => (await ready)(request, response));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
console.log(issuer);
const origin = await createInterface(process.stdin).question("");

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "dashboard",
      application_type: "native", // Which alone may be on a machine of one's own without TLS.
      token_endpoint_auth_method: "none",
      redirect_uris: [`${origin}/`],
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  clientBasedCORS: () => true,
  cookies: { keys: ["a secret of tests"] },
  extraTokenClaims: (_, { accountId }) => (accountId === "stranger" ? {} : { tenant: "t1", roles: ["reviewer"] }),
  features: {
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: "openid",
        audience: "invigilator",
        accessTokenFormat: "jwt",
        accessTokenTTL: TOKEN_S,
      }),
      useGrantedResource: () => true,
    },
  },
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
});
serve(provider.callback());
