// Asks items with one configuration, as any run would: through the work queue, whichever evaluator answers, each answer scored
// where it was asked.
import { createHash } from "node:crypto";
import { UnavailableError } from "@chimera/kernel";
import type { Context } from "../context.ts";
import type { SplitName } from "../dataset/catalogue.ts";
import type { Item } from "../dataset/item.ts";
import type { ShotPool } from "../prompt/shots.ts";
import type { RunQueue, UnitResult } from "../queue/queue.ts";
import { conduct } from "../run/coordinator.ts";
import { plannedArm } from "../run/open-run.ts";
import { Outcome, type Row } from "../run/outcome.ts";
import { RunPlan } from "../run/plan.ts";
import { isRight, type ScoringPlan } from "../run/scoring.ts";
import type { ItemMeasurement } from "../tuner/index.ts";
import type { Baseline } from "./tuning-space.ts";

export interface PlayerOptions {
  context: Pick<Context, "clock" | "replica">;
  queue: RunQueue;
  runId: string;
  name: SplitName;
  pool: ShotPool;
  scoring: ScoringPlan;
  concurrency: number;
  signal: AbortSignal;
}

export interface Play {
  /** Tells plays of the same items and settings apart. */
  name: string;
  /** One, or two that take turns on every item. */
  arms: readonly Baseline[];
  items: readonly Item[];
  /** Greedy answers alone: drawn ones must be drawn. */
  mayUseCache: boolean;
}

/** Above this share of failed items a play says more about the mesh than about its configuration. */
const MAX_FAILED_SHARE = 0.2;
const ID_DIGITS = 32;

export class Player {
  readonly #options: PlayerOptions;

  constructor(options: PlayerOptions) {
    this.#options = options;
  }

  /** Per arm, one row per item in their order. Throws UnavailableError where too many failed. */
  async play({ name, arms, items, mayUseCache }: Play): Promise<readonly (readonly Row[])[]> {
    const { context, queue, pool, scoring, concurrency, signal } = this.#options;
    const { dataset, split } = this.#options.name;
    const planned = arms.map((arm) => plannedArm({ ...arm, useCache: mayUseCache && isGreedy(arm) }));
    const datasetHash = hashOf(items.map(({ hash }) => hash));
    const plan = new RunPlan({
      ...{ kind: "compare" as const, dataset, split, datasetHash, items, arms: planned, repeats: 1, pool },
      ...scoring,
    });
    const claim = await queue.claim(this.#idOf([name, planned, datasetHash]), plan.intent(context.replica));
    const outcomes = arms.map(() => new Outcome());
    const onResult = (result: UnitResult) => {
      outcomes[result.arm]?.add(result, { pair: plan.itemOf(result.unit), correct: isRight(result, scoring) });
    };
    for await (const _ of conduct({ claim, plan, concurrency, onResult, clock: context.clock, signal })) {
      signal.throwIfAborted();
    }
    const rows = outcomes.map((outcome) => outcome.rows());
    const failures = rows.flat().flatMap(({ failure }) => failure ?? []);
    if (failures.length <= MAX_FAILED_SHARE * plan.total) return rows;
    throw new UnavailableError(
      `${failures.length} of ${plan.total} questions failed, one with: ${failures[0]?.message}`,
    );
  }

  #idOf(parts: unknown): string {
    return `tune-${hashOf([this.#options.runId, this.#options.name, parts]).slice(0, ID_DIGITS)}`;
  }
}

export function isGreedy({ sampling }: Pick<Baseline, "sampling">): boolean {
  return (sampling?.temperature ?? 0) === 0;
}

/** Right answers, and, of free texts, the first scorer. */
export function scoreOf({ correct, scores }: Row, { classes, scorers }: ScoringPlan): number {
  if (classes.length > 0) return correct ? 1 : 0;
  return scores[scorers[0] ?? ""] ?? 0;
}

/** An answer without a first token was at least as slow as the slowest that had one. */
export function measurementsOf(rows: readonly Row[], scoring: ScoringPlan): ItemMeasurement[] {
  const slowest = rows.reduce((most, { ttftMs }) => Math.max(most, ttftMs ?? 0), 0);
  return rows.map((row) => ({ score: scoreOf(row, scoring), ttftMs: row.ttftMs ?? slowest, tokens: row.tokens }));
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
