// A Gaussian process over measured configurations (Rasmussen and Williams 2006): what a noisy score says about the true
// quality of its own configuration and of those like it. The kernel is a sum of one-axis effects plus one in which all axes
// act together, Matérn 5/2 each; the noise of every score is known from its items and is not fitted.
import { assert } from "@chimera/kernel";
import { cholesky, solveLower, solveUpper } from "./cholesky.ts";
import type { Axis, Point } from "./space.ts";

/** Observations that one process holds: fitting takes cubic time. */
export const MAX_OBSERVATIONS = 400;

export interface Observation {
  readonly point: Point;
  readonly score: number;
  /** Variance of the score around the true quality. */
  readonly noise: number;
}

export interface Posterior {
  readonly mean: number;
  readonly sd: number;
}

export interface Hyperparameters {
  /** Per axis: the variance of its own effect, and how far a change reaches. */
  readonly effects: readonly { readonly variance: number; readonly length: number }[];
  /** Variance of what the axes do together. */
  readonly joint: number;
}

const LENGTHS = [0.15, 0.3, 0.6, 1.2];
// Times the variance of the scores.
const VARIANCES = [0.03, 0.1, 0.3, 1];
const START = { variance: 0.2, length: 0.4 };
/** Width, in natural logarithms, of the log-normal prior around the start: few scores must not talk an axis dead. */
const PRIOR_WIDTH = { variance: 1, length: 0.5 };
/** The unknown mean, as a kernel of its own, times the variance of the scores. */
const CONSTANT = 4;
/** Times the variance of the scores: keeps the matrix invertible where two observations are of one point. */
const JITTER = 1e-6;
/** Axes act together over longer distances than each does alone: their product falls off quickly as it is. */
const JOINT_STRETCH = 2;

interface Solution {
  readonly factor: Float64Array;
  readonly weights: Float64Array;
  readonly likelihood: number;
}

export class GaussianProcess {
  readonly hyperparameters: Hyperparameters;
  readonly #axes: readonly Axis[];
  readonly #observations: readonly Observation[];
  readonly #centre: number;
  readonly #scale: number;
  readonly #solution: Solution;

