// Signs that the evaluator's guard reports, held beside what insight sees for itself.
import { type Figure, figure } from "../figure/figure.ts";
import type { Window } from "../window/window.ts";
import type { RiskState } from "./risk.ts";

/** As in evaluator.v1.GuardSign. */
export interface GuardSign {
  readonly name: string;
  /** Unset where nothing was measured yet. */
  readonly value?: number | undefined;
  readonly unit: string;
  readonly n: number | bigint;
  readonly rule: string;
  /** "ok", "warning", "alarm" or "no data". */
  readonly state: string;
  readonly mitigation: string;
}

export interface ReportedSign {
  readonly id: string;
  readonly name: string;
  readonly state: RiskState;
  readonly rule: string;
  readonly mitigation: string;
  readonly value: Figure;
}

/** Signs of one risk that are shown: more than the guard has. */
const MAX_SIGNS = 32;

const states: ReadonlyMap<string, RiskState> = new Map([
  ["ok", "ok"],
  ["warning", "watch"],
  ["alarm", "alarm"],
]);

export function reportedSigns(riskId: string, signs: readonly GuardSign[], window: Window): readonly ReportedSign[] {
  return signs.slice(0, MAX_SIGNS).map((sign) => {
    const id = `${riskId}.${sign.name}`;
    const { name, rule, mitigation } = sign;
    return {
      ...{ id, name, rule, mitigation },
      state: states.get(sign.state) ?? "unknown",
      value: signFigure(sign, id, window),
    };
  });
}

/** Signs that say nothing new are in the JSON only. */
export function isRaised({ state }: ReportedSign): boolean {
  return state === "watch" || state === "alarm";
}

function signFigure({ value, unit, n }: GuardSign, of: string, window: Window): Figure {
  const isMeasured = value !== undefined && Number.isFinite(value) && Number(n) > 0;
  return figure({
    id: unit === "ratio" ? "guard.share" : "guard.sign",
    of,
    value: isMeasured ? value : undefined,
    n: Number(n),
    window,
    method: "as the guard reports it",
    source: "evaluator.v1.GuardStatus and OnlineQuality",
  });
}
