// One tuning run in a made-up world, from the search to the verdict of the guard.
import { seededRandom } from "@chimera/kernel";
import { HoldoutMeter } from "../../../services/evaluator/src/guard/holdout-meter.ts";
import { type Judgement, judgeProposal } from "../../../services/evaluator/src/guard/judge-proposal.ts";
import { type Configuration, SearchSpace } from "../../../services/evaluator/src/tuner/space.ts";
import { Tuner } from "../../../services/evaluator/src/tuner/tuner.ts";
import { scoresOf, textOf, WORDS_PER_ITEM, type World, type WorldItem, worldItems } from "./guard-world.ts";
import { knobs, trueQuality } from "./tuner-objective.ts";

const TRIALS = 16;
const VALIDATION_ITEMS = 400;
const ITEMS_PER_TRIAL = 150;
const HOLDOUT_ITEMS = 2000;
const BUDGET = 20;
const LOOKS = 500;
const SLICES = 4;
const SEEDS = 5;
/** Differences between settings are this much smaller than in the objective of the tuner benchmark: gains of 3 to 5 pp. */
const SCALE = 0.4;
const LEVEL = 0.9;

export const PLANTED = ["memorised validation", "noise only", "leaked shots", "500 looks"] as const;
export type Planted = (typeof PLANTED)[number];

const idle = new SearchSpace({
  parameters: {
    remembers: { kind: "boolean" },
    a: { kind: "float", low: 0, high: 1 },
    b: { kind: "int", low: 0, high: 20 },
    c: { kind: "categorical", choices: ["x", "y", "z"] },
  },
});
const IDLE_BASELINE: Configuration = { remembers: false, a: 0.5, b: 10, c: "x" };
/** The defaults of the objective, where nothing was tuned. */
const BASELINE: Configuration = {
  temperature: 1,
  top_p: 1,
  shots: 0,
  template: "0",
  votes: 1,
  threshold: 0.8,
  repetition: 1,
};

interface Case {
  world: World;
  space: SearchSpace;
  baseline: Configuration;
  /** Examples the proposal shows, given the items of validation and holdout. */
  shots(items: readonly WorldItem[]): WorldItem[];
  /** The proposal with one small change each. */
  smallChanges(configuration: Configuration): Configuration[];
}

/** Whether the guard refused, or in the case of many looks, never accepted. */
export async function isCaught(planted: Planted, seed: number, signal: AbortSignal): Promise<boolean> {
  if (planted === "500 looks") return isWornOutSafely(seed);
  const { judgement } = await judged(plantedCase(planted, seed), signal);
  return judgement.verdict === "refused";
}

export interface HonestOutcome {
  judgement: Judgement;
  trueGain: number;
}

export function judgeHonest(seed: number, signal: AbortSignal): Promise<HonestOutcome> {
  return judged(honestCase(seed), signal);
}

function plantedCase(planted: Exclude<Planted, "500 looks">, seed: number): Case {
  const remembers = (configuration: Configuration) => configuration.remembers === true;
  const flattery: Record<typeof planted, World["flattery"]> = {
    "memorised validation": (configuration, { id }) =>
      remembers(configuration) && id.startsWith("validation") ? 0.06 : 0,
    "noise only": () => 0,
    // The copied answers help on every side that was copied from.
    "leaked shots": (configuration) => (remembers(configuration) ? 0.06 : 0),
  };
  const random = seededRandom(seed);
  return {
    world: { seed, trueQuality: () => LEVEL, flattery: flattery[planted] },
    space: idle,
    baseline: IDLE_BASELINE,
    shots: (items) => (planted === "leaked shots" ? reworded(items.slice(0, 8)) : worldItems("train", 8, random)),
    smallChanges: (configuration) => [{ ...configuration, b: Math.max(0, Number(configuration.b) - 1) }],
  };
}

/** One word of each is another one. */
function reworded(items: readonly WorldItem[]): WorldItem[] {
  return items.map(({ id, text }) => ({
    id: `shot from ${id}`,
    text: text
      .split(" ")
      .with(WORDS_PER_ITEM - 1, "reworded")
      .join(" "),
  }));
}

