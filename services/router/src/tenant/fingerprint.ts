// Names a credential in memory by a hash with a salt of this process: how long a look-up by it takes says nothing about any
// key, since nobody outside can tell which credentials have similar names.
import { hash, randomBytes } from "node:crypto";

const SALT = randomBytes(32).toString("hex");

export function fingerprint(credential: string): string {
  return fingerprintOfHash(hash("sha256", credential));
}

/** `sha256`: of the credential, in hex. */
export function fingerprintOfHash(sha256: string): string {
  return hash("sha256", SALT + sha256.toLowerCase());
}
