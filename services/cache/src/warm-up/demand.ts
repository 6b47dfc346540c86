// What was asked in a window of the request log, key by key: how often and when, at which cost, and where its text stands.
import { type CacheControl, CacheStatus } from "@chimera/contracts/common";
import type { RequestFinished } from "@chimera/contracts/events";
import type { ReceivedEvent } from "@chimera/events";
import { quantile, type Random } from "@chimera/kernel";

/** Parts of equal length that the time from the first request to the last is cut into, at most; half of it at least is used. */
export const BINS = 96;
/** Length of a part at first; doubled whenever a request comes behind the last one. */
const FIRST_BIN_MS = 250;
/** Different questions that are counted at a time; about 300 bytes each. */
export const MAX_KEYS = 200_000;
/** At the bound the least asked are dropped until this share of the room is free again. */
const DROPPED_SHARE = 0.1;
/** The last times to first token of a question's misses. */
const TTFT_SAMPLES = 9;
/** Requests drawn at random whose texts stand for all. */
const TEXT_SAMPLES = 256;
/** Most that is counted of one question in one bin. */
const MAX_COUNT = 65_535;

/** One question and what the log says of it. */
export interface AskedKey {
  /** First 16 hex digits of the cache key. */
  readonly key: string;
  readonly tenant: string;
  readonly model: string;
  modelVersion: string;
  count: number;
  lastAskedMs: number;
  /** Requests per bin; unset while there was only one. */
  bins: Uint16Array | undefined;
  firstBin: number;
  /** Of misses, at most TTFT_SAMPLES, in no order. */
  readonly ttftMs: number[];
  promptTokens: number;
  completionTokens: number;
  /** Place in the stream of an event that holds the request itself; 0 where none does. */
  textAt: number;
  control: CacheControl | undefined;
}

export interface DemandOptions {
  random: Random;
  /** Empty: all. */
  tenants: readonly string[];
  /** Empty: all. */
  model: string;
  maxKeys?: number;
}

export class Demand {
  readonly #options: DemandOptions;
  readonly #maxKeys: number;
  /** At most `maxKeys`. */
  readonly #keys = new Map<string, AskedKey>();
  /** One entry per model: the version of the last request. */
  readonly #versions = new Map<string, string>();
  readonly #texts: number[] = [];
  #withText = 0;
  /** Requests of all tenants and models per bin. */
  readonly allByBin = new Float64Array(BINS);
  binMs = FIRST_BIN_MS;
  /** Bins up to the last request. What is behind it, an outage for example, says nothing about questions. */
  usedBins = 0;
  #startMs: number | undefined;
  requests = 0;
  droppedKeys = 0;
  droppedRequests = 0;

  constructor(options: DemandOptions) {
    this.#options = options;
    this.#maxKeys = options.maxKeys ?? MAX_KEYS;
  }

  keys(): Iterable<AskedKey> {
    return this.#keys.values();
  }

  /** Whether requests for that version still come. */
  isCurrent({ model, modelVersion }: AskedKey): boolean {
    return this.#versions.get(model) === modelVersion;
  }

  /** Places in the stream of requests drawn at random, all of them equally likely. */
  get textSamples(): readonly number[] {
    return this.#texts;
  }

  take({ event, receivedAtMs, sequence }: ReceivedEvent): void {
    if (event.kind !== "requestFinished" || event.message.workload !== "") return;
    const { message } = event;
    const askedAtMs = arrivedAtMs(message) ?? receivedAtMs;
    const bin = this.#binOf(askedAtMs);
    this.requests += 1;
    this.allByBin[bin] = (this.allByBin[bin] ?? 0) + 1;
    if (message.cacheKey === "") return;
    this.#versions.set(message.model, message.modelVersion);
    if (!this.#isWanted(message)) return;
    if (message.loggedInput.length > 0) this.#sampleText(sequence);
    this.#count(message, { bin, askedAtMs, sequence });
  }

  #isWanted({ tenant, model }: RequestFinished): boolean {
    const { tenants, model: wanted } = this.#options;
    return (tenants.length === 0 || tenants.includes(tenant)) && (wanted === "" || wanted === model);
  }

