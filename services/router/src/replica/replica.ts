// One inference process as the router knows it: what it said, how busy it is, how fast, and whether it can be sent to.
import type { Load } from "@chimera/contracts/common";
import type { DescribeResponse } from "@chimera/contracts/inference";
import type { Clock } from "@chimera/kernel";
import type { Candidate } from "../balance/policy.ts";
import type { Relay } from "../relay/relay.ts";
import { Breaker } from "./breaker.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import type { Describer } from "./describer.ts";
import { Occupancy } from "./occupancy.ts";
import { type FleetPace, Pace, workOf } from "./pace.ts";

/** How the router knows of it: a replica of the settings stays, the others go when they are gone. */
export type Origin = "settings" | "dns" | "report";

/** Looks in a row without an answer in time, though nothing was refused: it may only be busy. */
const MAX_SILENT_LOOKS = 3;
/** Bounds of the time a replica is left alone after it said that it is full, where nothing newer is heard. */
const FULL_MS = { min: 20, max: 1000 };
/** Prompt tokens that a replica is taken to keep computed, where it does not say. */
const UNKNOWN_KEPT_TOKENS = 262_144;
/** Weight of the newest in means of times. */
const WEIGHT = 0.1;

export interface ReplicaOptions {
  url: string;
  origin: Origin;
  clock: Clock;
  relay: Relay;
  describer: Describer;
}

export class Replica implements Candidate {
  readonly url: string;
  readonly port: string;
  readonly origin: Origin;
  readonly relay: Relay;
  readonly describer: Describer;
  readonly occupancy = new Occupancy();
  readonly pace = new Pace();
  readonly limit = new ConcurrencyLimit();
  readonly breaker: Breaker;
  readonly #clock: Clock;

  /** What it last said about itself; undefined until it answered once. */
  description: DescribeResponse | undefined;
  reachable = false;
  /** Its address is no longer one of its name: it ends what it has and gets nothing new. */
  isLeaving = false;
  /** It lost a request and is being asked whether it is still there. */
  isDoubted = false;
  prefillTokensPerS: number | undefined;
  keptTokens = UNKNOWN_KEPT_TOKENS;
  /** Means of what this router saw; undefined before the first. */
  ttftMs: number | undefined;
  turnMs: number | undefined;
  #heardAtMs: number;
  /** Undefined where it did not say lately that it is full. */
  #fullUntilMs: number | undefined;
  #silentLooks = 0;
  #lastFailure = "has not answered yet";

  constructor({ url, origin, clock, relay, describer }: ReplicaOptions) {
    this.url = url;
    this.port = URL.parse(url)?.port ?? "";
    this.origin = origin;
    this.relay = relay;
    this.describer = describer;
    this.breaker = new Breaker(clock);
    this.#clock = clock;
    this.#heardAtMs = clock.monotonicMs();
  }

  get name(): string {
    return this.description?.replica || this.url;
  }

  /** Requests it works on, of this router and of others. */
  get outstanding(): number {
    return this.occupancy.outstanding;
  }

  /** Requests of this router that have not ended. */
  get open(): number {
    return this.occupancy.open;
  }

  get slots(): number {
    return this.limit.slots;
  }

  expectedTtftMs(uncachedTokens: number): number {
    return this.#slotWaitMs() + this.workAhead(uncachedTokens) * (this.pace.msPerToken ?? 1);
  }

  /** Undefined where nothing was measured that could tell. */
  predictedTtftMs(uncachedTokens: number): number | undefined {
    return this.pace.msPerToken === undefined ? undefined : this.expectedTtftMs(uncachedTokens);
  }

  /** Prompt tokens that a request sent now has to wait for, its own among them, and what else slows them. */
  workAhead(uncachedTokens: number): number {
    const { tokensAhead, outstanding } = this.occupancy;
    return workOf({ tokens: tokensAhead + uncachedTokens, outstanding: Math.min(outstanding, this.slots) });
  }

  /** It answers, and nothing speaks against sending to it. */
  get isIn(): boolean {
    return this.isPresent && !this.isDoubted && this.breaker.admits;
  }

