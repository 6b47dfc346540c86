// Figures, predictions and outcomes as messages.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { FigureSchema, PredictedGainSchema, SettledOutcomeSchema, WindowSchema } from "@chimera/contracts/insight";
import type { Figure } from "../figure/figure.ts";
import type { Outcome, Prediction } from "../ledger/prediction.ts";
import { covers } from "../ledger/settled.ts";
import type { Window } from "../window/window.ts";

export function figureMessage(figure: Figure): MessageInitShape<typeof FigureSchema> {
  const { id, name, value, unit, definition, n, window, interval, method, source } = figure;
  return {
    ...{ id, name, unit, definition, method, source },
    n: BigInt(n),
    window: windowMessage(window),
    ...(value !== undefined && { value }),
    ...(interval !== undefined && { interval }),
  };
}

export function windowMessage(window: Window): MessageInitShape<typeof WindowSchema> {
  return { from: timestampFromMs(window.fromMs), to: timestampFromMs(window.toMs) };
}

export function gainMessage(prediction: Prediction): MessageInitShape<typeof PredictedGainSchema> {
  const { id, metric, baseline, change, method, validity, assumptions, cost, decisionRule } = prediction;
  return {
    predictionId: id,
    ...{ metric, method, validity, cost, decisionRule },
    assumptions: [...assumptions],
    baseline: baseline.value,
    baselineN: BigInt(baseline.n),
    relative: change.relative,
    interval50: change.interval50,
    interval90: change.interval90,
  };
}

export function outcomeMessage(
  prediction: Prediction,
  outcome: Outcome,
): MessageInitShape<typeof SettledOutcomeSchema> {
  const { predictionId, relative, interval95, n, design, verdict, reason } = outcome;
  return {
    ...{ predictionId, design, verdict, reason },
    metric: prediction.metric,
    n: BigInt(n),
    ...(relative !== undefined && { relative }),
    ...(interval95 !== undefined && { interval95 }),
    within90: relative !== undefined && covers(prediction.change, "interval90", relative),
  };
}
