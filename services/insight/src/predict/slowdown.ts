// How much requests that run together in an engine slow each other down, read off the log.
import type { EngineTimes, LoggedRequest } from "./observed.ts";
import { meanOf } from "./waiting.ts";

/** Tokens below which the first one rules the time of an answer. */
const MIN_TOKENS = 4;
/** Answers below which no slowdown is fitted. */
const MIN_FIT = 100;
/** Of each further running request on the time of one token; more is a broken log. */
const MAX_SLOWDOWN = 1;

export interface Slowdown {
  /** How much longer everything takes for each further request that runs with it, as a share. */
  readonly perRequest: number;
  /** The log with the times of engines as they would have been alone. */
  readonly alone: LoggedRequest[];
}

export function measureSlowdown(requests: readonly LoggedRequest[]): Slowdown {
  const spans = requests.flatMap((request) => spanOf(request) ?? []);
  const runningWith = meanOverlap(spans);
  const perRequest = fitted(spans.map((span) => ({ ...span, others: runningWith(span.fromMs, span.toMs) - 1 })));
  const alone = requests.map((request) => {
    const span = spanOf(request);
    if (span === undefined) return request;
    const factor = 1 + perRequest * Math.max(0, runningWith(span.fromMs, span.toMs) - 1);
    const { waitMs, firstTokenMs, serviceMs } = span.engine;
    return { ...request, engine: { waitMs, firstTokenMs: firstTokenMs / factor, serviceMs: serviceMs / factor } };
  });
  return { perRequest, alone };
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly tokens: number;
  readonly engine: EngineTimes;
}

function spanOf({ arrivedMs, engine, completionTokens }: LoggedRequest): Span | undefined {
  if (engine === undefined || engine.serviceMs <= 0) return undefined;
  const fromMs = arrivedMs + engine.waitMs;
  return { fromMs, toMs: fromMs + engine.serviceMs, tokens: completionTokens, engine };
}

/** Least squares of the time per token on the number of others. 0 where the log is too small to tell. */
function fitted(spans: readonly (Span & { others: number })[]): number {
  const points = spans
    .filter(({ tokens }) => tokens >= MIN_TOKENS)
    .map(({ others, tokens, engine }) => ({ x: others, y: (engine.serviceMs - engine.firstTokenMs) / (tokens - 1) }));
  if (points.length < MIN_FIT) return 0;
  const meanX = meanOf(points.map(({ x }) => x));
  const meanY = meanOf(points.map(({ y }) => y));
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const alone = meanY - slope * meanX;
  if (!(slope > 0) || !(alone > 0)) return 0;
  return Math.min(MAX_SLOWDOWN, slope / alone);
}

/** The mean number of spans that cover a stretch of time. */
function meanOverlap(spans: readonly { fromMs: number; toMs: number }[]): (fromMs: number, toMs: number) => number {
  const edges = spans
    .flatMap(({ fromMs, toMs }) => [
      { atMs: fromMs, step: 1 },
      { atMs: toMs, step: -1 },
    ])
    .sort((a, b) => a.atMs - b.atMs);
  const times = Float64Array.from(edges, ({ atMs }) => atMs);
  /** Running, and time spent running by all, up to each edge. */
  const [counts, areas] = [new Float64Array(edges.length), new Float64Array(edges.length)];
  let [count, area] = [0, 0];
  for (const [i, { atMs, step }] of edges.entries()) {
    area += count * (atMs - (times[i - 1] ?? atMs));
    count += step;
    counts[i] = count;
    areas[i] = area;
  }
  const areaAt = (ms: number) => {
    const i = lastAtOrBefore(times, ms);
    return i < 0 ? 0 : (areas[i] ?? 0) + (counts[i] ?? 0) * (ms - (times[i] ?? 0));
  };
  return (fromMs, toMs) => (areaAt(toMs) - areaAt(fromMs)) / (toMs - fromMs);
}

function lastAtOrBefore(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
