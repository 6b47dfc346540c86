// The one table of what every figure means. An id keeps its meaning for good; a changed meaning is a new id.
import { type GrpcStatus, grpcStatuses } from "../window/grpc-status.ts";

export type Unit =
  | "req/s"
  | "tokens/s"
  | "ms"
  | "ratio"
  | "requests"
  | "answers"
  | "events"
  | "errors"
  | "predictions"
  | "";

export interface Definition {
  readonly name: string;
  /** Empty for an index. "ratio" is a share between 0 and 1, or a difference of two; shown in percent or percentage points. */
  readonly unit: Unit;
  readonly definition: string;
}

const answers = "Answers that ended OK inside the window, whenever their requests arrived";
const arrivals =
  "Requests that arrived at the router in the window, those that waited, were refused or failed included, counted once they have ended";
const ingress = "Ingress at the router to the first non-empty delta leaving it";

const table = {
  "throughput.answered_avg_rps": {
    name: "Throughput, average",
    unit: "req/s",
    definition: `${answers}, divided by the window's length.`,
  },
  "throughput.answered_peak_rps_1s": {
    name: "Throughput, peak over 1 s",
    unit: "req/s",
    definition: "Most answers that ended OK in any 1 s inside the window (sliding), per second.",
  },
  "throughput.answered_peak_rps_10s": {
    name: "Throughput, peak over 10 s",
    unit: "req/s",
    definition: "Most answers that ended OK in any 10 s inside the window (sliding), per second.",
  },
  "throughput.answered_peak_rps_60s": {
    name: "Throughput, peak over 60 s",
    unit: "req/s",
    definition: "Most answers that ended OK in any 60 s inside the window (sliding), per second.",
  },
  "throughput.tokens_per_s": {
    name: "Tokens delivered",
    unit: "tokens/s",
    definition:
      "Completion tokens of the requests that arrived in the window, from engine or cache, divided by the window's length.",
  },
  "demand.avg_rps": {
    name: "Demand, average",
    unit: "req/s",
    definition: `${arrivals}, divided by the window's length.`,
  },
  "demand.peak_rps_1s": {
    name: "Demand, peak over 1 s",
    unit: "req/s",
    definition: "Most arrivals in any 1 s inside the window (sliding; refused and failed ones included), per second.",
  },
  "demand.peak_rps_10s": {
    name: "Demand, peak over 10 s",
    unit: "req/s",
    definition: "Most arrivals in any 10 s inside the window (sliding; refused and failed ones included), per second.",
  },
  "demand.peak_rps_60s": {
    name: "Demand, peak over 60 s",
    unit: "req/s",
    definition: "Most arrivals in any 60 s inside the window (sliding; refused and failed ones included), per second.",
  },
  "requests.count": {
    name: "Requests",
    unit: "requests",
    definition: "Requests that arrived in the window and have ended, whatever became of them.",
  },
  "ttft.p50_ms": {
    name: "TTFT, median",
    unit: "ms",
    definition: `${ingress}: median over the requests of the window that sent one.`,
  },
  "ttft.p95_ms": {
    name: "TTFT, 95th percentile",
    unit: "ms",
    definition: `${ingress}: 95th percentile over the requests of the window that sent one.`,
  },
  "ttft.p99_ms": {
    name: "TTFT, 99th percentile",
    unit: "ms",
    definition: `${ingress}: 99th percentile over the requests of the window that sent one.`,
  },
  "ttft.hit_p50_ms": {
    name: "TTFT of cache hits, median",
    unit: "ms",
    definition: `${ingress}: median over the requests of the window that the cache answered.`,
  },
  "ttft.miss_p50_ms": {
    name: "TTFT of cache misses, median",
    unit: "ms",
    definition: `${ingress}: median over the requests of the window that asked the cache and were answered by an engine.`,
  },
  "turn.p50_ms": {
    name: "Whole answer, median",
    unit: "ms",
    definition: "Ingress to the end of the stream: median over the requests of the window that ended OK.",
  },
  "turn.p95_ms": {
    name: "Whole answer, 95th percentile",
    unit: "ms",
    definition: "Ingress to the end of the stream: 95th percentile over the requests of the window that ended OK.",
  },
  "quality.accuracy": {
    name: "Accuracy on the holdout",
    unit: "ratio",
    definition:
      "Share of the items of the latest holdout run whose answer was right; an item that failed counts as wrong.",
  },
  "quality.macro_f1": {
    name: "Macro F1 on the holdout",
    unit: "ratio",
    definition:
      "Mean of the F1 of every class, all classes alike, in the latest holdout run; an answer that names no class costs recall.",
  },
  "quality.micro_f1": {
    name: "Micro F1 on the holdout",
    unit: "ratio",
    definition:
      "2 TP / (2 TP + FP + FN) over all classes of the latest holdout run; equals accuracy where every answer names a class.",
  },
  "quality.validation_accuracy": {
    name: "Accuracy on the validation split",
    unit: "ratio",
    definition: "Share of the items of the latest validation run of the holdout's data set whose answer was right.",
  },
  "quality.gap_validation_holdout": {
    name: "Accuracy, validation minus holdout",
    unit: "ratio",
    definition: "Accuracy of the latest validation run minus accuracy of the latest holdout run of the same data set.",
  },
  "quality.live_accuracy": {
    name: "Accuracy of live answers",
    unit: "ratio",
    definition: "Share of the live answers with feedback scored in the window that were right.",
  },
  "cache.hit_ratio": {
    name: "Cache hit ratio",
    unit: "ratio",
    definition: "Hits divided by hits and misses, over the requests of the window that asked the cache.",
  },
  "cache.fill_ratio": {
    name: "Cache fill",
    unit: "ratio",
    definition:
      "Bytes held divided by the bytes allowed, at the last report of each cache in the window, summed over caches.",
  },
  "cache.evictions": {
    name: "Cache evictions",
    unit: "answers",
    definition:
      "Answers pushed out to make room, between the first and the last report of each cache, summed over caches.",
  },
  "cache.eviction_share": {
    name: "Evictions per new answer",
    unit: "ratio",
    definition:
      "Evictions divided by evictions and growth of the number of entries: how often a new answer pushed one out.",
  },
  "cache.store_errors": {
    name: "Cache store errors",
    unit: "errors",
    definition: "Reads and writes of the byte store that failed, each served as a miss, summed over caches.",
  },
  "errors.count": {
    name: "Failed requests",
    unit: "requests",
    definition:
      "Requests of the window that ended neither OK nor CANCELLED: a client that left is not a failure of the mesh.",
  },
  "overload.refused_of_demand": {
    name: "Refused, share of demand",
    unit: "ratio",
    definition:
      "Requests turned away before any work (over a limit, no room, or hopelessly late), divided by all requests that arrived in the window.",
  },
  "overload.wait_share_p95": {
    name: "Waiting share of TTFT, 95th percentile",
    unit: "ratio",
    definition:
      "Time in the router's queue and waiting for an engine slot, divided by the time to first token, per request an engine answered: 95th percentile.",
  },
  "telemetry.events_dropped": {
    name: "Events lost",
    unit: "events",
    definition:
      "Since insight started: numbers missing between the first and the last event of the stream, and events without a usable field. What a service gave up before the stream took it does not show here.",
  },
  "telemetry.records_dropped": {
    name: "Request records let go",
    unit: "requests",
    definition:
      "Since insight started: requests whose record made room for newer ones, and that no figure can count any more.",
  },
  "telemetry.littles_law_gap": {
    name: "Little's law, relative gap",
    unit: "ratio",
    definition:
      "|L - λW| / L: mean number in flight (L) against arrival rate (λ) times mean turn (W). Above 5 % the times are wrong or the window is short beside the turns.",
  },
  "telemetry.lookup_gap": {
    name: "Lookups without a request event",
    unit: "ratio",
    definition:
      "Share of the lookups counted by the caches themselves that no request event tells of, over the part of the window in which every request had time to end.",
  },
  "drift.answer_length_psi": {
    name: "Answer length, stability index",
    unit: "",
    definition:
      "Population stability index of completion tokens: answers of the window's second half over the tenths of its first half; 0 is no change.",
  },
  "drift.answer_length_psi_chance": {
    name: "Answer length, stability index by chance",
    unit: "",
    definition: "What the index exceeds in 1 % of cases where nothing has moved, for as many answers.",
  },
  "drift.live_accuracy_change": {
    name: "Accuracy of live answers, second half minus first",
    unit: "ratio",
    definition: "Accuracy of the live answers scored in the window's second half minus that of its first half.",
  },
  "guard.sign": {
    name: "Sign of the evaluator's guard",
    unit: "",
    definition: "A value that the evaluator watches, as its guard reports it.",
  },
  "guard.share": {
    name: "Share watched by the evaluator's guard",
    unit: "ratio",
    definition: "A share that the evaluator watches, as its guard reports it.",
  },
  "loop.predictions": {
    name: "Predictions measured",
    unit: "predictions",
    definition: "Predictions of the ledger whose change was made and measured, successes and failures alike.",
  },
  "loop.coverage_50": {
    name: "Held intervals, 50 %",
    unit: "ratio",
    definition: "Share of the measured predictions whose realised change lay in the 50 % interval stored before it.",
  },
  "loop.coverage_90": {
    name: "Held intervals, 90 %",
    unit: "ratio",
    definition: "Share of the measured predictions whose realised change lay in the 90 % interval stored before it.",
  },
  "loop.bias": {
    name: "Realised of predicted change",
    unit: "ratio",
    definition:
      "Mean of realised change divided by predicted change over the measured predictions that promised at least 0.1 %; 100 % is no bias.",
  },
  "loop.interval_score_ratio": {
    name: "Interval score against no change",
    unit: "ratio",
    definition:
      "Mean interval (Winkler) score of the 90 % intervals divided by that of the same intervals around no change; below 100 % the predictions say more.",
  },
  "loop.brier": {
    name: "Brier score of kept",
    unit: "ratio",
    definition:
      "Mean squared difference between the predicted probability of a gain and what came of it: 1 where the change was kept, else 0.",
  },
  "loop.share_kept": {
    name: "Kept changes",
    unit: "ratio",
    definition: "Share of the measured changes that were kept.",
  },
  "loop.predicted_change": {
    name: "Predicted change",
    unit: "ratio",
    definition: "New value divided by old value, minus 1, as stored in the ledger before the change.",
  },
  "loop.predicted_change_50": {
    name: "Predicted change, narrow interval",
    unit: "ratio",
    definition: "The predicted change with the interval that is to hold every second time.",
  },
  "loop.baseline.ttft_p50_ms": {
    name: "TTFT, median, before the change",
    unit: "ms",
    definition: "What the predicted change starts from: median time to first token.",
  },
  "loop.baseline.hit_ratio": {
    name: "Cache hit ratio before the change",
    unit: "ratio",
    definition: "What the predicted change starts from: hits divided by hits and misses.",
  },
  "loop.baseline.capacity_rps": {
    name: "Capacity before the change",
    unit: "req/s",
    definition: "What the predicted change starts from: most requests per second within the objective of a load test.",
  },
  "loop.baseline.macro_f1": {
    name: "Macro F1 before the change",
    unit: "ratio",
    definition: "What the predicted change starts from: mean of the F1 of every class.",
  },
  "loop.baseline.accuracy": {
    name: "Accuracy before the change",
    unit: "ratio",
    definition: "What the predicted change starts from: share of right answers.",
  },
  "loop.realised_change": {
    name: "Realised change",
    unit: "ratio",
    definition: "New value divided by old value, minus 1, as measured on traffic after the change.",
  },
  "total.ttft_p50_change": {
    name: "TTFT, median, against the slice that was never changed",
    unit: "ratio",
    definition:
      "Median TTFT of all other traffic divided by that of the sessions that no change reaches, minus 1: what all changes together came to.",
  },
  "total.hit_ratio_change": {
    name: "Hit ratio, against the slice that was never changed",
    unit: "ratio",
    definition:
      "Cache hit ratio of all other traffic minus that of the sessions that no change reaches: what all changes together came to.",
  },
} as const satisfies Record<string, Definition>;

type StatusId = `errors.by_status.${Exclude<GrpcStatus, "OK">}`;
export type FigureId = keyof typeof table | StatusId;

const byStatus = grpcStatuses
  .filter((status) => status !== "OK")
  .map((status): [string, Definition] => [
    `errors.by_status.${status}`,
    {
      name: `Ended ${status}`,
      unit: "requests",
      definition: `Requests of the window that ended with the status ${status}.`,
    },
  ]);

const definitions: ReadonlyMap<string, Definition> = new Map<string, Definition>([
  ...Object.entries(table),
  ...byStatus,
]);

/** Undefined where the table has no such figure. */
export function definitionOf(id: string): Definition | undefined {
  return definitions.get(id);
}

export const figureIds: readonly string[] = [...definitions.keys()];
