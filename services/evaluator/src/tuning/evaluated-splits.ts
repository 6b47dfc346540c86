// What plain evaluations showed of validation and holdout: a gap between the two under the same settings is an early sign as well.

import { BoundedMap } from "../feedback/bounded-map.ts";
import { type Sign, splitGapSign } from "../guard/index.ts";

/** Data sets whose latest evaluations are remembered, in this process. */
const MAX_DATASETS = 16;

export interface EvaluatedSplit {
  dataset: string;
  split: string;
  /** The same text for the same settings. */
  settings: string;
  /** By item, 0 to 1. */
  scores: readonly number[];
}

type Sides = ReadonlyMap<string, EvaluatedSplit>;

export class EvaluatedSplits {
  readonly #latest = new BoundedMap<string, Sides>(MAX_DATASETS);

  note(evaluated: EvaluatedSplit): void {
    const { dataset, split, settings } = evaluated;
    const others = [...(this.#latest.get(dataset) ?? [])].filter(([, known]) => known.settings === settings);
    this.#latest.set(dataset, new Map([...others, [split, evaluated]]));
  }

  gap(dataset: string): Sign {
    const scoresOf = (split: string) => this.#latest.get(dataset)?.get(split)?.scores ?? [];
    const [left, right] = [scoresOf("validation"), scoresOf("holdout")];
    return splitGapSign({ sides: "validation - holdout", left, right, earlier: [] });
  }
}
