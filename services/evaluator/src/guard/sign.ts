// An early sign of overfitting: a value, the rule it is held against, and what to do where it breaks the rule.

export type SignState =
  // Too little data for the rule.
  "unknown" | "ok" | "watch" | "alarm";

export interface Sign {
  readonly name: string;
  /** NaN where unknown. */
  readonly value: number;
  /** Observations behind the value. */
  readonly n: number;
  readonly rule: string;
  readonly state: SignState;
  readonly mitigation: string;
}

export type Verdict = Pick<Sign, "value" | "n" | "state">;

export function unknown(n: number): Verdict {
  return { value: Number.NaN, n, state: "unknown" };
}

export function stateOf({ watch, alarm }: { watch: boolean; alarm: boolean }): SignState {
  return alarm ? "alarm" : watch ? "watch" : "ok";
}
