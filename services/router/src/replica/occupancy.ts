// How busy a replica is, as far as this router can tell: its own requests it counts itself, exactly and at once; others' it
// knows from what the replica last said.

/** An idle replica reports once a second; what is older says nothing about now. */
const REPORT_VALID_MS = 3000;

/**
 * How old a report can be when it is here. What ended in that time may still be in it, and would be taken for somebody else's until
 * the next one comes.
 */
const REPORT_AGE_MS = 100;

/** What a replica says it works on. */
export interface Occupied {
  requests: number;
  /** Prompt tokens that wait to be computed. */
  queuedTokens: number;
}

export class Occupancy {
  /** Own requests that have not ended. */
  #open = 0;
  /** Most that were open lately. */
  #peak = { open: 0, untilMs: Number.NEGATIVE_INFINITY };
  /** Prompt tokens of own requests that wait for their first token. */
  #ahead = 0;
  #others: Occupied = { requests: 0, queuedTokens: 0 };
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  get open(): number {
    return this.#open;
  }

  get outstanding(): number {
    return this.#open + this.#others.requests;
  }

  /** Prompt tokens that a request sent now has to wait for. */
  get tokensAhead(): number {
    return this.#ahead + this.#others.queuedTokens;
  }

  sent(uncachedTokens: number): void {
    this.#open += 1;
    this.#ahead += uncachedTokens;
  }

  /** Its prompt is computed, or never will be. */
  computed(uncachedTokens: number): void {
    this.#ahead -= uncachedTokens;
  }

  ended(nowMs: number): void {
    if (this.#open >= this.#peakAt(nowMs)) this.#peak = { open: this.#open, untilMs: nowMs + REPORT_AGE_MS };
    this.#open -= 1;
  }

  /** What it reports beyond what this router has there is of others. */
  noteReport({ requests, queuedTokens }: Occupied, nowMs: number): void {
    this.#others = {
      requests: Math.max(0, requests - Math.max(this.#open, this.#peakAt(nowMs))),
      queuedTokens: Math.max(0, queuedTokens - this.#ahead),
    };
    this.#reportedAtMs = nowMs;
  }

  /** The same from an answer to the router's own question: asked seldom, so the next report counts more. */
  noteAnswer(requests: number): void {
    this.#others = { requests: Math.max(0, requests - this.#open), queuedTokens: 0 };
  }

  #peakAt(nowMs: number): number {
    return nowMs <= this.#peak.untilMs ? this.#peak.open : 0;
  }

  hasReport(nowMs: number): boolean {
    return nowMs - this.#reportedAtMs <= REPORT_VALID_MS;
  }
}
