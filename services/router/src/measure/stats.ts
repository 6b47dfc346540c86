// What the router measures about itself over the last minute: demand, answers and refusals per second, outcomes and times by
// model, tenant and cache status. Whatever arrives, the memory is bounded and a snapshot takes some milliseconds.
import { CacheStatus } from "@chimera/contracts/common";
import type { Clock } from "@chimera/kernel";
import { CountRing } from "./count-ring.ts";
import { type Ending, GapSink, LiveRow, ROW_SLOT_MS, type Row, type RowKey } from "./live-row.ts";
import { WINDOW_MS } from "./quantiles.ts";
import { SampleRing } from "./sample-ring.ts";

/** Ended requests whose times are kept: at more than 546 a second, times are those of the newest of the minute. */
const MAX_SAMPLES = 32_768;
/** Rows told apart, at most 60 KB each; further pairs of model and tenant count in the other rows only. */
const MAX_ROWS = 256;
/** Rates are counted in slots of a hundredth of a second. */
const RATE_SLOT_MS = 10;
const RATE_WINDOWS_MS = [1000, 10_000, WINDOW_MS] as const;
/** The cache statuses that have a row of their own. */
const CACHE_ROWS: readonly CacheStatus[] = [
  CacheStatus.HIT,
  CacheStatus.MISS,
  CacheStatus.BYPASS,
  CacheStatus.STALE,
  CacheStatus.JOINED,
];
const NO_ROW = 0xffff;

export interface Sample extends Ending {
  /** Undefined where no delta was sent. */
  ttftMs: number | undefined;
  /** Undefined where it never came to the queue. */
  queueMs: number | undefined;
  turnMs: number;
}

/** Per second. */
export interface Rates {
  windowMs: number;
  demandAvg: number;
  demandPeak: number;
  servedAvg: number;
  refusedAvg: number;
}

export interface Snapshot {
  /** Of 1, 10 and 60 s. */
  rates: Rates[];
  inFlight: number;
  queued: number;
  all: Row;
  rows: Row[];
  byCacheStatus: Row[];
  uptimeMs: number;
}

export class Stats {
  readonly #clock: Clock;
  readonly #queued: () => number;
  readonly #startedAtMs: number;
  readonly #demand = new CountRing(RATE_SLOT_MS);
  readonly #served = new CountRing(RATE_SLOT_MS);
  readonly #refused = new CountRing(RATE_SLOT_MS);
  readonly #samples = new SampleRing(MAX_SAMPLES);
  /** The places in `rows` and in `byCache` of the sample in each slot. */
  readonly #rowOf = new Uint16Array(MAX_SAMPLES);
  readonly #cacheRowOf = new Uint16Array(MAX_SAMPLES);
  readonly #allOf = new Uint16Array(MAX_SAMPLES);
  readonly #all: LiveRow;
  readonly #byCache: readonly LiveRow[];
  readonly #rows: LiveRow[] = [];
  readonly #placeOf = new Map<string, number>();
  #inFlight = 0;

  /** `queued` tells how many requests wait for a replica now. */
  constructor(clock: Clock, queued: () => number = () => 0) {
    const nowMs = clock.monotonicMs();
    const over = { model: "", tenant: "" };
    this.#clock = clock;
    this.#queued = queued;
    this.#startedAtMs = nowMs;
    this.#all = new LiveRow({ ...over, cacheStatus: CacheStatus.UNSPECIFIED }, nowMs);
    this.#byCache = CACHE_ROWS.map((cacheStatus) => new LiveRow({ ...over, cacheStatus }, nowMs));
  }

  /** Requests that arrived and have not ended, the waiting ones among them. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queued();
  }

  /** Every request counts here, whatever becomes of it: this is demand. */
  arrived(): void {
    this.#inFlight += 1;
    this.#demand.add(this.#clock.monotonicMs());
  }

