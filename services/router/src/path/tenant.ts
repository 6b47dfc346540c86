// Who is calling. With keys configured the tenant comes from the credential alone; without them, which is only allowed on
// this machine, the caller may name it.
import { createHash, timingSafeEqual } from "node:crypto";
import { InvalidRequestError, UnauthenticatedError } from "@chimera/kernel";

export const TENANT_HEADER = "x-chimera-tenant";
const TENANT = /^[a-z0-9][a-z0-9._-]{0,62}$/i;
const DEFAULT_TENANT = "default";

export interface ApiKey {
  tenant: string;
  sha256: Buffer;
}

/** `tenant=sha256hex,…`. Throws with the part that is wrong, without quoting a hash. */
export function parseApiKeys(text: string): ApiKey[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean)
    .map((part, index) => {
      const [tenant = "", hash = ""] = part.split("=");
      if (!TENANT.test(tenant)) throw new Error(`entry ${index + 1}: the tenant must match ${TENANT.source}`);
      if (!/^[0-9a-f]{64}$/i.test(hash))
        throw new Error(`entry ${index + 1}: expected the key's SHA-256, 64 hex digits`);
      return { tenant, sha256: Buffer.from(hash, "hex") };
    });
}

export interface TenantResolver {
  /** `header` gives null or undefined for an absent header. Throws UnauthenticatedError or InvalidRequestError. */
  resolve(header: (name: string) => string | null | undefined): string;
}

export function tenantResolver(keys: readonly ApiKey[]): TenantResolver {
  return { resolve: keys.length > 0 ? (header) => byCredential(keys, header("authorization")) : byHeader };
}

function byCredential(keys: readonly ApiKey[], authorization: string | null | undefined): string {
  const key = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
  if (!key) throw new UnauthenticatedError("send the API key as `authorization: Bearer …`");
  const sha256 = createHash("sha256").update(key).digest();
  // Every key is compared, so that the time taken tells nothing.
  let found: string | undefined;
  for (const candidate of keys) if (timingSafeEqual(candidate.sha256, sha256)) found = candidate.tenant;
  if (found === undefined) throw new UnauthenticatedError("the API key is not known");
  return found;
}

function byHeader(header: (name: string) => string | null | undefined): string {
  const tenant = header(TENANT_HEADER) || DEFAULT_TENANT;
  if (!TENANT.test(tenant)) {
    throw new InvalidRequestError([{ field: TENANT_HEADER, description: `must match ${TENANT.source}` }]);
  }
  return tenant;
}
