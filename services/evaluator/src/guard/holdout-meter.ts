// Counts every look at a holdout and tells no more than a look is worth. An answer is the best published score, raised only
// by a step of at least one standard error and rounded to it (the Ladder, Blum and Hardt 2015), with noise on comparison and
// answer (Thresholdout, Dwork et al. 2015). When the budget is spent it answers no more: fresh items are needed.
import { assert, FailedPreconditionError, type Random } from "@chimera/kernel";
import { z } from "zod";

/** Items of one holdout whose scores are kept. */
const MAX_ITEMS = 100_000;
/** Noise of the comparison and the answer, in steps. */
const NOISE_STEPS = 0.25;
/** Chance that any of all looks at one holdout calls no gain a gain. */
const ALPHA = 0.05;

const stateSchema = z.object({
  version: z.literal(1),
  /** Content hash of the holdout: the budget belongs to these items. */
  holdout: z.string().min(1),
  budget: z.int().min(1),
  looks: z.int().min(0),
  /** Null before the first look. */
  published: z.number().nullable(),
  /** Scores by item of what was published last. */
  best: z.array(z.number()).max(MAX_ITEMS),
});
export type MeterState = z.infer<typeof stateSchema>;

export type Look =
  | {
      readonly kind: "answered";
      /** Whether the step was made; the value is the old one otherwise. */
      readonly improved: boolean;
      readonly value: number;
      readonly step: number;
      readonly looksLeft: number;
      /** Level of a test on these items that was made with this look. */
      readonly alpha: number;
    }
  | Refusal;

export interface Refusal {
  readonly kind: "refused";
  readonly reason: string;
  readonly remedy: string;
}

export class HoldoutMeter {
  #state: MeterState;
  readonly #random: Random;

  private constructor(state: MeterState, random: Random) {
    this.#state = state;
    this.#random = random;
  }

  static fresh({ holdout, budget }: { holdout: string; budget: number }, random: Random): HoldoutMeter {
    const state = { version: 1, holdout, budget, looks: 0, published: null, best: [] };
    return HoldoutMeter.from(state, { holdout, random });
  }

  /** Goes on from `toJSON`. Throws FailedPreconditionError where the state is of other items, or no state. */
  static from(state: unknown, { holdout, random }: { holdout: string; random: Random }): HoldoutMeter {
    const parsed = stateSchema.safeParse(state);
    if (!parsed.success) throw new FailedPreconditionError("the state of the holdout meter can not be read");
    if (parsed.data.holdout === holdout) return new HoldoutMeter(parsed.data, random);
    throw new FailedPreconditionError(
      "the state of the holdout meter belongs to other items; start a fresh one for these",
    );
  }

  get looks(): number {
    return this.#state.looks;
  }

  get budget(): number {
    return this.#state.budget;
  }

  /** One look, whatever comes of it. `scores` by item, in an order that never changes. To be stored before the answer is used. */
  look(scores: readonly number[]): Look {
    const { budget, looks, published, best } = this.#state;
    const refusal = this.#refusal();
    if (refusal !== undefined) return refusal;
    assert(scores.length > 1 && (best.length === 0 || best.length === scores.length), "a look scores every item");
    const mean = scores.reduce((sum, each) => sum + each, 0) / scores.length;
    const step = standardError(scores, best);
    const noise = () => laplace(NOISE_STEPS * step, this.#random);
    const improved = published === null || mean + noise() > published + step + noise();
    const value = improved ? rounded(mean + noise(), step) : published;
    this.#state = {
      ...this.#state,
      looks: looks + 1,
      published: value,
      best: improved ? [...scores] : best,
    };
    return { kind: "answered", improved, value, step, looksLeft: budget - looks - 1, alpha: alphaOf(looks + 1) };
  }

  /** One look whose figures are told as they are. Undefined where there was one left. To be stored before anything is asked. */
  spend(): Refusal | undefined {
    const refusal = this.#refusal();
    if (refusal === undefined) this.#state = { ...this.#state, looks: this.#state.looks + 1 };
    return refusal;
  }

  #refusal(): Refusal | undefined {
    const { budget, looks } = this.#state;
    if (looks < budget) return undefined;
    return {
      kind: "refused",
      reason: `all ${budget} looks at this holdout are spent`,
      remedy: "bring in fresh labelled items as a new holdout, and move these to validation",
    };
  }

  toJSON(): MeterState {
    return this.#state;
  }
}

/** Level of the k-th look: 6/(π² k²) of the whole, which adds up to it however many looks there are. */
export function alphaOf(look: number): number {
  return (ALPHA * 6) / (Math.PI * look) ** 2;
}

/** Of the mean, or of the mean difference where there is something to compare with. */
function standardError(scores: readonly number[], best: readonly number[]): number {
  const values = best.length === 0 ? scores : scores.map((score, item) => score - (best[item] ?? 0));
  const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
  const squares = values.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  // As if one more item differed: equal scores are no certainty.
  return Math.sqrt((squares + 1) / values.length / values.length);
}

function rounded(value: number, step: number): number {
  return Math.min(1, Math.max(0, Math.round(value / step) * step));
}

function laplace(scale: number, random: Random): number {
  const u = random() - 0.5;
  return -scale * Math.sign(u) * Math.log(1 - 2 * Math.abs(u) + Number.EPSILON);
}
