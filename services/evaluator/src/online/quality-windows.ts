// Quality of live traffic by window of five minutes, for all tenants together and for each. A score belongs to the window of its
// request, however late the reference answer comes.
import { Confusion } from "@chimera/statistics";
import { BoundedMap } from "../feedback/bounded-map.ts";

export const WINDOW_MS = 5 * 60_000;
/** A day. */
const MAX_WINDOWS = 288;
/** Tenants told apart in one window; further ones count for all together alone. */
const MAX_TENANTS = 256;
/** Distinct pairs of labels told apart; beyond, a window has an accuracy and no F1. */
const MAX_CELLS = 1000;
/** Requests whose window is remembered for a reference answer to come. */
const MAX_REQUESTS = 50_000;

export const EVERYBODY = "";

export interface Tally {
  requests: number;
  confusion: Confusion;
}

export interface QualityWindow {
  startMs: number;
  tally: Tally;
}

export interface LiveScore {
  requestId: string;
  tenant: string;
  target: string;
  predicted: string;
  correct: boolean;
}

export class QualityWindows {
  /** By start, in order; at most 288. */
  readonly #windows = new Map<number, Map<string, Tally>>();
  readonly #startOf = new BoundedMap<string, number>(MAX_REQUESTS);

  request({ requestId, tenant }: Pick<LiveScore, "requestId" | "tenant">, atMs: number): void {
    const startMs = Math.floor(atMs / WINDOW_MS) * WINDOW_MS;
    this.#startOf.set(requestId, startMs);
    for (const tally of this.#tallies(startMs, tenant)) tally.requests += 1;
  }

  /** Nothing where the request is not one of the sample, or too old. */
  score(score: LiveScore): boolean {
    const startMs = this.#startOf.take(score.requestId);
    if (startMs === undefined || !this.#windows.has(startMs)) return false;
    for (const tally of this.#tallies(startMs, score.tenant)) tally.confusion.add(score);
    return true;
  }

  /** The oldest first; those with no request of the tenant are left out. */
  of(tenant: string): QualityWindow[] {
    return [...this.#windows]
      .sort(([a], [b]) => a - b)
      .flatMap(([startMs, tallies]) => {
        const tally = tallies.get(tenant);
        return tally === undefined ? [] : [{ startMs, tally }];
      });
  }

  #tallies(startMs: number, tenant: string): Tally[] {
    const window = this.#windows.get(startMs) ?? new Map<string, Tally>();
    if (!this.#windows.has(startMs)) this.#open(startMs, window);
    return [EVERYBODY, tenant].flatMap((name) => {
      const known = window.get(name);
      if (known !== undefined) return [known];
      if (window.size > MAX_TENANTS) return [];
      const tally = { requests: 0, confusion: new Confusion(MAX_CELLS) };
      window.set(name, tally);
      return [tally];
    });
  }

  #open(startMs: number, window: Map<string, Tally>): void {
    this.#windows.set(startMs, window);
    if (this.#windows.size > MAX_WINDOWS) this.#windows.delete(Math.min(...this.#windows.keys()));
  }
}