  /** Once for each that arrived. */
  ended(sample: Sample): void {
    const nowMs = this.#clock.monotonicMs();
    this.#inFlight -= 1;
    if (sample.ok) this.#served.add(nowMs);
    if (sample.refused) this.#refused.add(nowMs);
    const turnMs = sample.ok ? sample.turnMs : undefined;
    const slot = this.#samples.push(nowMs, { ttftMs: sample.ttftMs, queueMs: sample.queueMs, turnMs });
    const place = this.#place(sample, nowMs);
    const cachePlace = CACHE_ROWS.indexOf(sample.cacheStatus);
    this.#rowOf[slot] = place ?? NO_ROW;
    this.#cacheRowOf[slot] = cachePlace < 0 ? NO_ROW : cachePlace;
    for (const row of this.#rowsAt(place, cachePlace)) row.count(sample, nowMs);
  }

  /** Where the gaps of one answer go. Asked for once per answer, so that a gap itself costs next to nothing. */
  gaps(key: RowKey): GapSink {
    const place = this.#place(key, this.#clock.monotonicMs());
    return new GapSink(this.#rowsAt(place, CACHE_ROWS.indexOf(key.cacheStatus)));
  }

  snapshot(): Snapshot {
    const nowMs = this.#clock.monotonicMs();
    const all = this.#read([this.#all], this.#allOf, nowMs)[0] ?? this.#all.read(nowMs);
    const rows = this.#read(this.#rows, this.#rowOf, nowMs);
    return {
      rates: RATE_WINDOWS_MS.map((windowMs) => this.#rates(nowMs, windowMs)),
      inFlight: this.#inFlight,
      queued: this.#queued(),
      all,
      rows: rows.filter((row) => row.requests > 0 || row.interToken.n > 0),
      byCacheStatus: this.#read(this.#byCache, this.#cacheRowOf, nowMs),
      uptimeMs: nowMs - this.#startedAtMs,
    };
  }

  #rates(nowMs: number, windowMs: number): Rates {
    // A router younger than the window had all of this in the time since its start.
    const spanS = Math.min(windowMs, Math.max(1000, nowMs - this.#startedAtMs)) / 1000;
    return {
      windowMs,
      demandAvg: this.#demand.sum(nowMs, windowMs) / spanS,
      demandPeak: this.#demand.peak(nowMs, windowMs) / (windowMs / 1000),
      servedAvg: this.#served.sum(nowMs, windowMs) / spanS,
      refusedAvg: this.#refused.sum(nowMs, windowMs) / spanS,
    };
  }

  #read(rows: readonly LiveRow[], of: Uint16Array, nowMs: number): Row[] {
    // The same whole seconds that the rows count.
    const fromMs = (Math.floor(nowMs / ROW_SLOT_MS) + 1) * ROW_SLOT_MS - WINDOW_MS;
    const samples = this.#samples.since(fromMs);
    const groups = { of, count: rows.length };
    const ttft = this.#samples.quantiles("ttftMs", samples, groups);
    const queue = this.#samples.quantiles("queueMs", samples, groups);
    const turn = this.#samples.quantiles("turnMs", samples, groups);
    return rows.map((live, place) => {
      const row = live.read(nowMs);
      return {
        ...row,
        ttft: ttft[place] ?? row.ttft,
        queue: queue[place] ?? row.queue,
        turn: turn[place] ?? row.turn,
      };
    });
  }

  #rowsAt(place: number | undefined, cachePlace: number): LiveRow[] {
    const rows = [this.#all];
    const cacheRow = this.#byCache[cachePlace];
    if (cacheRow) rows.push(cacheRow);
    const row = place === undefined ? undefined : this.#rows[place];
    if (row) rows.push(row);
    return rows;
  }

  /** Undefined where all rows are in use. A row that was idle for the whole window makes room: no kept sample belongs to it. */
  #place({ model, tenant }: RowKey, nowMs: number): number | undefined {
    const name = nameOf(model, tenant);
    const known = this.#placeOf.get(name);
    if (known !== undefined) return known;
    const place = this.#rows.length < MAX_ROWS ? this.#rows.length : this.#rows.findIndex((row) => row.isIdle(nowMs));
    if (place < 0) return undefined;
    const before = this.#rows[place];
    if (before) this.#placeOf.delete(nameOf(before.key.model, before.key.tenant));
    this.#rows[place] = new LiveRow({ model, tenant, cacheStatus: CacheStatus.UNSPECIFIED }, nowMs);
    this.#placeOf.set(name, place);
    return place;
  }
}

const nameOf = (model: string, tenant: string) => `${model}\n${tenant}`;
