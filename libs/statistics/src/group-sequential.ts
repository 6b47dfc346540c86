// Boundaries for a fixed maximum sample that is looked at a known number of times: more power than an always-valid rule where
// the maximum is declared. Two-sided, symmetrical.
import { assert, normalQuantile } from "@chimera/kernel";
import { at } from "./class-counts.ts";
import { normalCdf, root } from "./distributions.ts";

// Simpson's rule; doubling them moves no boundary by 1e-6.
const INTERVALS = 600;
const MAX_LOOKS = 100;
const TOLERANCE = 1e-10;
/** No boundary above it: the chance beyond is 1e-15. */
const LARGEST_Z = 8;

/**
 * Boundaries of |z| by Lan and DeMets 1983 with the spending of O'Brien and Fleming's shape: up to the share t of the maximum
 * sample 4 (1 - Φ(z(1 - α/4)/√t)) is spent on both sides together. The looks need not be evenly spaced nor known beforehand:
 * each boundary depends on the looks before it alone.
 */
export function spendingBoundaries(shares: readonly number[], alpha = 0.05): number[] {
  checkShares(shares);
  const z = normalQuantile(1 - alpha / 4);
  const path = new SurvivingPath();
  let spent = 0;
  return shares.map((share) => {
    const allowed = 4 * normalCdf(-z / Math.sqrt(share));
    const boundary = path.boundaryFor(share, allowed - spent);
    path.advance(share, boundary);
    spent = allowed;
    return boundary;
  });
}

/** O'Brien and Fleming 1979: boundaries c/√share, with the c that makes the chance of any false alarm alpha. */
export function obrienFlemingBoundaries(shares: readonly number[], alpha = 0.05): number[] {
  checkShares(shares);
  const bounds = (c: number) => shares.map((share) => Math.min(LARGEST_Z, c / Math.sqrt(share)));
  const c = root((each) => alpha - crossingProbability(shares, bounds(each)), {
    low: 1,
    high: 6,
    tolerance: TOLERANCE,
  });
  return shares.map((share) => c / Math.sqrt(share));
}

/** Chance that |z| passes its boundary at any look where nothing is true. */
export function crossingProbability(shares: readonly number[], boundaries: readonly number[]): number {
  checkShares(shares);
  const path = new SurvivingPath();
  let crossed = 0;
  for (const [look, share] of shares.entries()) {
    crossed += path.crossing(share, at(boundaries, look));
    path.advance(share, at(boundaries, look));
  }
  return crossed;
}

function checkShares(shares: readonly number[]): void {
  const rising = shares.every((share, i) => share > (shares[i - 1] ?? 0) && share <= 1);
  assert(rising && shares.length <= MAX_LOOKS, `shares of the sample rise up to 1, at most ${MAX_LOOKS} of them`);
}

/**
 * Density of the Brownian path b = z √share that has passed no boundary yet, on a grid (Armitage, McPherson, Rowe 1969):
 * each look convolves it with a normal step and cuts it at the boundary.
 */
class SurvivingPath {
  #share = 0;
  #edge = 0;
  #density = new Float64Array(0);

  crossing(share: number, z: number): number {
    const edge = z * Math.sqrt(share);
    if (this.#share === 0) return 2 * normalCdf(-z);
    const step = Math.sqrt(share - this.#share);
    return this.#integral((b) => normalCdf((b - edge) / step) + normalCdf((-edge - b) / step));
  }

  boundaryFor(share: number, probability: number): number {
    if (probability <= this.crossing(share, LARGEST_Z)) return LARGEST_Z;
    return root((z) => probability - this.crossing(share, z), { low: 0, high: LARGEST_Z, tolerance: TOLERANCE });
  }

  advance(share: number, z: number): void {
    const edge = z * Math.sqrt(share);
    const step = Math.sqrt(share - this.#share);
    const next = Float64Array.from({ length: INTERVALS + 1 }, (_, i) => {
      const b = -edge + (2 * edge * i) / INTERVALS;
      if (this.#share === 0) return gaussian(b / step) / step;
      return this.#integral((from) => gaussian((b - from) / step)) / step;
    });
    this.#density = next;
    this.#share = share;
    this.#edge = edge;
  }

  #integral(of: (b: number) => number): number {
    const width = (2 * this.#edge) / INTERVALS;
    let sum = 0;
    for (let i = 0; i <= INTERVALS; i++) {
      const weight = i === 0 || i === INTERVALS ? 1 : i % 2 === 1 ? 4 : 2;
      sum += weight * at(this.#density, i) * of(-this.#edge + i * width);
    }
    return (sum * width) / 3;
  }
}

function gaussian(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}
