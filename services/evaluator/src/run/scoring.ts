// How the answers of a data set are scored: labels where its targets hold some, else as texts.
import { InvalidRequestError } from "@chimera/kernel";
import type { Item } from "../dataset/item.ts";
import type { RunRecord, Unit } from "../queue/queue.ts";
import { classesOf } from "../scorer/classes.ts";
import { labelReader } from "../scorer/label.ts";
import { createScorer } from "../scorer/registry.ts";
import type { Scorer } from "../scorer/scorer.ts";
import type { Scored } from "./worker.ts";

export interface ScoringPlan {
  /** Labels that are targets; empty for free texts. */
  classes: readonly string[];
  scorers: readonly string[];
}

const MAX_SCORERS = 8;
const FOR_LABELS = ["classification"];
const FOR_TEXTS = ["exact_match", "token_f1"];
/** Longer texts are cut in results, which must stay small. */
const MAX_TEXT = 4096;

/**
 * The scorers asked for, or those that fit. Throws InvalidRequestError for one that can not score this data set, NotFoundError
 * for an unknown one.
 */
export function scoringPlan(items: readonly Item[], asked: readonly string[]): ScoringPlan {
  const classes = labelsOf(items);
  const scorers = asked.length > 0 ? [...new Set(asked)] : classes.length > 0 ? FOR_LABELS : FOR_TEXTS;
  if (scorers.length > MAX_SCORERS) {
    throw new InvalidRequestError([{ field: "scorers", description: `at most ${MAX_SCORERS}` }]);
  }
  for (const name of scorers) assertFits(name, items[0]);
  return { classes, scorers };
}

function labelsOf(items: readonly Item[]): string[] {
  const targets = items.map(({ target }) => labelReader(target)?.target);
  if (!targets.every((target) => target !== undefined)) return [];
  return [...classesOf(targets)].sort();
}

/** Tried on one item: some need more than an answer, such as probabilities. */
function assertFits(name: string, item: Item | undefined): void {
  const scorer = createScorer(name);
  try {
    if (item !== undefined) scorer.add({ targets: [item.target], answer: item.target });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidRequestError([
      { field: "scorers", description: `"${name}" does not fit this data set: ${reason}` },
    ]);
  }
}

/** Scorers of each run that is worked on; they hold counts that nobody reads. */
const scorersOf = new WeakMap<RunRecord, ReadonlyMap<string, Scorer>>();

export function scoreAnswer(unit: Pick<Unit, "target" | "cluster">, answer: string, record: RunRecord): Scored {
  const scorers = scorersOf.get(record) ?? new Map(record.scorers.map((name) => [name, createFor(name, record)]));
  scorersOf.set(record, scorers);
  const scores = [...scorers].flatMap(([name, scorer]) => {
    const score = scorer.add({ targets: [unit.target], answer });
    return score === undefined ? [] : [[name, score] as const];
  });
  const reader = record.classes.length > 0 ? labelReader(unit.target) : undefined;
  if (reader === undefined) {
    const target = unit.target.slice(0, MAX_TEXT);
    return { target, predicted: answer.slice(0, MAX_TEXT), scores: Object.fromEntries(scores) };
  }
  const given = reader.read(answer);
  const predicted = record.classes.includes(given) ? given : "";
  return { target: reader.target, predicted, scores: Object.fromEntries(scores) };
}

function createFor(name: string, { classes }: RunRecord): Scorer {
  return createScorer(name, name === "classification" && classes.length > 0 ? { labels: classes } : {});
}

/** Whether the answer counts as right: its label, or, of a free text, the first scorer in full. */
export function isRight(
  result: Pick<Scored, "target" | "predicted" | "scores"> & { status: string },
  { classes, scorers }: ScoringPlan,
): boolean {
  if (result.status !== "OK") return false;
  if (classes.length > 0) return result.predicted === result.target;
  return result.scores[scorers[0] ?? ""] === 1;
}
