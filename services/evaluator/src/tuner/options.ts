// What a tuning run is told, with the defaults and bounds of every number.
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import { type Journal, noJournal } from "./journal.ts";
import type { Measure } from "./measuring.ts";
import type { Limits } from "./pareto.ts";
import type { Sampler } from "./propose.ts";
import type { Configuration, SearchSpace } from "./space.ts";

/** Trials and items of one trial that are held in memory. */
const MAX_TRIALS = 400;
const MAX_ITEMS_PER_TRIAL = 5000;
const MAX_CONCURRENCY = 32;

export interface TunerItems<Item> {
  /** Common to all trials, in the order in which each is asked them. */
  readonly search: readonly Item[];
  /** For the finalists alone; may be empty. */
  readonly final: readonly Item[];
  /** For the winner against the baseline, after every choice was made; may be empty. */
  readonly confirmation: readonly Item[];
}

export interface TunerOptions<Item> {
  readonly space: SearchSpace;
  readonly items: TunerItems<Item>;
  readonly measure: Measure<Item>;
  readonly trials: number;
  readonly seed: number;
  /** What is in use now; measured first, as one of the trials. */
  readonly baseline?: Configuration | undefined;
  readonly journal?: Journal;
  readonly limits?: Limits;
  /** Default "turns". */
  readonly sampler?: Sampler;
  /** Default 10, or a third of the trials where those are few. */
  readonly startTrials?: number;
  /** Most items of one trial; default all of `items.search`. */
  readonly itemsPerTrial?: number;
  /** Items that search and finals may ask together; default trials × itemsPerTrial. Confirmation comes on top. */
  readonly budgetItems?: number;
  /** Of the budget, kept back for finalists, who also get what cut trials saved; default 0.05. */
  readonly finalShare?: number;
  /** Trials that are measured at once; default 1. More than one is proposed without knowing the others' results. */
  readonly concurrency?: number;
  /** Shares of itemsPerTrial after which a trial may be given up; default a quarter and a half. */
  readonly rungs?: readonly number[];
  /** Of what reaches a rung, how much goes on; default a half, 1 is racing alone. */
  readonly keptShare?: number;
}

export type Plan<Item> = Required<Omit<TunerOptions<Item>, "baseline">> & Pick<TunerOptions<Item>, "baseline">;

/** Throws InvalidRequestError with everything that is out of range. */
export function planOf<Item>(options: TunerOptions<Item>): Plan<Item> {
  const trials = options.trials;
  const itemsPerTrial = options.itemsPerTrial ?? Math.min(options.items.search.length, MAX_ITEMS_PER_TRIAL);
  const plan: Plan<Item> = {
    journal: noJournal,
    limits: {},
    sampler: "turns",
    startTrials: Math.min(10, Math.ceil(trials / 3)),
    finalShare: options.items.final.length === 0 ? 0 : 0.05,
    concurrency: 1,
    rungs: [0.25, 0.5],
    keptShare: 0.5,
    budgetItems: trials * itemsPerTrial,
    ...options,
    itemsPerTrial,
  };
  const violations = mistakesIn(plan);
  if (violations.length > 0) throw new InvalidRequestError(violations);
  if (plan.baseline) plan.space.check(plan.baseline);
  return plan;
}

function mistakesIn<Item>(plan: Plan<Item>): FieldViolation[] {
  const { trials, itemsPerTrial, concurrency, items } = plan;
  const bounds: [field: string, isRight: boolean, description: string][] = [
    ["trials", isWhole(trials, 1, MAX_TRIALS), `1 to ${MAX_TRIALS}`],
    ["seed", Number.isSafeInteger(plan.seed), "an integer"],
    ["concurrency", isWhole(concurrency, 1, MAX_CONCURRENCY), `1 to ${MAX_CONCURRENCY}`],
    ["items_per_trial", isWhole(itemsPerTrial, 1, MAX_ITEMS_PER_TRIAL), `1 to ${MAX_ITEMS_PER_TRIAL}`],
    ["items.search", items.search.length >= itemsPerTrial, `at least items_per_trial, ${itemsPerTrial}`],
    ["start_trials", isWhole(plan.startTrials, 1, MAX_TRIALS), `1 to ${MAX_TRIALS}`],
    ["budget_items", plan.budgetItems >= 1, "at least 1"],
    ["final_share", plan.finalShare >= 0 && plan.finalShare < 1, "from 0 to below 1"],
    ["kept_share", plan.keptShare > 0 && plan.keptShare <= 1, "above 0, at most 1"],
    ["rungs", plan.rungs.every((rung) => rung > 0 && rung < 1), "each between 0 and 1"],
  ];
  return bounds.flatMap(([field, isRight, description]) => (isRight ? [] : [{ field, description }]));
}

function isWhole(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}
