// Our tuner on the objective, within the items that a sampler of as many whole trials asks.
import { seededRandom } from "@chimera/kernel";
import type { TunerOptions } from "../../../services/evaluator/src/tuner/options.ts";
import { Tuner } from "../../../services/evaluator/src/tuner/tuner.ts";
import { ITEMS_PER_TRIAL, knobs, trueQuality } from "./tuner-objective.ts";

export interface OurPick {
  quality: number;
  /** Its estimate minus its true quality. */
  optimism: number;
  itemsSpent: number;
}

export interface OurRun {
  trials: number;
  seed: number;
  signal: AbortSignal;
  /** For comparing variants. */
  variant?: Partial<TunerOptions<number>>;
}

export async function tuneOurs({ trials, seed, signal, variant = {} }: OurRun): Promise<OurPick> {
  const random = seededRandom(7_000_003 + seed);
  const items = Array.from({ length: trials * ITEMS_PER_TRIAL }, (_, item) => item);
  const tuner = new Tuner<number>({
    space: knobs,
    items: { search: items.slice(0, ITEMS_PER_TRIAL), final: items.slice(ITEMS_PER_TRIAL), confirmation: [] },
    trials,
    seed,
    // Every answer is drawn anew: being asked the same items is no help here, as it is none to the peer.
    measure: async (configuration, asked) => {
      const quality = trueQuality(configuration);
      return asked.map(() => ({ score: random() < quality ? 1 : 0, ttftMs: 1, tokens: 1 }));
    },
    ...variant,
  });
  for await (const event of tuner.run(signal)) {
    if (event.kind !== "proposal") continue;
    const { configuration, estimate, itemsSpent } = event.proposal;
    const quality = trueQuality(configuration);
    return { quality, optimism: estimate.mean - quality, itemsSpent };
  }
  throw new Error("the tuner ended without a proposal");
}
