// What one tenant has in use, and what is left of its quotas.
import type { Clock } from "@chimera/kernel";
import type { TenantLimits } from "./tenant-limits.ts";
import { type BucketShape, TokenBucket } from "./token-bucket.ts";

const TOKEN_BURST_S = 10;

export class Tenant {
  readonly name: string;
  readonly #clock: Clock;
  #limits: TenantLimits;
  #requests: TokenBucket | undefined;
  #tokens: TokenBucket | undefined;
  inFlight = 0;
  queued = 0;
  /** Of its queued requests. */
  queuedCost = 0;

  constructor(name: string, limits: TenantLimits, clock: Clock) {
    this.name = name;
    this.#clock = clock;
    this.#limits = limits;
    this.apply(limits);
  }

  get limits(): TenantLimits {
    return this.#limits;
  }

  get isBusy(): boolean {
    return this.inFlight > 0;
  }

  /** A new one would be the same. */
  get isIdle(): boolean {
    return !this.isBusy && (this.#requests?.isFull ?? true) && (this.#tokens?.isFull ?? true);
  }

  apply(limits: TenantLimits): void {
    this.#limits = limits;
    const { requestsPerS, requestBurst, tokensPerS, tokenBurst } = limits;
    this.#requests = this.#bucket(this.#requests, requestsPerS, requestBurst ?? requestsPerS);
    this.#tokens = this.#bucket(this.#tokens, tokensPerS, tokenBurst ?? (tokensPerS ?? 0) * TOKEN_BURST_S);
  }

  /** Until another request is within its rate; 0 is now. */
  requestWaitMs(): number {
    return this.#requests?.waitMs(1) ?? 0;
  }

  enter(): void {
    this.#requests?.take(1);
    this.inFlight += 1;
  }

  leave(): void {
    this.inFlight -= 1;
  }

  /** Until that many tokens are within its rate; 0 is now. */
  tokenWaitMs(tokens: number): number {
    return this.#tokens?.waitMs(tokens) ?? 0;
  }

  /** Returns what was taken, for `correctTokens`. */
  takeTokens(tokens: number): number {
    return this.#tokens?.take(tokens) ?? 0;
  }

  correctTokens(taken: number, real: number): void {
    this.#tokens?.correct(real - taken);
  }

  queue(cost: number): void {
    this.queued += 1;
    this.queuedCost += cost;
  }

  unqueue(cost: number): void {
    this.queued -= 1;
    // Sums of fractions drift; nothing is exactly nothing.
    this.queuedCost = this.queued === 0 ? 0 : this.queuedCost - cost;
  }

  #bucket(current: TokenBucket | undefined, perS?: number, burst?: number): TokenBucket | undefined {
    if (perS === undefined) return undefined;
    const shape: BucketShape = { perS, burst: Math.max(1, burst ?? perS) };
    current?.reshape(shape);
    return current ?? new TokenBucket(this.#clock, shape);
  }
}
