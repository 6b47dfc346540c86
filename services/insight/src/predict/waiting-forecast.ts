// The log through more or fewer slots: what its callers would have waited.
import type { PredictedChange } from "../ledger/prediction.ts";
import { blocksOf } from "./blocks.ts";
import type { Observed } from "./observed.ts";
import { medianChange } from "./paired-windows.ts";
import { allenCunneenWaitMs, type Engine, type Job, meanOf, type Served, serve } from "./waiting.ts";

/** Requests with times of an engine. */
const MIN_JOBS = 200;

export interface WaitingForecast {
  readonly ttftP50Ms: number;
  readonly change: PredictedChange;
  readonly before: Waits;
  readonly after: Waits;
  readonly n: number;
}

export interface Waits {
  readonly meanWaitMs: number;
  /** By Allen and Cunneen, where those that run together did not slow each other down further. */
  readonly formulaMs: number;
}

/** Of the requests that an engine answered. Undefined where they are too few. */
export function forecastWaiting(
  { requests, seed }: Pick<Observed, "requests" | "seed">,
  engines: { readonly before: Engine; readonly after: Engine },
): WaitingForecast | undefined {
  const jobs = requests.flatMap(({ arrivedMs, engine }) => (engine === undefined ? [] : [{ ...engine, arrivedMs }]));
  if (jobs.length < MIN_JOBS) return undefined;
  const atMs = jobs.map(({ arrivedMs }) => arrivedMs);
  const window = { fromMs: atMs[0] ?? 0, toMs: atMs.at(-1) ?? 0 };
  const [before, after] = [serve(jobs, engines.before), serve(jobs, engines.after)];
  const { beforeMedian, change } = medianChange({
    ...{ blocks: blocksOf(window), atMs, seed },
    before: before.map(({ ttftMs }) => ttftMs),
    after: after.map(({ ttftMs }) => ttftMs),
  });
  const perS = (1000 * jobs.length) / Math.max(1, window.toMs - window.fromMs);
  const waits = (served: readonly Served[], { slots }: Engine): Waits => ({
    meanWaitMs: meanOf(served.map(({ waitMs }) => waitMs)),
    formulaMs: allenCunneenWaitMs({ slots, perS, ...momentsOf(jobs) }),
  });
  return {
    ttftP50Ms: beforeMedian,
    change,
    before: waits(before, engines.before),
    after: waits(after, engines.after),
    n: jobs.length,
  };
}

function momentsOf(jobs: readonly Job[]): { meanMs: number; cv: number } {
  const meanMs = meanOf(jobs.map(({ serviceMs }) => serviceMs));
  const variance = meanOf(jobs.map(({ serviceMs }) => (serviceMs - meanMs) ** 2));
  return { meanMs, cv: Math.sqrt(variance) / meanMs };
}
