// From phases to figures: answers in time per second, how soon the others are refused, and what a quiet tenant notices.
import { quantile } from "@chimera/kernel";
import { overSamples } from "../bootstrap.ts";
import { percentileResults, plainResult, shareResult, sum } from "../figures.ts";
import type { BenchResult } from "../result.ts";
import { MESH_TEXT, NOMINAL_PER_SECOND, SLO_MS } from "./mesh.ts";
import type { Ended, Phase } from "./phase.ts";

export const LIGHT = "light";
export const HEAVY = "heavy";
/** Until what is in flight is what the offered load keeps there. */
const SETTLE_S = 2;

export interface OverloadPhases {
  /** The light tenant alone. */
  alone: Phase;
  /** At rising rates around the capacity. */
  sweep: readonly Phase[];
  /** Five times the nominal capacity. */
  flood: Phase;
}

/** Answers in time, second by second of the settled part of a phase, by the second in which they ended. */
export function goodPerSecond({ ended, startedAtMs, seconds }: Phase): number[] {
  const counts = Array.from({ length: Math.max(0, Math.floor(seconds) - SETTLE_S) }, () => 0);
  for (const each of ended) {
    if (!isInTime(each)) continue;
    const second = Math.floor((each.outcome.endedAtMs - startedAtMs) / 1000) - SETTLE_S;
    const count = counts[second];
    if (count !== undefined) counts[second] = count + 1;
  }
  return counts;
}

function isInTime({ dueAtMs, outcome }: Ended): boolean {
  return outcome.kind === "answered" && outcome.firstTokenAtMs - dueAtMs <= SLO_MS;
}

/** The phase with most answers in time. */
export function bestOf(sweep: readonly Phase[]): Phase | undefined {
  return sweep.toSorted((a, b) => mean(goodPerSecond(b)) - mean(goodPerSecond(a)))[0];
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

export function overloadResults({ alone, sweep, flood }: OverloadPhases): BenchResult[] {
  const best = bestOf(sweep);
  const [inTime, capacity] = [flood, best].map((phase) => (phase === undefined ? [] : goodPerSecond(phase)));
  return [
    ratioResult({
      id: "overload.goodput_ratio",
      left: inTime ?? [],
      right: capacity ?? [],
      statistic: (left, right) => mean(left) / mean(right),
      method: `Answers/s with TTFT within ${SLO_MS} ms of the due time while five times the nominal capacity of ${NOMINAL_PER_SECOND}/s is offered ÷ the best such rate of a sweep, ${SETTLE_S} s after the start of each. ${MESH_TEXT} Interval: percentile bootstrap over seconds.`,
    }),
    plainResult({
      id: "overload.capacity_per_s",
      value: mean(capacity ?? []),
      unit: "1/s",
      n: sum(capacity ?? []),
      method: "The best rate of answers in time of the sweep.",
    }),
    plainResult({
      id: "overload.offered_per_s",
      value: flood.ended.length / flood.seconds,
      unit: "1/s",
      n: flood.ended.length,
      method: "Requests sent per second during the flood; Poisson arrivals, open loop.",
    }),
    ...refusalResults(flood),
    ...lightResults(alone, flood),
    ...brokenResults(flood),
  ];
}

interface Ratio {
  id: string;
  left: readonly number[];
  right: readonly number[];
  statistic(left: readonly number[], right: readonly number[]): number;
  method: string;
}

function ratioResult({ id, left, right, statistic, method }: Ratio): BenchResult {
  const value = statistic(left, right);
  const interval = overSamples({ left, right }, statistic);
  return { id, value: Number.isFinite(value) ? value : null, unit: "ratio", n: left.length, interval, method };
}

function refusalResults(flood: Phase): BenchResult[] {
  const refused = flood.ended.filter(({ outcome }) => outcome.kind === "refused");
  return [
    ...percentileResults({
      id: "overload.refusal_ms",
      values: refused.map(({ dueAtMs, outcome }) => outcome.endedAtMs - dueAtMs),
      percents: [50, 99],
      unit: "ms",
      method:
        "Time a request was due to its refusal at the client (UNAVAILABLE or RESOURCE_EXHAUSTED before any part).",
    }),
    ...percentileResults({
      id: "overload.schedule_lag_ms",
      values: flood.ended.map(({ dueAtMs, sentAtMs }) => sentAtMs - dueAtMs),
      percents: [99],
      unit: "ms",
      method: "How late a request left the load generator; part of every time counted from when it was due.",
    }),
    shareResult({
      id: "overload.refused_share",
      count: refused.length,
      n: flood.ended.length,
      method: "Refused ÷ sent during the flood.",
    }),
  ];
}

function lightResults(alone: Phase, flood: Phase): BenchResult[] {
  const of = (phase: Phase) => phase.ended.filter(({ tenant }) => tenant === LIGHT);
  const beside = of(flood);
  return [
    ratioResult({
      id: "overload.light_tenant_ttft_ratio",
      left: beside.map(ttftMs),
      right: of(alone).map(ttftMs),
      statistic: (left, right) => p95(left) / p95(right),
      method: `TTFT p95 of a tenant with a few requests/s while another floods ÷ its p95 alone, from the due time; a request without an answer counts as never. ${MESH_TEXT} Interval: percentile bootstrap over requests.`,
    }),
    ...[
      { id: "overload.light_tenant_ttft_ms", phase: flood, when: "while another tenant floods" },
      { id: "overload.light_tenant_alone_ttft_ms", phase: alone, when: "alone" },
    ].flatMap(({ id, phase, when }) =>
      percentileResults({
        id,
        values: of(phase).map(ttftMs).filter(Number.isFinite),
        percents: [50, 95],
        unit: "ms",
        method: `TTFT of the light tenant's answers ${when}, from the due time.`,
      }),
    ),
    shareResult({
      id: "overload.light_tenant_answered_share",
      count: beside.filter(({ outcome }) => outcome.kind === "answered").length,
      n: beside.length,
      method: "The light tenant's answers ÷ requests during the flood.",
    }),
  ];
}

function ttftMs({ dueAtMs, outcome }: Ended): number {
  return outcome.kind === "answered" ? outcome.firstTokenAtMs - dueAtMs : Number.POSITIVE_INFINITY;
}

function p95(values: readonly number[]): number {
  return quantile(Float64Array.from(values).sort(), 0.95);
}

function brokenResults({ ended, notSent }: Phase): BenchResult[] {
  const answered = ended.filter(({ outcome }) => outcome.kind === "answered");
  return [
    shareResult({
      id: "overload.late_share",
      count: answered.filter((each) => !isInTime(each)).length,
      n: answered.length,
      method: "Answers that came after the SLO ÷ answers during the flood: work that was done for nothing.",
    }),
    plainResult({
      id: "overload.failed",
      value: ended.filter(({ outcome }) => outcome.kind === "failed").length + notSent,
      unit: "requests",
      n: ended.length + notSent,
      method: "Requests that were neither answered nor refused, or that the load generator held back itself.",
    }),
  ];
}
