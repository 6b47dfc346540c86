// How admission says no. The delay to come back after is drawn from a range, so that those refused at one moment do not come
// back at one moment.
import { OverloadedError, QuotaExceededError, type Random } from "@chimera/kernel";
import type { TenantLimits } from "./tenant-limits.ts";

/** Where nothing was measured yet. */
const UNKNOWN_MS = 1000;
const MIN_MS = 50;
/** Nobody can say what will be later than this. */
const MAX_MS = 30_000;

export interface QuotaRefusal {
  tenant: string;
  quota: keyof TenantLimits;
  message: string;
  /** Until the quota has room; undefined where that is not known. */
  inMs: number | undefined;
}

export class Refusals {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** `inMs`: until there would be room; undefined where that is not known. */
  overloaded(message: string, inMs: number | undefined): OverloadedError {
    return new OverloadedError(message, this.#spread(Math.min(MAX_MS, Math.max(MIN_MS, inMs ?? UNKNOWN_MS))));
  }

  quotaExceeded({ tenant, quota, message, inMs }: QuotaRefusal): QuotaExceededError {
    const retryAfterMs = this.#spread(inMs ?? UNKNOWN_MS);
    return new QuotaExceededError(message, { retryAfterMs, subject: tenant, quota });
  }

  /** Never earlier than `ms`, and before twice that. */
  #spread(ms: number): number {
    return Math.ceil(ms * (1 + this.#random()));
  }
}
