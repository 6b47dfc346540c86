// A calibration for people, and as settings of the simulated engine.
import { fields } from "../settings.ts";
import type { Calibration } from "./calibrate.ts";
import type { Agreement } from "./fidelity.ts";
import type { Refined } from "./refine.ts";

/** What to start the simulated engine with, to have the recorded one. */
export function environmentOf(fitted: Refined, stepTokens: number): Record<string, string> {
  const { cost } = fitted;
  const values: [keyof typeof fields, number][] = [
    ["simulatedStepMs", cost.stepMs],
    ["simulatedSequenceMs", cost.sequenceMs],
    ["simulatedPrefillTokenMs", cost.prefillTokenMs],
    ["simulatedContext100kMs", cost.context100kMs],
    ["simulatedPromptMs", cost.promptMs],
    ["simulatedTokeniseMs", fitted.tokeniseMs],
    ["simulatedTokeniseTokenMs", fitted.tokeniseTokenMs],
    ["simulatedSerialiseTokenMs", 0],
    ["simulatedCleanUpMs", fitted.cleanUpMs],
    ["simulatedStepTokens", stepTokens],
    ["simulatedJoinDelaySteps", fitted.joinDelaySteps],
    ["simulatedStallEveryMs", fitted.stallEveryMs],
    ["simulatedStallMs", fitted.stallMs],
  ];
  return Object.fromEntries(values.map(([field, value]) => [fields[field].env, String(Number(value.toPrecision(6)))]));
}

export function reportText(calibration: Calibration, stepTokens: number): string {
  const { fitted, rows, leastSquares, heldOut, against } = calibration;
  const settled = leastSquares.hasConverged ? "settled" : "did not settle";
  return [
    `Fitted to ${rows} requests; least squares ${settled} after ${leastSquares.rounds} rounds, median error ${percent(leastSquares.relativeError)}.`,
    `Percentiles of the replay are off by ${percent(fitted.error)} (root mean square) where it was fitted.`,
    "",
    ...Object.entries(environmentOf(fitted, stepTokens)).map(([name, value]) => `${name}=${value}`),
    ...heldOut.flatMap(({ name, fidelity }) => [
      "",
      `Held-out end of ${name} (${fidelity.ttft.n} requests):`,
      ...agreementLines(fidelity),
    ]),
    ...against.flatMap(({ name, error, fidelity }) => [
      "",
      `Never fitted to: ${name} (${error.n} requests). Simulator error ${percent(error.largest)}:`,
      `  TTFT p50 ${signed(error.ttftP50)}, TTFT p95 ${signed(error.ttftP95)}, RPS ${signed(error.rps)}`,
      ...agreementLines(fidelity),
    ]),
    "",
  ].join("\n");
}

function agreementLines({ ttft, total }: { ttft: Agreement; total: Agreement }): string[] {
  return Object.entries({ TTFT: ttft, total }).map(([name, { mape, rankCorrelation, bias }]) => {
    const biases = Object.entries(bias).map(([at, value]) => `${at} ${signed(value)}`);
    return `  ${name.padEnd(5)}  MAPE ${percent(mape)}, rank correlation ${rankCorrelation.toFixed(3)}, bias ${biases.join(", ")}`;
  });
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const signed = (share: number) => `${share < 0 ? "−" : "+"}${percent(Math.abs(share))}`;