  /** Fits the hyperparameters by the marginal likelihood, from `start` on; `refit` false takes `start` as it is. */
  constructor(
    axes: readonly Axis[],
    observations: readonly Observation[],
    { start, refit = true }: { start?: Hyperparameters | undefined; refit?: boolean } = {},
  ) {
    assert(observations.length > 0 && observations.length <= MAX_OBSERVATIONS, "1 to 400 observations fit a process");
    this.#axes = axes;
    this.#observations = observations;
    const scores = observations.map(({ score }) => score);
    this.#centre = scores.reduce((sum, score) => sum + score, 0) / scores.length;
    this.#scale = scores.reduce((sum, score) => sum + (score - this.#centre) ** 2, 0) / scores.length + 1e-8;
    const first = start ?? { effects: axes.map(() => START), joint: START.variance };
    const fit = new Fit(axes, observations, { centre: this.#centre, scale: this.#scale });
    this.hyperparameters = start && !refit ? start : fit.best(first);
    this.#solution = fit.solve(this.hyperparameters);
  }

  at(point: Point): Posterior {
    const { factor, weights } = this.#solution;
    const row = Float64Array.from(this.#observations, (each) => this.#kernel(each.point, point));
    let mean = this.#centre;
    row.forEach((each, i) => {
      mean += each * (weights[i] ?? 0);
    });
    solveLower(factor, row);
    const { effects, joint } = this.hyperparameters;
    let variance = this.#scale * (CONSTANT + joint + effects.reduce((sum, effect) => sum + effect.variance, 0));
    for (const each of row) variance -= each * each;
    return { mean, sd: Math.sqrt(Math.max(variance, 0)) };
  }

  #kernel(left: Point, right: Point): number {
    const { effects, joint } = this.hyperparameters;
    let sum = CONSTANT;
    let product = joint;
    effects.forEach(({ variance, length }, axis) => {
      const distance = distanceOf(left[axis] ?? 0, right[axis] ?? 0, this.#axes[axis]?.ordered ?? false);
      sum += variance * matern(distance / length);
      product *= matern(distance / (length * JOINT_STRETCH));
    });
    return this.#scale * (sum + product);
  }
}

/** The marginal likelihood, with what every evaluation of it needs kept: distances by axis. */
class Fit {
  readonly #observations: readonly Observation[];
  readonly #centre: number;
  readonly #scale: number;
  readonly #distances: readonly Float64Array[];

  constructor(
    axes: readonly Axis[],
    observations: readonly Observation[],
    { centre, scale }: { centre: number; scale: number },
  ) {
    this.#observations = observations;
    this.#centre = centre;
    this.#scale = scale;
    this.#distances = axes.map(({ ordered }, axis) => {
      const us = observations.map(({ point }) => point[axis] ?? 0);
      return Float64Array.from(
        us.flatMap((left, i) => us.slice(0, i + 1).map((right) => distanceOf(left, right, ordered))),
      );
    });
  }

  /** One value at a time, the best of its grid, over and over: never diverges, and needs no derivative. */
  best(start: Hyperparameters): Hyperparameters {
    let best = start;
    let likelihood = this.#posterior(best);
    const consider = (candidate: Hyperparameters) => {
      const found = this.#posterior(candidate);
      if (found <= likelihood) return;
      best = candidate;
      likelihood = found;
    };
    this.#distances.forEach((_, axis) => {
      const change = (effect: object) => {
        const now = best.effects[axis] ?? START;
        consider({ ...best, effects: best.effects.with(axis, { ...now, ...effect }) });
      };
      for (const variance of VARIANCES) change({ variance });
      for (const length of LENGTHS) change({ length });
    });
    for (const joint of VARIANCES) consider({ ...best, joint });
    return best;
  }

  #posterior(hyperparameters: Hyperparameters): number {
    const { effects, joint } = hyperparameters;
    const priors = effects.map(
      ({ variance, length }) =>
        distance2(variance, START.variance, PRIOR_WIDTH.variance) + distance2(length, START.length, PRIOR_WIDTH.length),
    );
    const prior = priors.reduce((sum, each) => sum + each, distance2(joint, START.variance, PRIOR_WIDTH.variance));
    return this.solve(hyperparameters).likelihood - prior / 2;
  }

  solve(hyperparameters: Hyperparameters): Solution {
    const n = this.#observations.length;
    const matrix = this.#covariance(hyperparameters);
    cholesky(matrix, n);
    const weights = Float64Array.from(this.#observations, ({ score }) => score - this.#centre);
    solveLower(matrix, weights);
    let likelihood = 0;
    for (let i = 0; i < n; i++) likelihood -= (weights[i] ?? 0) ** 2 / 2 + Math.log(matrix[i * n + i] ?? 1);
    solveUpper(matrix, weights);
    return { factor: matrix, weights, likelihood };
  }

  #covariance({ effects, joint }: Hyperparameters): Float64Array {
    const pairs = this.#distances[0]?.length ?? 0;
    const sums = new Float64Array(pairs).fill(CONSTANT);
    const products = new Float64Array(pairs).fill(joint);
    effects.forEach(({ variance, length }, axis) => {
      const distances = this.#distances[axis] ?? sums;
      for (let pair = 0; pair < pairs; pair++) {
        const distance = distances[pair] as number;
        sums[pair] = (sums[pair] as number) + variance * matern(distance / length);
        products[pair] = (products[pair] as number) * matern(distance / (length * JOINT_STRETCH));
      }
    });
    const n = this.#observations.length;
    const matrix = new Float64Array(n * n);
    let pair = 0;
    this.#observations.forEach(({ noise }, i) => {
      for (let j = 0; j <= i; j++, pair++)
        matrix[i * n + j] = this.#scale * ((sums[pair] ?? 0) + (products[pair] ?? 0));
      matrix[i * n + i] = (matrix[i * n + i] ?? 0) + noise + JITTER * this.#scale;
    });
    return matrix;
  }
}

function distance2(x: number, centre: number, width: number): number {
  return (Math.log(x / centre) / width) ** 2;
}

/** A parameter without effect is like itself alone; values without an order are all equally unlike. */
function distanceOf(left: number, right: number, ordered: boolean): number {
  if (left === right) return 0;
  const [leftActs, rightActs] = [!Number.isNaN(left), !Number.isNaN(right)];
  if (leftActs && rightActs) return ordered ? Math.abs(left - right) : 1;
  return leftActs === rightActs ? 0 : 1;
}

function matern(distance: number): number {
  const scaled = Math.sqrt(5) * distance;
  return (1 + scaled + (scaled * scaled) / 3) * Math.exp(-scaled);
}
