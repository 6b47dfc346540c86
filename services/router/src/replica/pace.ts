// How long a replica takes to the first token, per token of work in front of it: the measure that turns work into waiting time.

/** Share of a new sample. Means are of logarithms: one first token that took ten times as long must not outweigh ten usual ones. */
const WEIGHT = 0.05;
/** What is not measured any more is believed less every second: half after ten. */
const KEPT_PER_S = 0.5 ** (1 / 10);
/** A first token costs about as much as so many prompt tokens, also where the whole prompt is kept. */
const FIRST_TOKEN_WORK = 64;
/** Every running answer takes a share of each step. */
const ANSWER_WORK = 8;
/** Reported rates tell fast replicas from slow ones; beyond this they are noise. */
const MAX_RATIO = 4;

/** A clock that did not move is no logarithm. */
const MIN_MS = 0.01;

/** In prompt tokens. */
export function workOf({ tokens, outstanding }: { tokens: number; outstanding: number }): number {
  return FIRST_TOKEN_WORK + tokens + ANSWER_WORK * outstanding;
}

export class Pace {
  #msPerToken: number | undefined;
  /** Since the last forget(). */
  #samples = 0;
  #isFresh = false;
  #guess: number | undefined;

  /** Measured; where nothing is, a guess from others; undefined where they know nothing either. */
  get msPerToken(): number | undefined {
    return this.#msPerToken ?? this.#guess;
  }

  get measured(): number | undefined {
    return this.#msPerToken;
  }

  get samples(): number {
    return this.#samples;
  }

  record(ttftMs: number, work: number): void {
    const sample = Math.max(MIN_MS, ttftMs) / work;
    const before = this.#msPerToken ?? sample;
    this.#msPerToken = before * (sample / before) ** WEIGHT;
    this.#samples += 1;
    this.#isFresh = true;
  }

  /** What it is taken to be while nothing is measured. */
  guess({ fleetMsPerToken, fleetTokensPerS }: FleetPace, tokensPerS: number | undefined): void {
    if (fleetMsPerToken === undefined) {
      this.#guess = tokensPerS && 1000 / tokensPerS;
      return;
    }
    const ratio = tokensPerS && fleetTokensPerS ? fleetTokensPerS / tokensPerS : 1;
    this.#guess = fleetMsPerToken * Math.min(MAX_RATIO, Math.max(1 / MAX_RATIO, ratio));
  }

  /**
   * Once a second. A replica that was slow gets no requests, so nothing would ever show that it is fast again: what is known of
   * it goes back to the guess with time.
   */
  relax(): void {
    if (!this.#isFresh && this.#msPerToken !== undefined && this.#guess !== undefined) {
      this.#msPerToken = this.#guess * (this.#msPerToken / this.#guess) ** KEPT_PER_S;
    }
    this.#isFresh = false;
  }

  /** It comes back as another one. */
  forget(): void {
    this.#msPerToken = undefined;
    this.#samples = 0;
  }
}

/** Means over the replicas of a model; undefined where none has it. */
export interface FleetPace {
  fleetMsPerToken: number | undefined;
  /** Of the prefill rates they report. */
  fleetTokensPerS: number | undefined;
}
