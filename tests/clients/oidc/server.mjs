// A real OpenID provider for the tests, on the port that is named, or a free one. Prints its address; POST /control changes who is signed in, or the keys.
import { createServer } from "node:http";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import Provider from "oidc-provider";

const redirectUri = process.argv[2];
let person = { accountId: "li", claims: {} };

function freshKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "RS256" };
}

function build(issuer) {
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "zhihao",
        client_secret: "a secret of the tests, long enough",
        redirect_uris: [redirectUri],
      },
    ],
    jwks: { keys: [freshKey()] },
    cookies: { keys: ["a key of the tests"] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...person.claims }) }),
  });
  provider.use(async (context, next) => {
    if (!context.path.startsWith("/interaction/")) return next();
    const details = await provider.interactionDetails(context.req, context.res);
    const grant = new provider.Grant({ accountId: person.accountId, clientId: details.params.client_id });
    grant.addOIDCScope(details.params.scope);
    const result = { login: { accountId: person.accountId }, consent: { grantId: await grant.save() } };
    context.respond = false;
    return provider.interactionFinished(context.req, context.res, result, { mergeWithLastSubmission: false });
  });
  return provider.callback();
}

let handle;
const server = createServer(async (request, response) => {
  if (request.url !== "/control") return handle(request, response);
  const parts = [];
  for await (const part of request) parts.push(part);
  const order = JSON.parse(Buffer.concat(parts).toString());
  if (order.person) person = order.person;
  if (order.rotate) handle = build(issuer());
  response.end("{}");
});
const issuer = () => `http://127.0.0.1:${server.address().port}`;
server.listen(Number(process.argv[3] ?? 0), "127.0.0.1", () => {
  handle = build(issuer());
  console.log(issuer());
});
