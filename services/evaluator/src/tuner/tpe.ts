// Tree-structured Parzen estimators (Bergstra et al. 2011): proposes where configurations like the good ones are likelier
// than configurations like the rest. Mixed and conditional axes; each axis for itself, or all of them together.
import type { Random } from "@chimera/kernel";
import { type AxisDensity, axisDensity } from "./parzen.ts";
import type { Configuration, Point, SearchSpace } from "./space.ts";

export interface Scored {
  readonly point: Point;
  readonly score: number;
}

export interface TpeOptions {
  /** Draws of which the best is proposed; the field's default is 24. */
  candidates?: number;
  /** Axes drawn together, from one observation each, which keeps what belongs together. */
  multivariate?: boolean;
}

export interface Candidate {
  readonly configuration: Configuration;
  readonly point: Point;
  /** Log of (density among the good ÷ density among the rest). */
  readonly logRatio: number;
}

const CANDIDATES = 24;
// Optuna's defaults: the best tenth counts as good, at most 25; of the rest, all but the latest 25 fade.
const GOOD_SHARE = 0.1;
const MAX_GOOD = 25;
const UNFADED = 25;
/** Draws per wanted candidate where constraints rule many out. */
const MAX_DRAWS_EACH = 50;

/** Allowed candidates, the best first; at least one. */
export function tpeCandidates(
  space: SearchSpace,
  scored: readonly Scored[],
  { candidates = CANDIDATES, multivariate = false, random }: TpeOptions & { random: Random },
): Candidate[] {
  const { good, rest } = split(scored);
  const likely = new Mixture(space, good, multivariate);
  const unlikely = new Mixture(space, rest, multivariate);
  const found: Candidate[] = [];
  for (let draw = 0; draw < candidates * MAX_DRAWS_EACH && found.length < candidates; draw++) {
    const configuration = space.at(likely.draw(random));
    if (!space.allows(configuration)) continue;
    const point = space.pointOf(configuration);
    found.push({ configuration, point, logRatio: likely.logDensity(point) - unlikely.logDensity(point) });
  }
  if (found.length === 0) {
    const configuration = space.firstAllowed(() => space.axes.map(() => random()));
    return [{ configuration, point: space.pointOf(configuration), logRatio: 0 }];
  }
  return found.sort((a, b) => b.logRatio - a.logRatio);
}

/** Both in the order in which they were measured. */
function split(scored: readonly Scored[]): { good: Scored[]; rest: Scored[] } {
  const count = Math.min(Math.ceil(GOOD_SHARE * scored.length), MAX_GOOD);
  const best = new Set(scored.toSorted((a, b) => b.score - a.score).slice(0, count));
  return { good: scored.filter((each) => best.has(each)), rest: scored.filter((each) => !best.has(each)) };
}

/** The components of one axis: observations in which it has an effect, and the prior. */
interface AxisMixture {
  readonly density: AxisDensity;
  readonly logWeights: readonly number[];
}

class Mixture {
  readonly #axes: readonly AxisMixture[];
  readonly #joint: boolean;
  readonly #logWeights: readonly number[];

  constructor(space: SearchSpace, scored: readonly Scored[], joint: boolean) {
    this.#joint = joint;
    this.#logWeights = logWeightsOf(scored.length);
    const width = joint ? 0.2 * Math.max(scored.length, 1) ** (-1 / (space.axes.length + 4)) : undefined;
    this.#axes = space.axes.map((axis, index) => {
      const coordinates = scored.map(({ point }) => point[index] ?? Number.NaN);
      // Drawn together, an axis without effect in an observation is as good as unknown there: the middle stands for it.
      const used = joint
        ? coordinates.map((u) => (Number.isNaN(u) ? 0.5 : u))
        : coordinates.filter((u) => !Number.isNaN(u));
      return { density: axisDensity(axis, used, width), logWeights: logWeightsOf(used.length) };
    });
  }

  draw(random: Random): Point {
    const shared = pick(this.#logWeights, random);
    return Float64Array.from(this.#axes, ({ density, logWeights }) =>
      density.draw(this.#joint ? shared : pick(logWeights, random), random),
    );
  }

  logDensity(point: Point): number {
    if (this.#joint) {
      return logSum(this.#logWeights.map((weight, component) => weight + this.#along(point, component)));
    }
    return this.#axes.reduce((sum, { density, logWeights }, axis) => {
      const u = point[axis] ?? Number.NaN;
      if (Number.isNaN(u)) return sum;
      return sum + logSum(logWeights.map((weight, component) => weight + density.logDensity(component, u)));
    }, 0);
  }

  #along(point: Point, component: number): number {
    return this.#axes.reduce((sum, { density }, axis) => {
      const u = point[axis] ?? Number.NaN;
      return Number.isNaN(u) ? sum : sum + density.logDensity(component, u);
    }, 0);
  }
}

/** The prior counts as one observation; old observations fade linearly. */
function logWeightsOf(observations: number): number[] {
  const faded = Math.max(0, observations - UNFADED);
  const weights = Array.from({ length: observations }, (_, index) =>
    index >= faded ? 1 : 1 / observations + (index / Math.max(faded - 1, 1)) * (1 - 1 / observations),
  );
  weights.push(1);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => Math.log(weight / total));
}

function pick(logWeights: readonly number[], random: Random): number {
  let left = random();
  for (let index = 0; index < logWeights.length; index++) {
    left -= Math.exp(logWeights[index] ?? 0);
    if (left < 0) return index;
  }
  return logWeights.length - 1;
}

function logSum(terms: readonly number[]): number {
  const largest = Math.max(...terms);
  return largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - largest), 0));
}
