// What the router measures about itself over the last minute: arrivals, outcomes and times, by model and tenant.
import { type Clock, quantile } from "@chimera/kernel";

export const WINDOW_MS = 60_000;
/** Finished requests remembered; at more than 1,000 per second the window holds the newest of them. */
const MAX_SAMPLES = 65_536;
/** Gaps between deltas remembered over all requests. */
const MAX_GAPS = 65_536;
/** Rows told apart; further pairs of model and tenant count in the row of all requests only. */
const MAX_ROWS = 1000;

export interface Sample {
  model: string;
  tenant: string;
  ok: boolean;
  cacheHit: boolean;
  ttftMs: number | undefined;
  turnMs: number;
  interTokenMs: readonly number[];
}

export interface QuantileRow {
  n: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

export interface Row {
  model: string;
  tenant: string;
  requests: number;
  errors: number;
  cacheHits: number;
  ttft: QuantileRow;
  interToken: QuantileRow;
  turn: QuantileRow;
}

export interface Snapshot {
  rpsAvg: number;
  rpsPeak1s: number;
  rpsPeak10s: number;
  inFlight: number;
  all: Row;
  rows: Row[];
  uptimeMs: number;
}

interface Timed {
  atMs: number;
  sample: Sample;
}

export class Stats {
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  readonly #arrivals = new Map<number, number>();
  #samples: Timed[] = [];
  #gaps = 0;
  inFlight = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAtMs = clock.monotonicMs();
  }

  arrived(): void {
    const second = Math.floor(this.#clock.monotonicMs() / 1000);
    this.#arrivals.set(second, (this.#arrivals.get(second) ?? 0) + 1);
    this.inFlight += 1;
    // Seconds arrive in order, so the oldest is the first.
    for (const old of this.#arrivals.keys()) {
      if (old > second - WINDOW_MS / 1000) break;
      this.#arrivals.delete(old);
    }
  }

  departed(): void {
    this.inFlight -= 1;
  }

  add(sample: Sample): void {
    const kept = this.#gaps >= MAX_GAPS ? { ...sample, interTokenMs: [] } : sample;
    this.#gaps += kept.interTokenMs.length;
    this.#samples.push({ atMs: this.#clock.monotonicMs(), sample: kept });
    if (this.#samples.length > MAX_SAMPLES) this.#forget(MAX_SAMPLES / 8);
  }

  snapshot(): Snapshot {
    const nowMs = this.#clock.monotonicMs();
    const expired = this.#samples.findIndex(({ atMs }) => atMs > nowMs - WINDOW_MS);
    this.#forget(expired < 0 ? this.#samples.length : expired);
    const samples = this.#samples.map(({ sample }) => sample);
    const groups = new Map<string, Sample[]>();
    for (const sample of samples) {
      const key = JSON.stringify([sample.model, sample.tenant]);
      const group = groups.get(key);
      if (group) group.push(sample);
      else if (groups.size < MAX_ROWS) groups.set(key, [sample]);
    }
    return {
      ...this.#rates(nowMs),
      inFlight: this.inFlight,
      all: row("", "", samples),
      rows: [...groups.values()].map((group) => row(group[0]?.model ?? "", group[0]?.tenant ?? "", group)),
      uptimeMs: nowMs - this.#startedAtMs,
    };
  }

  #forget(count: number): void {
    for (const { sample } of this.#samples.splice(0, count)) this.#gaps -= sample.interTokenMs.length;
  }

  #rates(nowMs: number): Pick<Snapshot, "rpsAvg" | "rpsPeak1s" | "rpsPeak10s"> {
    const second = Math.floor(nowMs / 1000);
    const counts = Array.from({ length: WINDOW_MS / 1000 }, (_, i) => this.#arrivals.get(second - i) ?? 0);
    const sum = (from: number, length: number) => counts.slice(from, from + length).reduce((a, b) => a + b, 0);
    const spanS = Math.min(WINDOW_MS, Math.max(1000, nowMs - this.#startedAtMs)) / 1000;
    return {
      rpsAvg: sum(0, counts.length) / spanS,
      rpsPeak1s: Math.max(...counts),
      rpsPeak10s: Math.max(...counts.map((_, i) => sum(i, 10))) / 10,
    };
  }
}

function row(model: string, tenant: string, samples: readonly Sample[]): Row {
  return {
    model,
    tenant,
    requests: samples.length,
    errors: samples.filter(({ ok }) => !ok).length,
    cacheHits: samples.filter(({ cacheHit }) => cacheHit).length,
    ttft: quantiles(samples.flatMap(({ ttftMs }) => (ttftMs === undefined ? [] : [ttftMs]))),
    interToken: quantiles(samples.flatMap(({ interTokenMs }) => interTokenMs)),
    turn: quantiles(samples.map(({ turnMs }) => turnMs)),
  };
}

function quantiles(values: number[]): QuantileRow {
  const sorted = Float64Array.from(values).sort();
  const at = (p: number) => (sorted.length === 0 ? 0 : quantile(sorted, p));
  return { n: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}
