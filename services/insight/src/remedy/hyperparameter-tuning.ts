// Settings of sampling and prompt that the evaluator found better on items nothing was chosen by.
import type { Observed, TuningObserved } from "../predict/observed.ts";
import {
  changeFromInterval,
  leastGain,
  pastRatio,
  type ScaledChange,
  scaledByPast,
} from "../predict/predicted-change.ts";
import {
  decisionRule,
  type GainExpected,
  GUARDRAILS,
  measureFirst,
  noGain,
  type ProofDesign,
  predictionOf,
  type Remedy,
} from "./remedy.ts";
import { count, percent } from "./words.ts";

/** Of tokens: a configuration that takes no more than today still has to be tried. */
const LEAST_COST = 0.01;

const PROOF: ProofDesign = {
  kind: "arms",
  metric: "accuracy",
  share: 0.5,
  blockMs: undefined,
  maxLengthMs: 6 * 3_600_000,
  minN: 400,
  guardrails: [...GUARDRAILS, { figure: "accuracy", most: 0.02 }],
};

export const hyperparameterTuning: Remedy = {
  id: "hyperparameter-tuning",
  title: "Answer with better sampling and prompt settings",
  precondition({ tuning }) {
    if (tuning === undefined) return "the evaluator has no proposal; a search would make one";
    if (!tuning.isAccepted) return `the guard refused the proposal: ${tuning.reasons.join("; ")}`;
    return undefined;
  },
  forecast(observed) {
    const { tuning, past } = observed;
    if (tuning === undefined) return measureFirst("a search by the evaluator");
    if (!(tuning.baseline > 0)) return measureFirst("the score of the configuration in use on the holdout");
    const { gain, baseline } = tuning;
    const interval = { low: gain.low / baseline, high: gain.high / baseline, level: gain.level };
    const kind = { remedy: "hyperparameter-tuning", metric: tuning.metric };
    const ratio = pastRatio(kind, past);
    const scaled = scaledByPast(changeFromInterval(gain.value / baseline, interval), { ...kind, past });
    if (leastGain(tuning.metric, scaled.change) <= 0) {
      return noGain(
        `the proposal is ${percent(gain.low)} to ${percent(gain.high)} better in ${nameOf(tuning)} (absolute, ${gain.level * 100} %, n ${count(tuning.n)}); scaled by ${ratio.toFixed(2)}, which is what came of past promises, that is not told from none.`,
      );
    }
    return promised(observed, tuning, { scaled, ratio });
  },
};

function promised(
  observed: Observed,
  tuning: TuningObserved,
  { scaled, ratio }: { scaled: ScaledChange; ratio: number },
): GainExpected {
  const { metric, baseline, n, to, ttftRatio, tokensRatio } = tuning;
  const proof: ProofDesign = { ...PROOF, metric };
  const prediction = predictionOf("hyperparameter-tuning", observed, {
    metric,
    ...scaled,
    baseline: { value: baseline, n },
    method: `paired difference on the holdout (n ${count(n)}), times ${ratio.toFixed(2)} for what came of past promises`,
    validity: "questions like those of the data set",
    assumptions: ["live questions are like the holdout's", "feedback is as right as the holdout's labels"],
    cost: `${percent(tokensRatio - 1)} tokens an item, ${percent(ttftRatio - 1)} TTFT`,
    decisionRule: decisionRule(metric, proof),
  });
  return {
    kind: "gain expected",
    predictions: [prediction],
    change: { kind: "settings", settings: { sampling: to } },
    undo: { kind: "previous settings" },
    proof,
    costShare: Math.max(LEAST_COST, tokensRatio - 1),
  };
}

function nameOf({ metric }: TuningObserved): string {
  return metric === "macro_f1" ? "macro F1" : "accuracy";
}
