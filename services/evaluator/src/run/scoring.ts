// How the answers of a data set are scored: as labels, JSON or texts, by the shape of its targets, or as the caller asks.
import { InvalidRequestError } from "@chimera/kernel";
import type { Item } from "../dataset/item.ts";
import type { Shape } from "../dataset/shape.ts";
import type { RunRecord, Unit } from "../queue/queue.ts";
import { classesOf } from "../scorer/classes.ts";
import { JUDGE } from "../scorer/judge/parameters.ts";
import { labelReader } from "../scorer/label.ts";
import { createScorer, judgeParametersOf } from "../scorer/registry.ts";
import type { Scorer } from "../scorer/scorer.ts";
import type { Scored } from "./worker.ts";

export interface ScoringPlan {
  /** Labels that are targets; empty where the data set does not ask for labels. */
  classes: readonly string[];
  scorers: readonly string[];
  /** By scorer; defaults where left out. */
  parameters?: Readonly<Record<string, unknown>>;
}

export interface ScoringRequest {
  items: readonly Item[];
  shape: Shape;
  /** Those that fit the shape where empty. */
  asked?: readonly string[];
  parameters?: Readonly<Record<string, unknown>>;
}

const MAX_SCORERS = 8;
const FITTING: Readonly<Record<Shape, readonly string[]>> = {
  labels: ["classification"],
  json: ["json_fields"],
  texts: ["exact_match", "token_f1"],
};
/** Longer texts are cut in results, which must stay small. */
const MAX_TEXT = 4096;

/**
 * The scorers asked for, or those that fit. Throws InvalidRequestError for one that can not score this data set, NotFoundError
 * for an unknown one.
 */
export function scoringPlan({ items, shape, asked = [], parameters = {} }: ScoringRequest): ScoringPlan {
  const classes = shape === "labels" ? labelsOf(items) : [];
  const scorers = asked.length > 0 ? [...new Set(asked)] : FITTING[shape];
  if (scorers.length > MAX_SCORERS) {
    throw new InvalidRequestError([{ field: "scorers", description: `at most ${MAX_SCORERS}` }]);
  }
  const foreign = Object.keys(parameters).find((name) => !scorers.includes(name));
  if (foreign !== undefined) {
    const description = `"${foreign}" is none of the scorers of this run: ${scorers.join(", ")}`;
    throw new InvalidRequestError([{ field: "scorer_parameters", description }]);
  }
  for (const name of scorers) assertFits(name, { item: items[0], parameters: parameters[name] });
  return { classes, scorers, parameters };
}

function labelsOf(items: readonly Item[]): string[] {
  return [...classesOf(items.flatMap(({ target }) => labelReader(target)?.target ?? []))].sort();
}

/** Tried on one item: some need more than an answer, such as probabilities. */
function assertFits(name: string, { item, parameters }: { item: Item | undefined; parameters: unknown }): void {
  if (name === JUDGE) {
    judgeParametersOf(parameters);
    return;
  }
  const scorer = createScorer(name, parameters);
  try {
    if (item !== undefined) scorer.add({ targets: targetsOf(item), answer: item.target });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidRequestError([
      { field: "scorers", description: `"${name}" does not fit this data set: ${reason}` },
    ]);
  }
}

function targetsOf({ target, accepted }: Pick<Unit, "target" | "accepted"> | Item): readonly string[] {
  return accepted ?? [target];
}

/** Scorers of each run that is worked on; they hold counts that nobody reads. */
const scorersOf = new WeakMap<RunRecord, ReadonlyMap<string, Scorer>>();

/** All scores but the judge's, who is asked once it is known which answer counts. */
export function scoreAnswer(
  unit: Pick<Unit, "target" | "accepted" | "cluster">,
  answer: string,
  record: RunRecord,
): Scored {
  const scorers = scorersOf.get(record) ?? new Map(namesOf(record).map((name) => [name, createFor(name, record)]));
  scorersOf.set(record, scorers);
  const scores = [...scorers].flatMap(([name, scorer]) => {
    const score = scorer.add({ targets: targetsOf(unit), answer });
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

function namesOf({ scorers }: RunRecord): string[] {
  return scorers.filter((name) => name !== JUDGE);
}

function createFor(name: string, { classes, parameters }: RunRecord): Scorer {
  const given = parameters[name];
  if (name !== "classification" || classes.length === 0) return createScorer(name, given);
  return createScorer(name, { labels: classes, ...(typeof given === "object" ? given : {}) });
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
