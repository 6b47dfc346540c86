// The figures of one phase. Latency counts from the time a request was due; failed requests have none and are counted.
import { wilsonInterval } from "@chimera/kernel";
import type { PlannedRequest } from "@chimera/tickets";
import {
  foreignCpuResult,
  percentileResults,
  plainResult,
  ratioInterval,
  ratioOf,
  shareResult,
  sum,
} from "../figures.ts";
import type { Sent } from "../load/open-loop.ts";
import type { TicketAnswer } from "../load/ticket-client.ts";
import { CLIENT } from "../mesh-under-test.ts";
import type { MeterReading } from "../meter.ts";
import type { BenchResult } from "../result.ts";
import { isPopular, type Phase } from "./phase.ts";

const MAX_REASONS = 3;

interface Answered {
  request: PlannedRequest;
  dueAtMs: number;
  sentAtMs: number;
  answer: TicketAnswer;
}

/** "mesh.r60" with the cache, "mesh.r60.cache_off" without. */
export function prefixOf({ ratePerSecond, cache }: Pick<Phase, "ratePerSecond" | "cache">): string {
  return `mesh.r${ratePerSecond}${cache === "off" ? ".cache_off" : ""}`;
}

export function phaseResults(phase: Phase): BenchResult[] {
  const answered = phase.run.sent.flatMap(answeredOf);
  return [
    ...countResults(phase, answered),
    ...latencyResults(phase, answered),
    ...(phase.cache === "on" ? cacheResults(phase, answered) : []),
    ...scheduleResults(phase),
    ...costResults(phase),
  ];
}

function answeredOf({ request, dueAtMs, sentAtMs, outcome }: Sent<PlannedRequest, TicketAnswer>): Answered[] {
  return outcome.ok ? [{ request, dueAtMs, sentAtMs, answer: outcome.result }] : [];
}

