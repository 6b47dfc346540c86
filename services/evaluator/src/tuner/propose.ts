// Which configuration to measure next. The first ones fill the space evenly; after that two models take turns: the tree of
// Parzen estimators, which goes where good configurations lie close together, and expected improvement under a Gaussian
// process, which also goes where little is known. Both look at smoothed scores, so luck at the items misleads neither.
import { type Random, seededRandom } from "@chimera/kernel";
import { normalCdf } from "@chimera/statistics";
import { GaussianProcess, type Hyperparameters, MAX_OBSERVATIONS, type Observation } from "./gaussian-process.ts";
import { SobolSequence } from "./sobol.ts";
import { type Configuration, keyOf, type Point, type SearchSpace } from "./space.ts";
import { type Candidate, type Scored, tpeCandidates } from "./tpe.ts";

export type Sampler = "random" | "tpe" | "tpe-multivariate" | "turns";

export interface ProposeOptions {
  readonly space: SearchSpace;
  readonly seed: number;
  readonly sampler: Sampler;
  /** Trials before the first model. */
  readonly startTrials: number;
}

/** Candidates of each kind that the Gaussian process ranks. */
const RANKED = { tpe: 24, anywhere: 64, nearby: 128 };
/** Best configurations whose surroundings are looked at. */
const CENTRES = 4;
/** Half width of a small step along one axis. */
const STEP = 0.15;
/** Observations grow by this factor before hyperparameters are fitted again. */
const REFIT_GROWTH = 1.25;

export class Proposer {
  readonly #options: ProposeOptions;
  readonly #start: Configuration[];
  #hyperparameters: Hyperparameters | undefined;
  #fittedAt = 0;

  constructor(options: ProposeOptions) {
    this.#options = options;
    const { space, seed, startTrials } = options;
    const sequence = new SobolSequence(space.axes.length, seededRandom(seed));
    this.#start = Array.from({ length: startTrials }, () => space.firstAllowed(() => sequence.next()));
  }

  /** The same trial after the same observations has the same proposal; nothing else is remembered that counts. */
  next(trial: number, observations: readonly Observation[]): Configuration {
    const { space, sampler, seed } = this.#options;
    const random = seededRandom(seed * 1_000_003 + trial);
    const start = this.#start[trial];
    if (start !== undefined) return start;
    const anywhere = () => space.firstAllowed(() => space.axes.map(() => random()));
    if (sampler === "random" || observations.length < 2) return anywhere();
    if (sampler !== "turns") {
      const multivariate = sampler === "tpe-multivariate";
      return tpeCandidates(space, observations, { random, multivariate })[0]?.configuration ?? anywhere();
    }
    return this.#inTurns(trial, observations, random) ?? anywhere();
  }

  /** The process over the observations, the latest ones where there are too many. */
  process(observations: readonly Observation[]): GaussianProcess {
    const latest = observations.slice(-MAX_OBSERVATIONS);
    const refit = latest.length >= this.#fittedAt * REFIT_GROWTH;
    if (refit) this.#fittedAt = latest.length;
    const process = new GaussianProcess(this.#options.space.axes, latest, { start: this.#hyperparameters, refit });
    this.#hyperparameters = process.hyperparameters;
    return process;
  }

  #inTurns(trial: number, observations: readonly Observation[], random: Random): Configuration | undefined {
    const { space } = this.#options;
    const process = this.process(observations);
    const smoothed = observations.map(({ point }) => ({ point, score: process.at(point).mean }));
    const tpe = tpeCandidates(space, smoothed, { random, candidates: RANKED.tpe });
    const known = new Set(observations.map(({ point }) => keyOf(space.at(point))));
    if (trial % 2 === 0) return tpe.find(({ configuration }) => !known.has(keyOf(configuration)))?.configuration;
    const ranked = smoothed.toSorted((a, b) => b.score - a.score);
    const candidates: Pick<Candidate, "configuration" | "point">[] = [
      ...tpe,
      ...tpeCandidates(space, smoothed, { random, candidates: RANKED.tpe, multivariate: true }),
      ...this.#drawn(RANKED.anywhere, () => space.axes.map(() => random())),
      ...this.#drawn(RANKED.nearby, (draw) => nearby(ranked[draw % Math.min(CENTRES, ranked.length)], random)),
    ];
    const best = ranked[0]?.score ?? 0;
    const improvement = ({ configuration, point }: (typeof candidates)[number]) =>
      known.has(keyOf(configuration)) ? 0 : expectedImprovement(process.at(point), best);
    return largest(candidates, improvement)?.configuration;
  }

  #drawn(count: number, draw: (index: number) => ArrayLike<number>): Pick<Candidate, "configuration" | "point">[] {
    const { space } = this.#options;
    return Array.from({ length: count }, (_, index) => space.at(draw(index)))
      .filter((configuration) => space.allows(configuration))
      .map((configuration) => ({ configuration, point: space.pointOf(configuration) }));
  }
}

/** One or two axes moved, a little or anywhere; an axis without effect is given a value in case it gets one. */
function nearby(centre: Scored | undefined, random: Random): Point {
  const moved = Float64Array.from(centre?.point ?? [], (u) => (Number.isNaN(u) ? random() : u));
  const moves = random() < 0.5 ? 1 : 2;
  for (let move = 0; move < moves; move++) {
    const axis = Math.floor(random() * moved.length);
    const step = STEP * (random() + random() - 1);
    const u = random() < 0.5 ? random() : (moved[axis] ?? 0) + step;
    moved[axis] = Math.min(1 - 1e-9, Math.max(0, u));
  }
  return moved;
}

/** Mockus 1975; `best` is itself smoothed, so there is no lucky score to beat. */
function expectedImprovement({ mean, sd }: { mean: number; sd: number }, best: number): number {
  if (sd === 0) return Math.max(0, mean - best);
  const z = (mean - best) / sd;
  return (mean - best) * normalCdf(z) + (sd * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}

function largest<T>(values: readonly T[], size: (value: T) => number): T | undefined {
  let best: T | undefined;
  let bestSize = Number.NEGATIVE_INFINITY;
  for (const each of values) {
    const found = size(each);
    if (found > bestSize) {
      best = each;
      bestSize = found;
    }
  }
  return best;
}