  #count(message: RequestFinished, at: { bin: number; askedAtMs: number; sequence: number }): void {
    const known = this.#keys.get(message.cacheKey);
    const asked = known ?? this.#add(message, at.bin);
    if (known !== undefined) asked.bins ??= binsWith(asked.firstBin);
    if (asked.bins) asked.bins[at.bin] = Math.min(MAX_COUNT, (asked.bins[at.bin] ?? 0) + 1);
    asked.count += 1;
    asked.lastAskedMs = Math.max(asked.lastAskedMs, at.askedAtMs);
    asked.modelVersion = message.modelVersion;
    if (message.loggedInput.length > 0) {
      asked.textAt = at.sequence;
      asked.control = message.cacheControl;
    }
    if (message.usage !== undefined) {
      asked.promptTokens = message.usage.promptTokens;
      asked.completionTokens = message.usage.completionTokens;
    }
    if (message.cache?.status === CacheStatus.MISS && message.ttftMs !== undefined) {
      asked.ttftMs[asked.ttftMs.length < TTFT_SAMPLES ? asked.ttftMs.length : asked.count % TTFT_SAMPLES] =
        message.ttftMs;
    }
  }

  #add({ cacheKey, tenant, model, modelVersion }: RequestFinished, firstBin: number): AskedKey {
    if (this.#keys.size >= this.#maxKeys) this.#makeRoom();
    const asked: AskedKey = {
      key: cacheKey,
      tenant,
      model,
      modelVersion,
      count: 0,
      lastAskedMs: 0,
      bins: undefined,
      firstBin,
      ttftMs: [],
      promptTokens: 0,
      completionTokens: 0,
      textAt: 0,
      control: undefined,
    };
    this.#keys.set(cacheKey, asked);
    return asked;
  }

  /** The least asked leave first, and of those the ones that were seen first. */
  #makeRoom(): void {
    const target = Math.floor(this.#maxKeys * (1 - DROPPED_SHARE));
    for (let least = 1; this.#keys.size > target; least *= 2) {
      for (const [key, asked] of this.#keys) {
        if (asked.count > least) continue;
        this.#keys.delete(key);
        this.droppedKeys += 1;
        this.droppedRequests += asked.count;
        if (this.#keys.size <= target) return;
      }
    }
  }

  /** Algorithm R (Vitter 1985). */
  #sampleText(sequence: number): void {
    this.#withText += 1;
    if (this.#texts.length < TEXT_SAMPLES) this.#texts.push(sequence);
    else {
      const at = Math.floor(this.#options.random() * this.#withText);
      if (at < TEXT_SAMPLES) this.#texts[at] = sequence;
    }
  }

  /** Events come in order of their end; a first one that began later than the next would otherwise be before all time. */
  #binOf(askedAtMs: number): number {
    this.#startMs ??= askedAtMs;
    const sinceMs = Math.max(0, askedAtMs - this.#startMs);
    while (sinceMs >= BINS * this.binMs) this.#widen();
    const bin = Math.floor(sinceMs / this.binMs);
    this.usedBins = Math.max(this.usedBins, bin + 1);
    return bin;
  }

  #widen(): void {
    this.binMs *= 2;
    this.usedBins = Math.ceil(this.usedBins / 2);
    mergePairs(this.allByBin);
    for (const asked of this.#keys.values()) {
      asked.firstBin = Math.floor(asked.firstBin / 2);
      if (asked.bins) mergePairs(asked.bins);
    }
  }
}

function mergePairs(bins: Uint16Array | Float64Array): void {
  const most = bins instanceof Uint16Array ? MAX_COUNT : Number.POSITIVE_INFINITY;
  for (let bin = 0; bin < BINS; bin++) {
    bins[bin] = bin < BINS / 2 ? Math.min(most, (bins[2 * bin] ?? 0) + (bins[2 * bin + 1] ?? 0)) : 0;
  }
}

function binsWith(bin: number): Uint16Array {
  const bins = new Uint16Array(BINS);
  bins[bin] = 1;
  return bins;
}

export function arrivedAtMs({ arrivedAt }: RequestFinished): number | undefined {
  return arrivedAt && Number(arrivedAt.seconds) * 1000 + arrivedAt.nanos / 1e6;
}

/** Of the misses of a question: what a hit saves. Undefined where it had none. */
export function medianTtftMs({ ttftMs }: Pick<AskedKey, "ttftMs">): number | undefined {
  return ttftMs.length === 0
    ? undefined
    : quantile(
        ttftMs.toSorted((a, b) => a - b),
        0.5,
      );
}
