// Classification: accuracy, F1 in its three averages, Matthews correlation and Cohen's kappa, each class for itself, and the
// confusion counts all of them come from.
import { seededRandom, wilsonInterval } from "@chimera/kernel";
import {
  BOOTSTRAP_INTERVAL,
  type BootstrapOptions,
  bootstrapScores,
  type CellScores,
  type Classification,
  ClusteredConfusion,
  Confusion,
  classify,
  type ScoreIntervals,
} from "@chimera/statistics";
import { z } from "zod";
import { labelReader } from "./label.ts";
import type { Answered, ScoreFigure, ScoreReport, Scorer } from "./scorer.ts";

const MAX_LABELS = 1000;
/** Distinct (target, answer) pairs held. More is free text, which has accuracy alone. */
const MAX_CELLS = 5000;
const MAX_RESAMPLES = 10_000;

export const classificationParameters = z.strictObject({
  labels: z
    .array(z.string().min(1).max(64))
    .max(MAX_LABELS)
    .optional()
    .describe("classes that are scored; without them, every label that is a target"),
  zeroDivision: z.literal([0, 1]).default(0).describe("value of a ratio without a denominator"),
  resamples: z.int().min(100).max(MAX_RESAMPLES).default(1000).describe("resamples of the bootstrap"),
  seed: z.int().min(0).max(0xffffffff).default(1).describe("seed of the bootstrap"),
});

const FIGURES: readonly [name: string, score: Exclude<keyof CellScores, "accuracy">][] = [
  ["macro_f1", "macroF1"],
  ["micro_f1", "microF1"],
  ["weighted_f1", "weightedF1"],
  ["mcc", "mcc"],
  ["cohen_kappa", "kappa"],
];

export class ClassificationScorer implements Scorer {
  readonly #parameters: z.infer<typeof classificationParameters>;
  readonly #labels: ReadonlySet<string> | undefined;
  readonly #confusion = new Confusion(MAX_CELLS);
  readonly #clustered = new ClusteredConfusion({ maxCells: MAX_CELLS });
  #isClustered = false;

  constructor(parameters: z.infer<typeof classificationParameters>) {
    this.#parameters = parameters;
    this.#labels = parameters.labels === undefined ? undefined : new Set(parameters.labels);
  }

  add({ targets, answer, cluster }: Answered): number {
    const [first = ""] = targets;
    const reader = labelReader(first);
    const target = reader?.target ?? first;
    const given = reader?.read(answer) ?? answer;
    const predicted = this.#labels === undefined || this.#labels.has(given) ? given : "";
    const correct = predicted === target;
    this.#confusion.add({ target, predicted, correct });
    if (cluster !== undefined) {
      this.#isClustered = true;
      this.#clustered.add({ target, predicted }, cluster);
    }
    return correct ? 1 : 0;
  }

  report(): ScoreReport {
    const confusion = this.#confusion;
    const { labels, zeroDivision } = this.#parameters;
    const scores = classify(confusion, { zeroDivision, ...(labels === undefined ? {} : { labels }) });
    const cells = confusion.cells();
    if (cells.length === 0) return { figures: [this.#accuracyAlone(scores)] };
    const { resamples, seed } = this.#parameters;
    const intervals = this.#bootstrap({ resamples, random: seededRandom(seed) });
    const over = this.#isClustered ? "clusters" : "confusion counts";
    const method = `bootstrap over ${over}, ${BOOTSTRAP_INTERVAL}, ${resamples} resamples, seed ${seed}`;
    const figures = FIGURES.map(([name, score]) =>
      this.#figure({ name, value: scores[score], interval: intervals?.[score], method }),
    );
    return {
      figures: [this.#accuracy(scores, intervals, method), ...figures],
      classes: scores.classes,
      confusion: cells,
    };
  }

  #bootstrap(options: BootstrapOptions): ScoreIntervals | undefined {
    if (!this.#isClustered) return bootstrapScores(this.#confusion.cells(), options);
    return this.#clustered.clusters < 2 ? undefined : this.#clustered.bootstrap(options);
  }

  #accuracy(scores: Classification, intervals: ScoreIntervals | undefined, method: string): ScoreFigure {
    if (!this.#isClustered) return this.#accuracyAlone(scores);
    return this.#figure({ name: "accuracy", value: scores.accuracy, interval: intervals?.accuracy, method });
  }

  #accuracyAlone({ accuracy }: Classification): ScoreFigure {
    const interval = wilsonInterval(this.#confusion.correct, this.#confusion.n);
    return this.#figure({ name: "accuracy", value: accuracy, interval, method: "wilson" });
  }

  #figure(figure: Omit<ScoreFigure, "n" | "clusters">): ScoreFigure {
    const clusters = this.#isClustered ? this.#clustered.clusters : undefined;
    return { ...figure, n: this.#confusion.n, clusters };
  }
}
