// Calibration: whether stated probabilities mean what they say. Brier score and log-loss per item; the expected calibration error
// of the likeliest label belongs to the whole set.
import { FailedPreconditionError } from "@chimera/kernel";
import { brierMulticlass, logLoss, Reliability } from "@chimera/statistics";
import { z } from "zod";
import { ItemMean } from "./item-mean.ts";
import type { Answered, ScoreReport, Scorer } from "./scorer.ts";

export const calibrationParameters = z
  .strictObject({
    bins: z.int().min(2).max(100).default(10).describe("bins of the expected calibration error"),
    binning: z.enum(["equal-mass", "equal-width"]).default("equal-mass").describe("bins of as many items, or as wide"),
  })
  .refine(({ bins, binning }) => binning === "equal-mass" || 1000 % bins === 0, {
    message: "bins of equal width must divide 1000",
    path: ["bins"],
  });

/** Probabilities of a row may miss 1 by rounding. */
const SUM_TOLERANCE = 1e-3;

export class Calibration implements Scorer {
  readonly #parameters: z.infer<typeof calibrationParameters>;
  readonly #reliability = new Reliability();
  readonly #brier = new ItemMean("brier");
  readonly #logLoss = new ItemMean("log_loss");

  constructor(parameters: z.infer<typeof calibrationParameters>) {
    this.#parameters = parameters;
  }

  add({ targets, probabilities, cluster }: Answered): undefined {
    const [target = ""] = targets;
    const labels = Object.keys(probabilities ?? {});
    const row = Object.values(probabilities ?? {});
    const at = labels.indexOf(target);
    checkRow(row, at, target);
    const likeliest = row.indexOf(Math.max(...row));
    this.#reliability.add(Math.min(1, row[likeliest] ?? 0), likeliest === at);
    this.#brier.add(brierMulticlass(row, at), cluster);
    this.#logLoss.add(logLoss(row, at), cluster);
    return undefined;
  }

  report(): ScoreReport {
    const { bins, binning } = this.#parameters;
    const brier = this.#brier.figure();
    const error = {
      name: "expected_calibration_error",
      value: this.#reliability.expectedCalibrationError(bins, binning),
      n: this.#reliability.n,
      clusters: brier.clusters,
      interval: undefined,
      method: `likeliest label, ${bins} ${binning} bins; no interval, the estimate is biased upwards in small sets`,
    };
    return { figures: [brier, this.#logLoss.figure(), error], reliability: this.#reliability.diagram(bins, binning) };
  }
}

function checkRow(row: readonly number[], at: number, target: string): void {
  if (row.length === 0) throw new FailedPreconditionError("calibration needs the probabilities of every item");
  if (at < 0) throw new FailedPreconditionError(`the probabilities do not name the target "${target.slice(0, 64)}"`);
  const sum = row.reduce((total, each) => total + each, 0);
  if (row.some((each) => !(each >= 0 && each <= 1)) || Math.abs(sum - 1) > SUM_TOLERANCE) {
    throw new FailedPreconditionError(`probabilities of one item add up to 1, got ${sum}`);
  }
}
