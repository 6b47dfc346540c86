// The overfitting guard as the rest of the evaluator uses it.
export * from "./answer-signs.ts";
export { HoldoutMeter, type Look, type MeterState, type Refusal } from "./holdout-meter.ts";
export {
  type Evidence,
  type Gain,
  type HoldoutScores,
  type Judgement,
  judgeProposal,
  type Reason,
} from "./judge-proposal.ts";
export { type Identified, type NearDuplicate, nearDuplicates } from "./near-duplicates.ts";
export { type NestedEstimate, type NestedOptions, nestedCrossValidation } from "./nested-cross-validation.ts";
export * from "./search-signs.ts";
export type { Sign, SignState } from "./sign.ts";
export { gainGivenPassed, type NoisyEstimate, shrunk, simulatedOptimism } from "./winners-curse.ts";