  /** Whatever the breaker says. */
  get isPresent(): boolean {
    return this.reachable && !this.isLeaving;
  }

  get hasRoom(): boolean {
    return this.hasRoomFor(0);
  }

  /** Where so many more may wait there for a slot. */
  hasRoomFor(extra: number): boolean {
    if (this.outstanding >= Math.min(this.limit.max, this.limit.value + extra)) return false;
    return this.#fullUntilMs === undefined || this.#clock.monotonicMs() >= this.#fullUntilMs;
  }

  /** Why it gets nothing, for people; undefined where it does, or soon may. */
  get whyOut(): string | undefined {
    if (this.isLeaving) return "is leaving";
    if (!this.reachable) return this.#lastFailure;
    return this.breaker.state === "open" ? this.breaker.reason : undefined;
  }

  /** Neither a report nor an answer for that long. */
  isSilentFor(ms: number): boolean {
    return this.#clock.monotonicMs() - this.#heardAtMs > ms;
  }

  heard(): void {
    this.#heardAtMs = this.#clock.monotonicMs();
    this.#silentLooks = 0;
  }

  noteLoad(load: Load): void {
    const nowMs = this.#clock.monotonicMs();
    this.#heardAtMs = nowMs;
    const { busySlots, queuedRequests, queuedUncachedTokens, slots, maxQueued, kvCapacityTokens } = load;
    this.occupancy.noteReport({ requests: busySlots + queuedRequests, queuedTokens: queuedUncachedTokens }, nowMs);
    this.limit.setBounds({ slots, maxQueued });
    this.prefillTokensPerS = load.prefillTokensPerS;
    if (kvCapacityTokens > 0n) this.keptTokens = Number(kvCapacityTokens);
    if (queuedRequests < maxQueued) this.#fullUntilMs = undefined;
  }

  /** It said what it serves. Returns whether it forgot all it had computed: it is another process, or has other weights. */
  answered(description: DescribeResponse): boolean {
    const before = this.description;
    const nowMs = this.#clock.monotonicMs();
    this.description = description;
    this.reachable = true;
    this.heard();
    const { busySlots, queued, slots, maxQueued } = description;
    this.limit.setBounds({ slots, maxQueued });
    // Where no report comes through, this is one.
    if (!this.occupancy.hasReport(nowMs)) this.occupancy.noteAnswer(busySlots + queued);
    return (
      before !== undefined &&
      (before.finished > description.finished ||
        before.model !== description.model ||
        before.modelVersion !== description.modelVersion)
    );
  }

  /** `timedOut`: nobody refused, there was only no answer in time. */
  didNotAnswer(cause: string, { timedOut }: { timedOut: boolean }): void {
    this.#silentLooks += 1;
    if (timedOut && this.#silentLooks < MAX_SILENT_LOOKS) return;
    this.#lastFailure = `does not answer: ${cause}`;
    this.reachable = false;
    this.isDoubted = false;
  }

  /** It said that it has no room. */
  refused(retryAfterMs: number | undefined): void {
    this.limit.refused();
    const pauseMs = Math.min(FULL_MS.max, Math.max(FULL_MS.min, retryAfterMs ?? FULL_MS.min));
    this.#fullUntilMs = this.#clock.monotonicMs() + pauseMs;
  }

  noteTtft(ttftMs: number): void {
    this.ttftMs = mixed(this.ttftMs, ttftMs);
  }

  noteTurn(turnMs: number): void {
    this.turnMs = mixed(this.turnMs, turnMs);
    this.limit.noteTurn(this.turnMs);
  }

  guessPace(fleet: FleetPace): void {
    this.pace.guess(fleet, this.prefillTokensPerS);
  }

  close(): void {
    this.relay.close();
    this.describer.close();
  }

  /** Until a slot is free, where none is: they get free one after the other. */
  #slotWaitMs(): number {
    const before = this.outstanding - this.slots + 1;
    return before <= 0 || this.turnMs === undefined ? 0 : (before * this.turnMs) / this.slots;
  }
}

function mixed(before: number | undefined, sample: number): number {
  return before === undefined ? sample : before + WEIGHT * (sample - before);
}
