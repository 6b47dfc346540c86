// A whole calibration: fit to the beginnings of recordings, compare with their ends, and with loads that were never fitted to.
import { DEFAULT_PARAMETERS, type SimulationParameters } from "../parameters.ts";
import { type Fidelity, fidelity, type SimulatorError, simulatorError } from "./fidelity.ts";
import { fitCosts } from "./fit.ts";
import { distributionError, type Refined, refine } from "./refine.ts";
import { parametersFor } from "./replay.ts";
import type { SpanRow } from "./rows.ts";

export interface Recorded {
  name: string;
  rows: readonly SpanRow[];
}

export interface CalibrationOptions {
  spans: readonly Recorded[];
  against: readonly Recorded[];
  /** Share of each recording, its end, that nothing is fitted to. */
  holdout: number;
  stepTokens: number;
}

export interface Calibration {
  fitted: Refined;
  rows: number;
  /** Whether least squares settled, and the median of |measured ÷ predicted − 1| it leaves. */
  leastSquares: { rounds: number; hasConverged: boolean; relativeError: number };
  heldOut: { name: string; fidelity: Fidelity }[];
  against: { name: string; error: SimulatorError; fidelity: Fidelity }[];
}

/** Least squares alone explains a recording so well only where it has no noise. */
const EXACT = 1e-6;

export function calibrate({ spans, against, holdout, stepTokens }: CalibrationOptions): Calibration {
  const base = { ...DEFAULT_PARAMETERS, serialiseTokenMs: 0, stepTokens };
  const ends = spans.map(({ rows }) => Math.ceil(rows.length * (1 - holdout)));
  const learned = spans.map(({ rows }, index) => rows.slice(0, ends[index]));
  const fit = fitCosts(learned, base);
  const { cost, tokeniseMs, tokeniseTokenMs, rounds, hasConverged, relativeError } = fit;
  const steady = { cost, tokeniseMs, tokeniseTokenMs, stallEveryMs: 0, stallMs: 0, cleanUpMs: 0, joinDelaySteps: 0 };
  const fitted =
    relativeError < EXACT
      ? { ...steady, error: distributionError(learned, base)(steady) }
      : refine(learned, base, { cost, tokeniseMs, tokeniseTokenMs });
  const parameters = (rows: readonly SpanRow[]): SimulationParameters => parametersFor(rows, base, fitted);
  return {
    fitted,
    rows: learned.flat().length,
    leastSquares: { rounds, hasConverged, relativeError },
    heldOut: spans.flatMap(({ name, rows }, index) => {
      const from = ends[index] ?? rows.length;
      return from < rows.length ? [{ name, fidelity: fidelity(rows, parameters(rows), from) }] : [];
    }),
    against: against.map(({ name, rows }) => ({
      name,
      error: simulatorError(rows, parameters(rows)),
      fidelity: fidelity(rows, parameters(rows)),
    })),
  };
}
