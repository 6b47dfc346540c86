// One evaluation: every item asked, scored and published, then the figures with their intervals.
import { type Clock, FailedPreconditionError, type Random, seededRandom, wilsonInterval } from "@chimera/kernel";
import { bootstrapF1InTurns, type ClassScore, Confusion, classify } from "@chimera/statistics";
import type { Item } from "../dataset/item.ts";
import type { LoadedItems } from "../dataset/load.ts";
import { classesOf } from "../scorer/classes.ts";
import { labelReader, MAX_LABEL_LENGTH } from "../scorer/label.ts";
import { type LabelledItem, play } from "./play.ts";
import type { Answer, ItemFailure, ItemScore, Progress } from "./score.ts";

export interface EvaluateOptions extends LoadedItems {
  concurrency: number;
  ask(item: Item, signal: AbortSignal): Promise<Answer>;
  onScore(score: ItemScore): void;
  clock: Clock;
  signal: AbortSignal;
}

export interface Estimate {
  value: number;
  // 95 % interval.
  low: number;
  high: number;
  method: string;
}

export interface EvaluationResult {
  datasetHash: string;
  n: number;
  failed: number;
  // The first 20 of `failed`.
  failures: readonly ItemFailure[];
  accuracy: Estimate;
  macroF1: Estimate;
  microF1: Estimate;
  classes: readonly ClassScore[];
  // What the router answered with; several names are joined by ", ".
  model: string;
  modelVersion: string;
  wallMs: number;
}

export type EvaluationEvent = { kind: "progress"; progress: Progress } | { kind: "result"; result: EvaluationResult };

const MAX_LISTED_FAILURES = 20;
// Names that are told apart where replicas answer with different models.
const MAX_LISTED_NAMES = 4;
const RESAMPLES = 1000;
const SEED = 1;

/** Progress, then one result. Leaving the iteration, or the signal, aborts every request in flight. */
export async function* evaluate(options: EvaluateOptions): AsyncGenerator<EvaluationEvent, void, undefined> {
  const startedMs = options.clock.monotonicMs();
  const items = options.items.map(labelled);
  const classes = classesOf(items.map(({ reader }) => reader.target));
  // Every item is at most one cell more, so none is given up.
  const confusion = new Confusion(items.length);
  const run = new RunRecord();
  const steps = play({
    items,
    classes,
    confusion,
    concurrency: options.concurrency,
    ask: options.ask,
    onScore: (score) => {
      run.noteModel(score);
      options.onScore(score);
    },
    onFailure: (failure) => run.noteFailure(failure),
    signal: options.signal,
  });
  for await (const progress of steps) yield { kind: "progress", progress };
  const estimates = await estimate(confusion, seededRandom(SEED));
  const wallMs = options.clock.monotonicMs() - startedMs;
  yield {
    kind: "result",
    result: { datasetHash: options.hash, n: confusion.n, ...run.summary(), ...estimates, wallMs },
  };
}

function labelled(item: Item): LabelledItem {
  const reader = labelReader(item.target);
  if (reader) return { item, reader };
  throw new FailedPreconditionError(
    `item "${item.id}": its target holds no label of at most ${MAX_LABEL_LENGTH} characters, so it can not be scored`,
  );
}

type Estimates = Pick<EvaluationResult, "accuracy" | "macroF1" | "microF1" | "classes">;

async function estimate(confusion: Confusion, random: Random): Promise<Estimates> {
  const { accuracy, macroF1, microF1, classes } = classify(confusion);
  const intervals = await bootstrapF1InTurns(confusion.cells(), { resamples: RESAMPLES, random });
  const method = `bootstrap, percentile, ${RESAMPLES} resamples, seed ${SEED}`;
  return {
    accuracy: { value: accuracy, ...bounds(wilsonInterval(confusion.correct, confusion.n)), method: "wilson" },
    macroF1: { value: macroF1, ...bounds(intervals.macroF1), method },
    microF1: { value: microF1, ...bounds(intervals.microF1), method },
    classes,
  };
}

function bounds({ low, high }: { low: number; high: number }): { low: number; high: number } {
  return { low, high };
}

class RunRecord {
  readonly #models = new Set<string>();
  readonly #versions = new Set<string>();
  readonly #failures: ItemFailure[] = [];
  #failed = 0;

  noteModel({ model, modelVersion }: ItemScore): void {
    if (model !== "" && this.#models.size < MAX_LISTED_NAMES) this.#models.add(model);
    if (modelVersion !== "" && this.#versions.size < MAX_LISTED_NAMES) this.#versions.add(modelVersion);
  }

  noteFailure(failure: ItemFailure): void {
    this.#failed += 1;
    if (this.#failures.length < MAX_LISTED_FAILURES) this.#failures.push(failure);
  }

  summary(): Pick<EvaluationResult, "failed" | "failures" | "model" | "modelVersion"> {
    return {
      failed: this.#failed,
      failures: this.#failures,
      model: [...this.#models].join(", "),
      modelVersion: [...this.#versions].join(", "),
    };
  }
}
