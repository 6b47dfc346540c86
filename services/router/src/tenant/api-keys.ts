// API keys: who holds which, known only by their hashes.
import { fingerprintOfHash } from "./fingerprint.ts";
import { TENANT } from "./tenant.ts";

/** Past this many callers tokens are the better way. */
const MAX_KEYS = 100_000;

export interface ApiKey {
  tenant: string;
  /** In hex. */
  sha256: string;
}

/** `tenant=sha256hex`, separated by commas or lines; `#` begins a comment. Throws with the entry that is wrong, without quoting it. */
export function parseApiKeys(text: string): ApiKey[] {
  const entries = text
    .replace(/#.*$/gm, "")
    .split(/[,\n]/)
    .map((part) => part.trim())
    .filter(Boolean);
  if (entries.length > MAX_KEYS) throw new Error(`more than ${MAX_KEYS} keys; use tokens (ROUTER_JWT_JWKS_URL)`);
  return entries.map((part, index) => {
    const [tenant = "", sha256 = ""] = part.split("=").map((each) => each.trim());
    if (!TENANT.test(tenant)) throw new Error(`entry ${index + 1}: the tenant must match ${TENANT.source}`);
    if (!/^[0-9a-f]{64}$/i.test(sha256)) {
      throw new Error(`entry ${index + 1}: expected the key's SHA-256, 64 hex digits`);
    }
    return { tenant, sha256 };
  });
}

/** Tenants by the fingerprint of their key. Throws where one key belongs to two tenants. */
export function tenantsByKey(keys: readonly ApiKey[]): ReadonlyMap<string, string> {
  const tenants = new Map<string, string>();
  for (const { tenant, sha256 } of keys) {
    const name = fingerprintOfHash(sha256);
    const other = tenants.get(name);
    if (other !== undefined && other !== tenant) throw new Error(`${other} and ${tenant} have the same key`);
    tenants.set(name, tenant);
  }
  return tenants;
}