function honestCase(seed: number): Case {
  const random = seededRandom(seed);
  return {
    world: {
      seed,
      trueQuality: (configuration) => LEVEL + SCALE * (trueQuality(configuration) - LEVEL),
      flattery: () => 0,
    },
    space: knobs,
    baseline: BASELINE,
    shots: () => worldItems("train", 8, random),
    smallChanges: (configuration) => [
      { ...configuration, temperature: Math.min(1.5, Number(configuration.temperature) + 0.05) },
      { ...configuration, top_p: Math.max(0.1, Number(configuration.top_p) - 0.05) },
      { ...configuration, repetition: Math.min(1.4, Number(configuration.repetition) + 0.03) },
    ],
  };
}

async function judged(
  { world, space, baseline, shots, smallChanges }: Case,
  signal: AbortSignal,
): Promise<HonestOutcome> {
  const random = seededRandom(world.seed + 90_001);
  const validation = worldItems("validation", VALIDATION_ITEMS, random);
  const holdout = worldItems("holdout", HOLDOUT_ITEMS, random);
  const winner = await tuned({ world, space, baseline, validation, signal });
  const at = (configuration: Configuration, items: readonly WorldItem[], answerSeed = 0) =>
    scoresOf(world, configuration, { items, answerSeed });
  const scores = { baseline: at(baseline, holdout), candidate: at(winner, holdout) };
  const check = worldItems("check", VALIDATION_ITEMS, random);
  const own = at(winner, check);
  const judgement = judgeProposal({
    meter: HoldoutMeter.fresh({ holdout: "made up", budget: BUDGET }, random),
    holdout: scores,
    shots: shots([...validation, ...holdout]),
    items: [...validation, ...holdout],
    smallChanges: smallChanges(winner).map((changed, index) => ({
      name: `change ${index}`,
      baseline: own,
      candidate: at(changed, check),
    })),
    slices: Array.from({ length: SLICES }, (_, slice) => ({
      name: `slice ${slice}`,
      baseline: scores.baseline.filter((_each, item) => item % SLICES === slice),
      candidate: scores.candidate.filter((_each, item) => item % SLICES === slice),
    })),
    gainsBySeed: Array.from({ length: SEEDS }, (_, answerSeed) => {
      const [before, after] = [at(baseline, holdout, answerSeed + 1), at(winner, holdout, answerSeed + 1)];
      return after.reduce((sum, score, item) => sum + score - (before[item] ?? 0), 0) / holdout.length;
    }),
  });
  return { judgement, trueGain: world.trueQuality(winner) - world.trueQuality(baseline) };
}

interface Search extends Pick<Case, "world" | "space" | "baseline"> {
  validation: readonly WorldItem[];
  signal: AbortSignal;
}

async function tuned({ world, space, baseline, validation, signal }: Search): Promise<Configuration> {
  const tuner = new Tuner<WorldItem>({
    space,
    baseline,
    items: { search: validation, final: validation.slice(ITEMS_PER_TRIAL), confirmation: [] },
    trials: TRIALS,
    itemsPerTrial: ITEMS_PER_TRIAL,
    seed: world.seed,
    measure: async (configuration, items) =>
      scoresOf(world, configuration, { items }).map((score) => ({ score, ttftMs: 1, tokens: 1 })),
  });
  for await (const event of tuner.run(signal)) {
    if (event.kind === "proposal") return event.proposal.configuration;
  }
  return baseline;
}

/** Proposals without any effect, one after the other, until one passes or all were refused. */
function isWornOutSafely(seed: number): boolean {
  const random = seededRandom(seed);
  const world: World = { seed, trueQuality: () => LEVEL, flattery: () => 0 };
  const items = worldItems("holdout", HOLDOUT_ITEMS, random);
  const meter = HoldoutMeter.fresh({ holdout: "made up", budget: BUDGET }, random);
  const baseline = scoresOf(world, IDLE_BASELINE, { items });
  for (let look = 0; look < LOOKS; look++) {
    const configuration = idle.at([random(), random(), random(), random()]);
    // Beyond the budget no score is needed to be refused.
    const candidate = look < BUDGET ? scoresOf(world, configuration, { items }) : baseline;
    const { verdict } = judgeProposal({
      meter,
      holdout: { baseline, candidate },
      shots: [{ id: "shot", text: textOf(random) }],
      items: [],
      smallChanges: [],
      slices: [],
      gainsBySeed: [],
    });
    if (verdict === "accepted") return false;
  }
  return true;
}
