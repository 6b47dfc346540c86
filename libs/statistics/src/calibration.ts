// Whether stated probabilities mean what they say: Brier score, log-loss, and the calibration error over bins.
import { assert } from "@chimera/kernel";
import { at } from "./class-counts.ts";

/** Below it a probability counts as this much, so that one certain mistake does not make the loss infinite (scikit-learn's "auto"). */
const SMALLEST_PROBABILITY = Number.EPSILON;

/** (p - y)² for the probability of "yes" (Brier 1950, binary form). */
export function brierBinary(probability: number, happened: boolean): number {
  return (probability - (happened ? 1 : 0)) ** 2;
}

/** Σ over classes of (p - y)² (Brier 1950, original form: twice the binary one for two classes). */
export function brierMulticlass(probabilities: readonly number[], target: number): number {
  return probabilities.reduce((sum, probability, i) => sum + (probability - (i === target ? 1 : 0)) ** 2, 0);
}

/** -ln of the target's probability, the row clipped and divided by its sum as scikit-learn 1.2 does. */
export function logLoss(probabilities: readonly number[], target: number): number {
  const clipped = probabilities.map(clip);
  return -Math.log(at(clipped, target) / clipped.reduce((sum, each) => sum + each, 0));
}

/** Log-loss of a probability of "yes". */
export function logLossBinary(probability: number, happened: boolean): number {
  return logLoss([1 - probability, probability], happened ? 1 : 0);
}

function clip(probability: number): number {
  return Math.min(1 - SMALLEST_PROBABILITY, Math.max(SMALLEST_PROBABILITY, probability));
}

export interface ReliabilityBin {
  n: number;
  meanConfidence: number;
  /** Share that was right. */
  accuracy: number;
}

export type Binning = "equal-width" | "equal-mass";

/** Fine bins that equal-mass ones are put together from: their edges are true to 1/1000. */
const FINE_BINS = 1000;

/** Expected calibration error (Naeini, Cooper, Hauskrecht 2015) of a stream, in the space of a fixed histogram. */
export class Reliability {
  readonly #counts = new Float64Array(FINE_BINS);
  readonly #confidences = new Float64Array(FINE_BINS);
  readonly #hits = new Float64Array(FINE_BINS);
  #n = 0;

  get n(): number {
    return this.#n;
  }

  add(confidence: number, isRight: boolean): void {
    assert(confidence >= 0 && confidence <= 1, `a confidence is between 0 and 1, got ${confidence}`);
    // Bins are open below and closed above, as in the paper.
    const bin = Math.max(0, Math.ceil(confidence * FINE_BINS) - 1);
    this.#counts[bin] = at(this.#counts, bin) + 1;
    this.#confidences[bin] = at(this.#confidences, bin) + confidence;
    if (isRight) this.#hits[bin] = at(this.#hits, bin) + 1;
    this.#n += 1;
  }

  /** Bins with at least one value, in order. `bins` divides 1000 where they are of equal width. */
  diagram(bins: number, binning: Binning): ReliabilityBin[] {
    assert(
      binning === "equal-mass" || FINE_BINS % bins === 0,
      `${bins} bins of equal width do not divide ${FINE_BINS}`,
    );
    const groups: { n: number; confidence: number; hits: number }[] = [];
    let before = 0;
    for (let fine = 0; fine < FINE_BINS; fine++) {
      const n = at(this.#counts, fine);
      if (n === 0) continue;
      const place = binning === "equal-width" ? fine / FINE_BINS : (before + n / 2) / this.#n;
      const group = Math.floor(place * bins);
      const sums = groups[group] ?? { n: 0, confidence: 0, hits: 0 };
      sums.n += n;
      sums.confidence += at(this.#confidences, fine);
      sums.hits += at(this.#hits, fine);
      groups[group] = sums;
      before += n;
    }
    return groups
      .filter((group) => group !== undefined)
      .map(({ n, confidence, hits }) => ({ n, meanConfidence: confidence / n, accuracy: hits / n }));
  }

  /** Σ n/N |accuracy - mean confidence|. NaN before the first value. */
  expectedCalibrationError(bins: number, binning: Binning): number {
    const gaps = this.diagram(bins, binning).map(
      ({ n, meanConfidence, accuracy }) => n * Math.abs(accuracy - meanConfidence),
    );
    return gaps.reduce((sum, gap) => sum + gap, 0) / this.#n;
  }
}
