// Tokens (JWT) of an issuer: who holds one, and until when. Checking a signature costs a hundred times what a request may cost
// here, so what was found is kept until the token expires.
import { ChimeraError, type Clock, OverloadedError, UnauthenticatedError } from "@chimera/kernel";
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import { TENANT } from "./tenant.ts";

/** Tokens known to be good; about 300 bytes each. */
const MAX_KNOWN = 20_000;
/** Signatures checked at a time; more would only wait for each other. */
const MAX_CHECKING = 256;
const RETRY_AFTER_MS = 100;
/** How far the issuer's clock may be from ours. */
const CLOCK_TOLERANCE_S = 5;

export interface TokenRules {
  issuer: string;
  audience: string;
  algorithms: readonly string[];
  tenantClaim: string;
}

interface Known {
  tenant: string;
  untilMs: number;
}

export class Tokens {
  readonly #rules: TokenRules;
  readonly #key: JWTVerifyGetKey;
  readonly #clock: Clock;
  readonly #known = new LRUCache<string, Known>({ max: MAX_KNOWN });
  #checking = 0;
  #round = 0;

  constructor(rules: TokenRules, key: JWTVerifyGetKey, clock: Clock) {
    this.#rules = rules;
    this.#key = key;
    this.#clock = clock;
  }

  /** Three parts with dots in between; no API key needs to look like this. */
  static isToken(credential: string): boolean {
    return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(credential);
  }

  /** `name`: the token's fingerprint. */
  tenantOf(token: string, name: string): string | Promise<string> {
    const known = this.#known.get(name);
    return known && this.#clock.nowMs() < known.untilMs ? known.tenant : this.#check(token, name);
  }

  /** For when keys were withdrawn: every token has to prove itself again. */
  forget(): void {
    this.#known.clear();
    this.#round += 1;
  }

  async #check(token: string, name: string): Promise<string> {
    if (this.#checking >= MAX_CHECKING) throw new OverloadedError("too many new tokens at a time", RETRY_AFTER_MS);
    this.#checking += 1;
    const round = this.#round;
    try {
      const payload = await this.#verified(token);
      const tenant = payload[this.#rules.tenantClaim];
      if (typeof tenant !== "string" || !TENANT.test(tenant)) {
        throw new UnauthenticatedError(
          `the token's claim ${JSON.stringify(this.#rules.tenantClaim)} names no tenant; it must match ${TENANT.source}`,
        );
      }
      // Not where the keys have changed meanwhile.
      if (round === this.#round) {
        this.#known.set(name, { tenant, untilMs: ((payload.exp ?? 0) + CLOCK_TOLERANCE_S) * 1000 });
      }
      return tenant;
    } finally {
      this.#checking -= 1;
    }
  }

  async #verified(token: string): Promise<JWTPayload> {
    const { issuer, audience, algorithms } = this.#rules;
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        issuer,
        audience,
        algorithms: [...algorithms],
        requiredClaims: ["exp"],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(this.#clock.nowMs()),
      });
      return payload;
    } catch (error) {
      if (error instanceof ChimeraError) throw error;
      throw new UnauthenticatedError(this.#whatToDo(error));
    }
  }

  /** Names what is wrong and never repeats anything of the token. */
  #whatToDo(error: unknown): string {
    if (error instanceof errors.JWTExpired) return "the token has expired, get a new one";
    if (error instanceof errors.JWTClaimValidationFailed) {
      if (error.claim === "nbf") return "the token is not valid yet";
      return error.reason === "missing"
        ? `the token has no \`${error.claim}\`, which is required`
        : `the token's \`${error.claim}\` is not what this router takes; ask for a token that is meant for it`;
    }
    if (error instanceof errors.JOSEAlgNotAllowed) {
      return `the token is signed in a way that is not taken; ${this.#rules.algorithms.join(", ")} are`;
    }
    if (error instanceof errors.JWKSNoMatchingKey)
      return "the token is signed by a key that its issuer does not publish";
    if (error instanceof errors.JWKSMultipleMatchingKeys) return "the token must name its key (`kid`)";
    if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is wrong";
    return "the token can not be read";
  }
}
