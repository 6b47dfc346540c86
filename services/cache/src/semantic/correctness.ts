// How likely the answer of one stored question also is the answer of another one, by how similar the two are: learned for each
// stored question from the times it was tried, since no one threshold fits all questions (vCache, arXiv 2502.03771).

/** Similarity at which the answers are as often the same as not; above 1 no similarity is enough. */
const THRESHOLDS: readonly number[] = Array.from({ length: 31 }, (_, i) => 0.6 + i * 0.02);
/** How sharply likelihood rises around it. */
const SLOPES: readonly number[] = [8, 16, 32, 64, 128];
const CELLS = THRESHOLDS.length * SLOPES.length;

/**
 * Bayesian logistic curve P(same answer | similarity s) = 1 / (1 + exp(-slope (s - threshold))), uniform over a grid of
 * thresholds (0.6 to 1.2) and slopes at first.
 */
export class Correctness {
  /** Log posterior of each cell, up to a constant; undefined before the first trial. */
  #logPosterior: Float64Array | undefined;
  trials = 0;

  /** Posterior mean of the likelihood at a similarity, 0 to 1. */
  probability(similarity: number): number {
    const log = this.#logPosterior;
    const top = log ? log.reduce((most, each) => Math.max(most, each), Number.NEGATIVE_INFINITY) : 0;
    let sum = 0;
    let weights = 0;
    for (let cell = 0; cell < CELLS; cell++) {
      const weight = log ? Math.exp((log[cell] ?? 0) - top) : 1;
      weights += weight;
      sum += weight * likelihood(cell, similarity);
    }
    return sum / weights;
  }

  observe(similarity: number, isSame: boolean): void {
    this.#logPosterior ??= new Float64Array(CELLS);
    this.trials += 1;
    for (let cell = 0; cell < CELLS; cell++) {
      const same = likelihood(cell, similarity);
      this.#logPosterior[cell] = (this.#logPosterior[cell] ?? 0) + Math.log(isSame ? same : 1 - same);
    }
  }
}

function likelihood(cell: number, similarity: number): number {
  const threshold = THRESHOLDS[cell % THRESHOLDS.length] ?? 1;
  const slope = SLOPES[Math.floor(cell / THRESHOLDS.length)] ?? 1;
  return 1 / (1 + Math.exp(-slope * (similarity - threshold)));
}
