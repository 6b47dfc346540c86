// What one play of a trace showed, and what all plays of a policy show together.
import { quantile } from "@chimera/kernel";
import type { PolicyName } from "../../../services/router/src/balance/policies.ts";
import { ratioInterval, ratioOf, type Slice, sum } from "../figures.ts";
import type { BenchResult } from "../result.ts";
import type { RoutedRequest } from "./simulated-mesh.ts";
import type { TraceName, TraceRequest } from "./traces.ts";

export interface PlayFigures {
  ttftP50Ms: number;
  ttftP95Ms: number;
  /** Time between two tokens of an answer, over answers of MIN_ANSWER_TOKENS and more. */
  interTokenP50Ms: number;
  /** From the first arrival to the last end. */
  throughputRps: number;
  hitShare: number;
}

/** Not counted: caches are empty when a trace begins. */
const WARM_UP_SHARE = 0.2;
/** Of shorter answers the time between tokens is mostly chance. */
const MIN_ANSWER_TOKENS = 16;
const BASELINE: PolicyName = "round-robin";

export function figuresOf(trace: readonly TraceRequest[], requests: readonly RoutedRequest[]): PlayFigures {
  const first = Math.floor(requests.length * WARM_UP_SHARE);
  const counted = requests.slice(first);
  const ttftsMs = sorted(counted.map(({ ttftMs }) => ttftMs));
  const interTokenMs = counted.flatMap(({ ttftMs, endedMs }, i) => {
    const { arrivedMs = 0, completionTokens = 0 } = trace[first + i] ?? {};
    return completionTokens < MIN_ANSWER_TOKENS ? [] : [(endedMs - arrivedMs - ttftMs) / (completionTokens - 1)];
  });
  const endMs = requests.reduce((latest, { endedMs }) => Math.max(latest, endedMs), 0);
  return {
    ttftP50Ms: quantile(ttftsMs, 0.5),
    ttftP95Ms: quantile(ttftsMs, 0.95),
    interTokenP50Ms: quantile(sorted(interTokenMs), 0.5),
    throughputRps: requests.length / ((endMs - (trace[0]?.arrivedMs ?? 0)) / 1000),
    hitShare: sum(counted.map((each) => each.cachedTokens)) / sum(counted.map((each) => each.promptTokens)),
  };
}

interface Figure {
  id: string;
  unit: string;
  of(play: PlayFigures): number;
  method: string;
}

const SIMULATED =
  "Simulated, virtual time: 8 engines of 32 slots and 131,072 tokens of KV memory, the router's own pool and policies, one router; the first fifth of each trace is left out.";
const SEEDED = "Mean over seeds; interval: percentile bootstrap over seeds.";

const FIGURES: readonly Figure[] = [
  {
    id: "ttft_p50_ms",
    unit: "ms",
    of: (play) => play.ttftP50Ms,
    method: `Arrival at the router to first token, median of a trace. ${SIMULATED} ${SEEDED}`,
  },
  {
    id: "ttft_p95_ms",
    unit: "ms",
    of: (play) => play.ttftP95Ms,
    method: `Arrival at the router to first token, 95th percentile of a trace. ${SIMULATED} ${SEEDED}`,
  },
  {
    id: "inter_token_p50_ms",
    unit: "ms",
    of: (play) => play.interTokenP50Ms,
    method: `First to last token over the tokens between, median over answers of ${MIN_ANSWER_TOKENS} tokens and more. ${SIMULATED} ${SEEDED}`,
  },
  {
    id: "throughput_rps",
    unit: "1/s",
    of: (play) => play.throughputRps,
    method: `Requests over the time from the first arrival to the last end: what was offered, where nothing piles up. ${SIMULATED} ${SEEDED}`,
  },
  {
    id: "prefix_hit_share",
    unit: "share",
    of: (play) => play.hitShare,
    method: `Prompt tokens found computed, of all. ${SIMULATED} ${SEEDED}`,
  },
];

const RATIOS: readonly Figure[] = [
  {
    id: "ttft_p50_ratio",
    unit: "ratio",
    of: (play) => play.ttftP50Ms,
    method: `Median TTFT ÷ that of ${BASELINE} on the same traces, sums over seeds; interval: percentile bootstrap over seeds, in pairs.`,
  },
  {
    id: "ttft_p95_ratio",
    unit: "ratio",
    of: (play) => play.ttftP95Ms,
    method: `95th percentile of TTFT ÷ that of ${BASELINE} on the same traces, sums over seeds; interval: percentile bootstrap over seeds, in pairs.`,
  },
];

/** `plays`: one per seed, in the same order for all policies. */
export function policyResults(trace: TraceName, plays: ReadonlyMap<PolicyName, readonly PlayFigures[]>): BenchResult[] {
  const baseline = plays.get(BASELINE) ?? [];
  return [...plays].flatMap(([policy, own]) => {
    const result = ({ id, unit, method }: Figure, slices: readonly Slice[]): BenchResult => ({
      id: `policies.${trace}.${policy}.${id}`,
      value: ratioOf(slices),
      unit,
      n: slices.length,
      interval: ratioInterval(slices),
      method,
    });
    const pairs = own.flatMap((play, i) => (baseline[i] === undefined ? [] : [{ play, other: baseline[i] }]));
    return [
      ...FIGURES.map((figure) =>
        result(
          figure,
          own.map((play) => ({ spent: figure.of(play), got: 1 })),
        ),
      ),
      ...RATIOS.map((figure) =>
        result(
          figure,
          pairs.map(({ play, other }) => ({ spent: figure.of(play), got: figure.of(other) })),
        ),
      ),
    ];
  });
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}
