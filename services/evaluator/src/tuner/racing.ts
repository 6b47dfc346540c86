// When a trial is given up before it was asked all its items: it is behind the best one for sure, or it is in the worse part
// of what reached as far.
import { ConfidenceSequence } from "@chimera/statistics";

/** Below this many pairs the variance of differences is too rough for a bound. */
const MIN_PAIRS = 30;

/** Whether `candidate` is worse than `best` on the items both were asked; may be asked after every block of items. */
export function isBehind(candidate: readonly number[], best: readonly number[], tunedToN: number): boolean {
  const n = Math.min(candidate.length, best.length);
  const sequence = new ConfidenceSequence({ tunedToN, minN: MIN_PAIRS });
  for (let item = 0; item < n; item++) sequence.add((candidate[item] ?? 0) - (best[item] ?? 0));
  return sequence.interval().high < 0;
}

/** Successive halving (Jamieson and Talwalkar 2016) without waiting for the others, as ASHA does it. */
export class Halving {
  readonly #keptShare: number;
  readonly #startAfter: number;
  // By items asked; one entry per trial and rung.
  readonly #reached = new Map<number, number[]>();

  /** Of what reaches a rung, `keptShare` goes on; the first `startAfter` trials all do. 1 keeps everything. */
  constructor({ keptShare, startAfter }: { keptShare: number; startAfter: number }) {
    this.#keptShare = keptShare;
    this.#startAfter = startAfter;
  }

  /** Whether a trial with this score goes on, among all that were noted at this rung. */
  goesOn(items: number, score: number): boolean {
    const scores = this.#reached.get(items) ?? [];
    if (this.#keptShare >= 1 || scores.length < this.#startAfter) return true;
    const better = scores.filter((other) => other > score).length;
    return better < Math.ceil(this.#keptShare * (scores.length + 1));
  }

  note(items: number, score: number): void {
    const scores = this.#reached.get(items) ?? [];
    this.#reached.set(items, scores);
    scores.push(score);
  }
}
