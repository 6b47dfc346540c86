// Counts the requests that come after a warm-up, for warmed questions and for those left cold.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type WarmGain, WarmGainSchema } from "@chimera/contracts/cache";
import { CacheStatus } from "@chimera/contracts/common";
import type { ReceivedEvent } from "@chimera/events";
import type { Random } from "@chimera/kernel";
import { arrivedAtMs } from "./demand.ts";
import { hitGainPp, hitsOf, type KeyTally, MAX_TTFT_SAMPLES, requestsOf, scaled, ttftGain } from "./gain.ts";

export interface MeasurementOptions {
  /** First 16 hex digits of the keys that were to be warmed, stored or not: what was drawn is what is compared. */
  treated: readonly string[];
  control: readonly string[];
  /** Of the treated, those that were stored. */
  stored: readonly string[];
  fromMs: number;
  toMs: number;
}

export class Measurement {
  readonly #options: MeasurementOptions;
  /** One entry per key of either group. */
  readonly #treated: ReadonlyMap<string, KeyTally>;
  readonly #control: ReadonlyMap<string, KeyTally>;
  #requests = 0;
  #lastMs: number;

  constructor(options: MeasurementOptions) {
    this.#options = options;
    this.#treated = tallies(options.treated);
    this.#control = tallies(options.control);
    this.#lastMs = options.fromMs;
  }

  /** Expects every event once. */
  take({ event, receivedAtMs }: ReceivedEvent): void {
    if (event.kind !== "requestFinished" || event.message.workload !== "") return;
    const { message } = event;
    const askedAtMs = arrivedAtMs(message) ?? receivedAtMs;
    if (askedAtMs < this.#options.fromMs || askedAtMs >= this.#options.toMs) return;
    this.#requests += 1;
    this.#lastMs = Math.max(this.#lastMs, askedAtMs);
    const tally = this.#treated.get(message.cacheKey) ?? this.#control.get(message.cacheKey);
    if (tally === undefined || message.status !== "OK") return;
    const status = message.cache?.status;
    tally.requests += 1;
    if (status === CacheStatus.HIT || status === CacheStatus.STALE) tally.hits += 1;
    if (message.ttftMs !== undefined && tally.ttftMs.length < MAX_TTFT_SAMPLES) tally.ttftMs.push(message.ttftMs);
  }

  /** Undefined until requests came in. */
  gain(random: Random): WarmGain | undefined {
    if (this.#requests === 0) return undefined;
    const groups = { treated: [...this.#treated.values()], control: [...this.#control.values()] };
    const treatedRequests = requestsOf(groups.treated);
    const hits = hitGainPp(groups, random);
    const ttft = ttftGain(groups, random);
    const overall = scaled(hits, treatedRequests / this.#requests);
    const served = this.#options.stored.filter((key) => (this.#treated.get(key)?.hits ?? 0) > 0).length;
    return create(WarmGainSchema, {
      from: timestampFromMs(this.#options.fromMs),
      to: timestampFromMs(this.#lastMs),
      treatedRequests: BigInt(treatedRequests),
      treatedHits: BigInt(hitsOf(groups.treated)),
      controlRequests: BigInt(requestsOf(groups.control)),
      controlHits: BigInt(hitsOf(groups.control)),
      usedShare: served / Math.max(1, this.#options.stored.length),
      ...(hits && { hitGainPp: hits }),
      ...(ttft && { ttftGain: ttft }),
      ...(overall && { overallHitGainPp: overall }),
    });
  }
}

function tallies(keys: readonly string[]): ReadonlyMap<string, KeyTally> {
  return new Map(keys.map((key) => [key, { requests: 0, hits: 0, ttftMs: [] }]));
}
