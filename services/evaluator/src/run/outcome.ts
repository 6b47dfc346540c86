// What became of the questions of one configuration, kept small: no text, one row per answer.
import type { UnitResult } from "../queue/queue.ts";

export interface Row {
  unit: number;
  /** The same for both configurations of a comparison: item and repeat. */
  pair: number;
  cluster: string;
  target: string;
  predicted: string;
  correct: boolean;
  scores: Readonly<Record<string, number>>;
  ttftMs: number | undefined;
  /** Of prompt and answer. */
  tokens: number;
  completionTokens: number;
  replica: string;
  failure: Failure | undefined;
}

export interface Failure {
  itemId: string;
  status: string;
  message: string;
}

// Names that are told apart where replicas answer with different models.
const MAX_LISTED_NAMES = 4;

/** Rows of one configuration. Bounded by the questions of its run. */
export class Outcome {
  readonly #rows: Row[] = [];
  readonly #models = new Set<string>();
  readonly #versions = new Set<string>();

  add(result: UnitResult, { pair, correct }: { pair: number; correct: boolean }): Row {
    const { unit, cluster, target, predicted, scores, ttftMs, replica, itemId, status, message } = result;
    const row: Row = {
      unit,
      pair,
      cluster,
      target,
      predicted,
      correct,
      scores,
      ttftMs,
      tokens: result.promptTokens + result.completionTokens,
      completionTokens: result.completionTokens,
      replica,
      failure: status === "OK" ? undefined : { itemId, status, message },
    };
    this.#rows.push(row);
    note(this.#models, result.model);
    note(this.#versions, result.modelVersion);
    return row;
  }

  /** In the order of the questions, whoever answered first: the same answers give the same figures. */
  rows(): readonly Row[] {
    return this.#rows.sort((a, b) => a.unit - b.unit);
  }

  get model(): string {
    return [...this.#models].sort().join(", ");
  }

  get modelVersion(): string {
    return [...this.#versions].sort().join(", ");
  }
}

function note(names: Set<string>, name: string): void {
  if (name !== "" && names.size < MAX_LISTED_NAMES) names.add(name);
}
