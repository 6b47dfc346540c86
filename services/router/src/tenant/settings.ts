// Settings that say who may call. Spread into the router's config.ts.
import { setting } from "@chimera/lifecycle";
import { z } from "zod";
import { parseApiKeys } from "./api-keys.ts";

/** Signatures that a public key can check. HS… and none are no part of it: a public key would then sign as well. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

/** Keys that sign must come unchanged: encrypted, or from this machine. */
const keysUrl = z
  .url({ protocol: /^https?$/, error: "expected an address like https://issuer.example/.well-known/jwks.json" })
  .refine((text) => /^https:|^http:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\])[:/]/.test(text), {
    error: "expected https, or http on this machine",
  });

export const tenantFields = {
  apiKeys: setting(
    "ROUTER_API_KEYS",
    "Who may call: tenant=sha256-of-the-key in hex, separated by commas. Without keys and tokens every caller may name a tenant",
    z.string().default("").transform(keyList),
    { secret: true },
  ),
  apiKeysFile: setting(
    "ROUTER_API_KEYS_FILE",
    "File with more of them, one a line; read again when it changes",
    z.string().optional(),
  ),
  jwtJwksUrl: setting(
    "ROUTER_JWT_JWKS_URL",
    "Where the issuer of tokens (JWT) publishes its keys; callers may then send a token instead of an API key",
    keysUrl.optional(),
  ),
  jwtJwksFile: setting(
    "ROUTER_JWT_JWKS_FILE",
    "The issuer's keys in a file instead; read again when it changes",
    z.string().optional(),
  ),
  jwtIssuer: setting(
    "ROUTER_JWT_ISSUER",
    "What `iss` of a token must be; needed with keys of tokens",
    z.string().optional(),
  ),
  jwtAudience: setting(
    "ROUTER_JWT_AUDIENCE",
    "What `aud` of a token must name; needed with keys of tokens",
    z.string().optional(),
  ),
  jwtAlgorithms: setting(
    "ROUTER_JWT_ALGORITHMS",
    `Signatures that are accepted, separated by commas, of ${ALGORITHMS.join(", ")}`,
    z
      .string()
      .default("RS256,ES256,EdDSA")
      .transform((text) => text.split(",").map((part) => part.trim()))
      .pipe(z.array(z.enum(ALGORITHMS)).min(1)),
  ),
  jwtTenantClaim: setting(
    "ROUTER_JWT_TENANT_CLAIM",
    "Claim of a token that names the tenant",
    z.string().min(1).max(256).default("tenant"),
  ),
  allowAnonymous: setting(
    "ROUTER_ALLOW_ANONYMOUS",
    "Set to true to listen beyond this machine without keys or tokens",
    z.stringbool().default(false),
  ),
};

function keyList(text: string, context: z.RefinementCtx): ReturnType<typeof parseApiKeys> {
  try {
    return parseApiKeys(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
}
