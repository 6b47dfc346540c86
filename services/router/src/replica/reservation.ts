// One request at one replica, from the choice to its end: counted there at once, and what it showed is learned from.
import type { Clock } from "@chimera/kernel";
import type { RouteExplanation } from "../balance/explanation.ts";
import { workOf } from "./pace.ts";
import type { Replica } from "./replica.ts";
import { type RequestEnd, type Verdict, verdictOf } from "./verdict.ts";

export interface Reservation {
  readonly replica: Replica;
  /** From now on; undefined where nothing was measured yet. */
  readonly predictedTtftMs: number | undefined;
  /** Figures are those of the moment it is asked: meant to be called right after the choice, where somebody records it. */
  explain(): RouteExplanation;
  /** Counted from the reservation. `cachedTokens`: of the prompt, where the engine said. */
  firstToken(ttftMs: number, cachedTokens?: number): void;
  /** Must be called, once; further calls do nothing. */
  end(outcome: RequestEnd): void;
}

export interface Judgement {
  verdict: Verdict;
  /** In words, of a failure. */
  cause: string;
  isTrial: boolean;
}

export interface DispatchOptions {
  replica: Replica;
  clock: Clock;
  promptTokens: number;
  uncachedTokens: number;
  explain(predictedTtftMs: number | undefined): RouteExplanation;
  onFirstToken(replica: Replica, shown: { isTrial: boolean; raisedLimit: boolean }): void;
  onEnd(replica: Replica, judgement: Judgement): void;
}

/** Longer messages are cut: they end in reasons that people read. */
const MAX_CAUSE_CHARACTERS = 160;

export class Dispatch implements Reservation {
  readonly replica: Replica;
  readonly predictedTtftMs: number | undefined;
  readonly #options: DispatchOptions;
  readonly #sentAtMs: number;
  readonly #isTrial: boolean;
  /** Work in front of its first token when it was sent, its own apart. */
  readonly #workBefore: number;
  readonly #outstanding: number;
  #hasToken = false;
  #isEnded = false;

  constructor(options: DispatchOptions) {
    const { replica, clock, uncachedTokens } = options;
    this.replica = replica;
    this.#options = options;
    this.#sentAtMs = clock.monotonicMs();
    this.predictedTtftMs = replica.predictedTtftMs(uncachedTokens);
    this.#workBefore = replica.workAhead(0);
    this.#isTrial = replica.breaker.passed();
    replica.occupancy.sent(uncachedTokens);
    this.#outstanding = replica.outstanding;
  }

  explain(): RouteExplanation {
    return this.#options.explain(this.predictedTtftMs);
  }

  firstToken(ttftMs: number, cachedTokens?: number): void {
    if (this.#hasToken || this.#isEnded) return;
    this.#hasToken = true;
    const { promptTokens, uncachedTokens, onFirstToken } = this.#options;
    const computed = cachedTokens === undefined ? uncachedTokens : Math.max(0, promptTokens - cachedTokens);
    const { replica } = this;
    replica.occupancy.computed(uncachedTokens);
    replica.heard();
    replica.noteTtft(ttftMs);
    this.#learnPace(ttftMs, computed);
    const limit = replica.limit.value;
    const ownWork = workOf({ tokens: computed, outstanding: 0 });
    replica.limit.record({ msPerToken: ttftMs / ownWork, outstanding: this.#outstanding });
    onFirstToken(replica, { isTrial: this.#isTrial, raisedLimit: replica.limit.value > limit });
  }

  end(outcome: RequestEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { replica } = this;
    const { clock, uncachedTokens, onEnd } = this.#options;
    const tookMs = clock.monotonicMs() - this.#sentAtMs;
    replica.occupancy.ended(clock.monotonicMs());
    if (!this.#hasToken) replica.occupancy.computed(uncachedTokens);
    if (outcome === "ok") replica.noteTurn(tookMs);
    const verdict = verdictOf(outcome, { hadToken: this.#hasToken, tookMs });
    // It would have taken longer still: a replica whose callers give up must not seem as fast as it was before.
    const isLate = verdict === "nothing" && this.predictedTtftMs !== undefined && tookMs > this.predictedTtftMs;
    if (isLate && !this.#hasToken) this.#learnPace(tookMs, uncachedTokens);
    if (verdict === "refused") replica.refused(typeof outcome === "string" ? undefined : outcome.retryAfterMs);
    const cause = typeof outcome === "string" ? outcome : outcome.message.slice(0, MAX_CAUSE_CHARACTERS);
    onEnd(replica, { verdict, cause, isTrial: this.#isTrial });
  }

  /** Where it waited for a slot as well, the time says nothing about the work. */
  #learnPace(ttftMs: number, computedTokens: number): void {
    if (this.#outstanding <= this.replica.slots) this.replica.pace.record(ttftMs, this.#workBefore + computedTokens);
  }
}
