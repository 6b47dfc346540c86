// Predictions and outcomes for people.
import type { Interval, PredictedGain, SettledOutcome } from "@chimera/contracts/insight";

/** "-31.0 % (-40.0 to -20.0)". */
export function changeText(relative: number | undefined, interval: Interval | undefined): string {
  if (relative === undefined) return "–";
  const range = interval === undefined ? "" : ` (${points(interval.low)} to ${points(interval.high)})`;
  return `${points(relative)} %${range}`;
}

function points(share: number): string {
  const text = (100 * share).toFixed(1);
  return share > 0 ? `+${text}` : text;
}

export function promiseText({ metric, relative, interval90 }: PredictedGain): string {
  return `${metric} ${changeText(relative, interval90)}`;
}

export function outcomeText(outcome: SettledOutcome): string {
  const { metric, relative, interval95, n, within90, verdict, reason, design } = outcome;
  const held = relative === undefined ? "" : `, ${within90 ? "within" : "outside of"} what was predicted`;
  return `${verdict}: ${metric} ${changeText(relative, interval95)}, 95 %, n ${n}${held}\n${reason}\n${design}\n`;
}

/** Who a person is, for the ledger, where nothing else was said. */
export function whoAmI(env: Readonly<Record<string, string | undefined>>): string {
  return env.USER ?? env.USERNAME ?? "a person";
}
