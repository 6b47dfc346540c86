// Keeps requests from a replica that fails them, for longer each time, and lets one through now and then to see whether it is
// well again. It says in words what tripped it. Whether a replica may be left out at all is for its fleet to decide.
import type { Clock } from "@chimera/kernel";

/** That many within the window, and more than half of what ended lately, is a replica that fails. */
const FAILURES = 5;
const WINDOW_MS = 10_000;
const FAILING_SHARE = 0.5;
/** Weight of the newest outcome in the share. */
const WEIGHT = 0.2;
const FIRST_PAUSE_MS = 3000;
const MAX_PAUSE_MS = 60_000;
/** After so long without a trip, the next pause is a first one again. */
const FORGIVEN_AFTER_MS = 60_000;

export type BreakerState = "closed" | "open" | "half-open";

export class Breaker {
  readonly #clock: Clock;
  /** Times of the newest failures, at most FAILURES. */
  #failedAtMs: number[] = [];
  #failingShare = 0;
  #reason = "";
  /** When it is half-open; undefined while closed. */
  #opensAtMs: number | undefined;
  #hasTrial = false;
  /** In a row, without FORGIVEN_AFTER_MS between them. */
  #trips = 0;
  #lastPauseEndsAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get state(): BreakerState {
    if (this.#opensAtMs === undefined) return "closed";
    return this.#clock.monotonicMs() < this.#opensAtMs ? "open" : "half-open";
  }

  /** A request may pass; while half-open, one at a time. */
  get admits(): boolean {
    if (this.#opensAtMs === undefined) return true;
    return !this.#hasTrial && this.state === "half-open";
  }

  /** For people; undefined while closed. */
  get reason(): string | undefined {
    if (this.#opensAtMs === undefined) return undefined;
    const leftMs = this.#opensAtMs - this.#clock.monotonicMs();
    if (leftMs > 0) return `${this.#reason}; tries again in ${Math.ceil(leftMs / 1000)} s`;
    return `${this.#reason}; ${this.#hasTrial ? "one request is on trial" : "the next request is a trial"}`;
  }

  /** A request passes. Returns whether it is the trial that decides. */
  passed(): boolean {
    if (this.#opensAtMs === undefined) return false;
    this.#hasTrial = true;
    return true;
  }

  /** The trial showed nothing, as when its caller left. */
  trialEnded(): void {
    this.#hasTrial = false;
  }

  succeeded({ isTrial }: { isTrial: boolean }): void {
    if (this.#opensAtMs === undefined) this.#failingShare *= 1 - WEIGHT;
    else if (isTrial) this.close();
  }

  /** Returns whether it should trip: trip() and close() are for the fleet to choose between. */
  failed(cause: string, { isTrial }: { isTrial: boolean }): boolean {
    // What was sent before it tripped tells nothing new.
    if (this.#opensAtMs !== undefined && !isTrial) return false;
    const nowMs = this.#clock.monotonicMs();
    this.#failedAtMs = [...this.#failedAtMs.slice(1 - FAILURES), nowMs];
    this.#failingShare += WEIGHT * (1 - this.#failingShare);
    const count = this.#failedAtMs.filter((atMs) => nowMs - atMs <= WINDOW_MS).length;
    this.#reason = `${count} failure${count === 1 ? "" : "s"} in ${WINDOW_MS / 1000} s, last: ${cause}`;
    return isTrial || (count >= FAILURES && this.#failingShare > FAILING_SHARE);
  }

  /** Opens, for longer each time. `reason` where it is not the failures. */
  trip(reason = this.#reason): void {
    const nowMs = this.#clock.monotonicMs();
    this.#trips = nowMs - this.#lastPauseEndsAtMs > FORGIVEN_AFTER_MS ? 1 : this.#trips + 1;
    this.#opensAtMs = nowMs + Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#trips - 1));
    this.#lastPauseEndsAtMs = this.#opensAtMs;
    this.#reason = reason;
    this.#hasTrial = false;
  }

  /** Half-open from now on, as after a pause. */
  tryNow(reason = this.#reason): void {
    this.#opensAtMs = this.#clock.monotonicMs();
    this.#reason = reason;
  }

  close(): void {
    this.#opensAtMs = undefined;
    this.#hasTrial = false;
    this.#failedAtMs = [];
    this.#failingShare = 0;
  }
}