/** The commonest reasons of failure, most frequent first. */
export function failureLines({ run }: Phase): string[] {
  const reasons = run.sent.flatMap(({ outcome }) => (outcome.ok ? [] : [messageOf(outcome.error)]));
  const counts = [...Map.groupBy(reasons, (reason) => reason)].map(([reason, list]) => ({ reason, n: list.length }));
  return counts
    .sort((a, b) => b.n - a.n)
    .slice(0, MAX_REASONS)
    .map(({ reason, n }) => `${n} × ${reason}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function countResults(phase: Phase, answered: readonly Answered[]): BenchResult[] {
  const { run, ratePerSecond } = phase;
  const prefix = prefixOf(phase);
  const planned = run.sent.length + run.notSent;
  const errors = planned - answered.length;
  const share = wilsonInterval(errors, planned);
  return [
    plainResult({
      id: `${prefix}.rps`,
      value: (answered.length * 1000) / (run.endedAtMs - run.startedAtMs),
      unit: "requests/s",
      n: answered.length,
      method: `Complete answers ÷ time from the start to the last answer; offered: Poisson arrivals, ${ratePerSecond}/s on average.`,
    }),
    {
      id: `${prefix}.errors`,
      value: errors,
      unit: "requests",
      n: planned,
      interval: { low: share.low * planned, high: share.high * planned, level: share.level },
      method:
        "Planned requests without a complete answer: failed, or not sent. Wilson interval of their share, times n.",
    },
  ];
}

function latencyResults(phase: Phase, answered: readonly Answered[]): BenchResult[] {
  const prefix = prefixOf(phase);
  const unit = "ms";
  return [
    ...percentileResults({
      id: `${prefix}.ttft_ms`,
      values: answered.flatMap(ttftMs),
      percents: [50, 95, 99],
      unit,
      method: "Time the request was due (not sent) to its first non-empty delta, decoded, at the client over gRPC.",
    }),
    ...percentileResults({
      id: `${prefix}.sent_ttft_ms`,
      values: answered.flatMap(({ sentAtMs, answer }) => since(sentAtMs, answer.firstTokenAtMs)),
      percents: [50, 95, 99],
      unit,
      method: "Time the request was sent to its first non-empty delta, decoded, at the client over gRPC.",
    }),
    ...percentileResults({
      id: `${prefix}.turn_ms`,
      values: answered.map(({ dueAtMs, answer }) => answer.completeAtMs - dueAtMs),
      percents: [50],
      unit,
      method: "Time the request was due to the last part of the whole answer, at the client over gRPC.",
    }),
  ];
}

function cacheResults(phase: Phase, answered: readonly Answered[]): BenchResult[] {
  const prefix = prefixOf(phase);
  const { true: hits = [], false: misses = [] } = Object.groupBy(answered, ({ answer }) => `${answer.cacheHit}`);
  const stored = answered.filter(({ request }) => isPopular(request));
  const ttft = (id: string, of: string, list: readonly Answered[]) =>
    percentileResults({
      id: `${prefix}.${id}`,
      values: list.flatMap(ttftMs),
      percents: [50],
      unit: "ms",
      method: `As ttft_ms, ${of}.`,
    });
  return [
    ...ttft("cache_hit_ttft_ms", "of answers from the cache", hits),
    ...ttft("cache_miss_ttft_ms", "of answers from a model behind a cache that was asked first", misses),
    shareResult({
      id: `${prefix}.cache_hit_share`,
      count: hits.length,
      n: answered.length,
      method: "Answers from the cache ÷ answers; every popular ticket was stored before, no one-off was.",
    }),
    shareResult({
      id: `${prefix}.cache_lost_share`,
      count: stored.filter(({ answer }) => !answer.cacheHit).length,
      n: stored.length,
      method:
        "Stored answers that a model gave anew, because the router did not wait for the cache, ÷ answers that were stored.",
    }),
  ];
}

function scheduleResults(phase: Phase): BenchResult[] {
  const { run } = phase;
  const prefix = prefixOf(phase);
  return [
    ...percentileResults({
      id: `${prefix}.schedule_lag_ms`,
      values: run.sent.map(({ dueAtMs, sentAtMs }) => sentAtMs - dueAtMs),
      percents: [50, 99],
      unit: "ms",
      method: "How late a request left the load generator; part of every latency counted from the time it was due.",
    }),
    plainResult({
      id: `${prefix}.not_sent`,
      value: run.notSent,
      unit: "requests",
      n: run.sent.length + run.notSent,
      method: "Refused by the load generator itself, because 512 were in flight; also in errors.",
    }),
    plainResult({
      id: `${prefix}.in_flight_max`,
      value: run.mostInFlight,
      unit: "requests",
      n: run.sent.length,
      method: "Most requests open at once.",
    }),
  ];
}

function costResults(phase: Phase): BenchResult[] {
  const prefix = prefixOf(phase);
  const mesh = phase.readings.filter(({ name }) => name !== CLIENT);
  const read = "CPU time of all threads from the operating system's schedstat";
  return [
    ...phase.readings.map((reading) =>
      cpuResult({
        id: `${prefix}.cpu_ms_per_request.${reading.name}`,
        reading,
        method: `${read} ÷ answers; what the process spends on its own account is in it.`,
      }),
    ),
    cpuResult({
      id: `${prefix}.cpu_ms_per_request.total`,
      reading: totalOf(mesh),
      method: `${read} ÷ answers, services and NATS together, without the client.`,
    }),
    ...mesh.map(({ name, rssMib }) =>
      plainResult({
        id: `${prefix}.rss_mib.${name}`,
        value: rssMib,
        unit: "MiB",
        n: 1,
        method: "Resident memory at the end of the phase.",
      }),
    ),
    foreignCpuResult(`${prefix}.foreign_cpu_share`, phase.foreignShare),
  ];
}

function cpuResult({ id, reading, method }: { id: string; reading: MeterReading; method: string }): BenchResult {
  return {
    id,
    value: ratioOf(reading.slices),
    unit: "ms",
    n: sum(reading.slices.map(({ got }) => got)),
    interval: ratioInterval(reading.slices),
    method: `${method} Interval: percentile bootstrap over slices of 1 s.`,
  };
}

function totalOf(readings: readonly MeterReading[]): MeterReading {
  const [first] = readings;
  const slices = (first?.slices ?? []).map(({ got }, index) => ({
    got,
    spent: sum(readings.map((reading) => reading.slices[index]?.spent ?? 0)),
  }));
  return { name: "total", slices, rssMib: sum(readings.map(({ rssMib }) => rssMib)) };
}

function ttftMs({ dueAtMs, answer }: Answered): number[] {
  return since(dueAtMs, answer.firstTokenAtMs);
}

/** Empty answers have no first token. */
function since(fromMs: number, toMs: number | undefined): number[] {
  return toMs === undefined ? [] : [toMs - fromMs];
}
