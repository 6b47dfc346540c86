// Puts together who may call: API keys, tokens, or, where only this machine can call, whoever names a tenant.
import { type Clock, InvalidRequestError, UnauthenticatedError } from "@chimera/kernel";
import { ConfigError, type Logger, type Reloading, reloading, type SettingValues } from "@chimera/lifecycle";
import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import { parseApiKeys, tenantsByKey } from "./api-keys.ts";
import { fingerprint } from "./fingerprint.ts";
import { fetchedKeys, type IssuerKeys } from "./issuer-keys.ts";
import type { tenantFields } from "./settings.ts";
import { type HeaderReader, TENANT, TENANT_HEADER, type TenantResolver } from "./tenant.ts";
import { Tokens } from "./tokens.ts";

const DEFAULT_TENANT = "default";

export type TenantConfig = SettingValues<typeof tenantFields>;

export interface Surroundings {
  /** What the router listens on. */
  host: string;
  clock: Clock;
  logger: Pick<Logger, "info" | "warn" | "error">;
  /** How often files are asked whether they have changed. */
  pollMs?: number;
}

export interface Tenants extends TenantResolver {
  close(): void;
}

/** Throws a ConfigError where a file can not be used, or the settings leave the door open. */
export function openTenants(config: TenantConfig, surroundings: Surroundings): Tenants {
  const keys = openApiKeys(config, surroundings);
  const tokens = openTokens(config, surroundings);
  const close = () => {
    keys?.close();
    tokens?.close();
  };
  if (!keys && !tokens) {
    refuseOpenDoor(config, surroundings.host);
    return { resolve: byHeader, close };
  }
  return {
    close,
    resolve(header) {
      const tenant = byCredential(header("authorization"), keys?.current, tokens?.tokens);
      return typeof tenant === "string" ? agreed(tenant, header) : tenant.then((found) => agreed(found, header));
    },
  };
}

type TenantsByKey = ReturnType<typeof tenantsByKey>;

function byCredential(
  authorization: string | null | undefined,
  keys: TenantsByKey | undefined,
  tokens: Tokens | undefined,
): string | Promise<string> {
  const credential = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  const wanted = [keys && "API key", tokens && "token"].filter(Boolean).join(" or ");
  if (!credential) throw new UnauthenticatedError(`send the ${wanted} as \`authorization: Bearer …\``);
  const name = fingerprint(credential);
  const tenant = keys?.get(name);
  if (tenant !== undefined) return tenant;
  if (tokens && (!keys || Tokens.isToken(credential))) return tokens.tenantOf(credential, name);
  throw new UnauthenticatedError("the API key is not known");
}

/** A caller that believes to be another tenant than its credential is wrong about something it should know. */
function agreed(tenant: string, header: HeaderReader): string {
  const claimed = header(TENANT_HEADER);
  if (!claimed || claimed === tenant) return tenant;
  throw new InvalidRequestError([
    {
      field: TENANT_HEADER,
      description: "is not the tenant of the credential that was sent; leave it out, or send that tenant's credential",
    },
  ]);
}

function byHeader(header: HeaderReader): string {
  const tenant = header(TENANT_HEADER) || DEFAULT_TENANT;
  if (TENANT.test(tenant)) return tenant;
  throw new InvalidRequestError([{ field: TENANT_HEADER, description: `must match ${TENANT.source}` }]);
}

function refuseOpenDoor({ allowAnonymous }: TenantConfig, host: string): void {
  if (allowAnonymous || /^(127\.|localhost$|::1$)/.test(host)) return;
  throw new ConfigError(
    `ROUTER_HOST = ${host} is reachable from other machines, and neither ROUTER_API_KEYS, ROUTER_API_KEYS_FILE nor ` +
      "ROUTER_JWT_JWKS_URL is set: anyone could use any tenant. Set one of them, or ROUTER_ALLOW_ANONYMOUS=true where " +
      "something in front checks who calls.",
  );
}

function openApiKeys(config: TenantConfig, surroundings: Surroundings): Reloading<TenantsByKey> | undefined {
  const { apiKeys, apiKeysFile } = config;
  if (!apiKeysFile) {
    if (apiKeys.length === 0) return undefined;
    const current = inConfig("ROUTER_API_KEYS", () => tenantsByKey(apiKeys));
    return { current, onChange: () => undefined, close: () => undefined };
  }
  return inConfig(`ROUTER_API_KEYS_FILE = ${apiKeysFile}`, () =>
    reloading({
      what: "the file of API keys",
      files: [apiKeysFile],
      parse: ([file = Buffer.alloc(0)]) => tenantsByKey([...apiKeys, ...parseApiKeys(file.toString("utf8"))]),
      ...surroundings,
    }),
  );
}

function openTokens(config: TenantConfig, surroundings: Surroundings): { tokens: Tokens; close(): void } | undefined {
  const { jwtJwksUrl, jwtJwksFile, jwtIssuer, jwtAudience } = config;
  if (!jwtJwksUrl && !jwtJwksFile) return undefined;
  if (jwtJwksUrl && jwtJwksFile) throw new ConfigError("set ROUTER_JWT_JWKS_URL or ROUTER_JWT_JWKS_FILE, not both");
  if (!jwtIssuer || !jwtAudience) {
    throw new ConfigError(
      "with the keys of an issuer, ROUTER_JWT_ISSUER and ROUTER_JWT_AUDIENCE must be set as well: otherwise a token that was " +
        "made for another service would open this one",
    );
  }
  const forget = () => tokens.forget();
  const keys = jwtJwksUrl
    ? fetchedKeys({ url: jwtJwksUrl, onChange: forget, ...surroundings })
    : fileKeys(jwtJwksFile ?? "", forget, surroundings);
  const tokens = new Tokens(
    { issuer: jwtIssuer, audience: jwtAudience, algorithms: config.jwtAlgorithms, tenantClaim: config.jwtTenantClaim },
    keys.get,
    surroundings.clock,
  );
  return { tokens, close: keys.close };
}

function fileKeys(file: string, onChange: () => void, surroundings: Surroundings): IssuerKeys {
  const keys = inConfig(`ROUTER_JWT_JWKS_FILE = ${file}`, () =>
    reloading({
      what: "the file of the issuer's keys",
      files: [file],
      parse: ([contents = Buffer.alloc(0)]) =>
        createLocalJWKSet(JSON.parse(contents.toString("utf8")) as JSONWebKeySet),
      ...surroundings,
    }),
  );
  keys.onChange(onChange);
  return { get: (header, token) => keys.current(header, token), close: keys.close };
}

function inConfig<T>(setting: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new ConfigError(`${setting} can not be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}
