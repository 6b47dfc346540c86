// What a run asks, question by question: every item as often as wanted, with one configuration or with two that take turns.
import { createHash } from "node:crypto";
import { FailedPreconditionError } from "@chimera/kernel";
import type { Item } from "../dataset/item.ts";
import { messagesFor, type PromptPlan } from "../prompt/prompt.ts";
import type { ShotPool } from "../prompt/shots.ts";
import type { Arm, RunIntent, Unit } from "../queue/queue.ts";
import { JUDGE } from "../scorer/judge/parameters.ts";

export interface PlannedArm {
  arm: Arm;
  prompt: PromptPlan;
}

export interface RunPlanOptions {
  kind: "evaluate" | "compare";
  dataset: string;
  split: string;
  datasetHash: string;
  items: readonly Item[];
  arms: readonly PlannedArm[];
  repeats: number;
  classes: readonly string[];
  scorers: readonly string[];
  /** By scorer. */
  parameters?: Readonly<Record<string, unknown>>;
  pool: ShotPool | undefined;
}

/** Questions of one run; their results are held in memory by who coordinates it. */
const MAX_UNITS = 200_000;
/** Answers of one run that a model may judge: each costs about as much as the answer did, and twice where a reply is unreadable. */
const MAX_JUDGED = 5000;

export class RunPlan {
  readonly #options: RunPlanOptions;

  /** Throws FailedPreconditionError where the run would be too large, or an item stands among the examples. */
  constructor(options: RunPlanOptions) {
    this.#options = options;
    if (this.total > MAX_UNITS) {
      throw new FailedPreconditionError(`the run would ask ${this.total} times; at most ${MAX_UNITS}: set a limit`);
    }
    if (options.scorers.includes(JUDGE) && this.total > MAX_JUDGED) {
      throw new FailedPreconditionError(
        `the judge would be asked ${this.total} times; at most ${MAX_JUDGED}: set a limit`,
      );
    }
    options.pool?.assertApart(options.split === "train" ? [] : options.items);
  }

  get total(): number {
    const { items, arms, repeats } = this.#options;
    return items.length * arms.length * repeats;
  }

  get arms(): number {
    return this.#options.arms.length;
  }

  intent(coordinator: string): RunIntent {
    const { arms, classes, scorers, parameters = {} } = this.#options;
    return {
      fingerprint: this.#fingerprint(),
      coordinator,
      arms: arms.map(({ arm }) => arm),
      classes: [...classes],
      scorers: [...scorers],
      parameters: { ...parameters },
    };
  }

  /** Arms of one item follow each other, and every second time in the other order: drift, and what the first warms up, hit both. */
  unit(index: number): Unit {
    const { items, arms, repeats, pool } = this.#options;
    const turn = Math.floor(index / arms.length);
    const place = index % arms.length;
    const arm = turn % 2 === 0 ? place : arms.length - 1 - place;
    const item = items[Math.floor(turn / repeats)];
    const planned = arms[arm];
    if (item === undefined || planned === undefined) throw new RangeError(`the run has no question ${index}`);
    return {
      unit: index,
      arm,
      repeat: turn % repeats,
      itemId: item.id,
      tenant: item.tenant,
      target: item.target,
      reference: item.target,
      ...(item.accepted && { accepted: [...item.accepted] }),
      cluster: clusterOf(item),
      messages: messagesFor(item, planned.prompt, pool),
    };
  }

  /** Place of a question's item in the data set. */
  itemOf(unit: number): number {
    return Math.floor(unit / (this.#options.arms.length * this.#options.repeats));
  }

  #fingerprint(): string {
    const { kind, dataset, split, datasetHash, arms, repeats, scorers, parameters = {} } = this.#options;
    const parts = [kind, dataset, split, datasetHash, arms, repeats, scorers, parameters];
    return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  }
}

/** Items that share one are not independent of each other; an item without one stands for itself. */
export function clusterOf(item: Item): string {
  return item.cluster || item.id;
}
