// What a tuning run tells, as messages of the contract.
import { create } from "@bufbuild/protobuf";
import {
  type Estimate,
  EstimateSchema,
  type GuardSign,
  GuardSignSchema,
  type Trial,
  TrialSchema,
} from "@chimera/contracts/evaluator";
import { quantile, wilsonInterval } from "@chimera/kernel";
import type { Gain, Reason, Sign } from "../guard/index.ts";
import { estimateOf } from "../run/figures.ts";
import type { Trial as MeasuredTrial } from "../tuner/index.ts";
import { meanScore } from "./estimates.ts";
import type { TuningSpace } from "./tuning-space.ts";

const STATES = { unknown: "no data", ok: "ok", watch: "warning", alarm: "alarm" } as const;

export function toSign({ name, value, n, rule, state, mitigation }: Sign, unit: string): GuardSign {
  const known = Number.isFinite(value) ? { value } : {};
  return create(GuardSignSchema, { name, ...known, unit, n: BigInt(n), rule, state: STATES[state], mitigation });
}

export function toGain({ value, low, high, level, n }: Gain): Estimate {
  const method = `share of right answers, paired over ${n} holdout items, value corrected for having been selected, ${(100 * level).toFixed(1)} % interval of what was measured`;
  return create(EstimateSchema, { value, low, high, method });
}

export function toReason({ text, remedy }: Reason): string {
  return `${text}. ${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}.`;
}

const OUTCOMES = {
  finished: ["complete", ""],
  "raced-out": ["stopped early", "behind the best so far"],
  "halved-out": ["stopped early", "in the worse half after a part of its items"],
  failed: ["failed", ""],
} as const;

export function toTrial(trial: MeasuredTrial, { space, isBest }: { space: TuningSpace; isBest: boolean }): Trial {
  const { index, configuration, outcome, search, error } = trial;
  const [state, why] = OUTCOMES[outcome];
  const name = space.isBaseline(configuration) ? "baseline" : `trial ${index}`;
  const measured = search.score.length === 0 ? {} : measuredOf(search);
  const text = error || why;
  return create(TrialSchema, {
    ...{ number: index, configuration: space.messageOf(configuration, name), state, text, isBest },
    ...measured,
  });
}

function measuredOf({ score, ttftMs, tokens }: MeasuredTrial["search"]) {
  const ttftP50Ms = quantile(
    ttftMs.toSorted((a, b) => a - b),
    0.5,
  );
  return { quality: create(EstimateSchema, shareOf(score)), ttftP50Ms, tokensPerItem: meanScore(tokens) };
}

/** Trials are asked the same items, so clusters weigh on all alike. */
function shareOf(scores: readonly number[]) {
  const sum = scores.reduce((total, each) => total + each, 0);
  return estimateOf(sum / scores.length, wilsonInterval(sum, scores.length), "wilson");
}
