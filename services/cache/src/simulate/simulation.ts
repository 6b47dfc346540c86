// Plays a trace through caches of several policies and sizes, side by side, and counts what each would have served and saved.
import { assert, type Clock, seededRandom } from "@chimera/kernel";
import type { PolicyNode } from "../index/entry.ts";
import { MAX_ENTRY_SHARE } from "../index/entry-index.ts";
import { OptimumPolicy } from "../policy/optimum.ts";
import { createPolicy, POLICY_NAMES, type PolicyName } from "../policy/policies.ts";
import { SimulatedCache } from "../policy/simulated-cache.ts";
import { computeMs, type Trace, type TraceRequest } from "./traces/trace.ts";
import { WorkingSet } from "./working-set.ts";

export const SIMULATED_POLICIES = [...POLICY_NAMES, "optimum"] as const;
export type SimulatedPolicy = PolicyName | "optimum";

/** In bytes, or as a share of the bytes of all different answers of the trace. */
export type Size = { bytes: number } | { share: number };

export interface SimulationOptions {
  trace: Trace;
  policies: readonly SimulatedPolicy[];
  sizes: readonly Size[];
  /** The first ones of the trace, in which caches are still being filled, are not counted; 0.2 where unset. */
  warmUpShare?: number;
  clock: Pick<Clock, "monotonicMs">;
  signal?: AbortSignal;
}

export interface Outcome {
  policy: SimulatedPolicy;
  capacityBytes: number;
  requests: number;
  hits: number;
  bytes: number;
  hitBytes: number;
  computeMs: number;
  savedMs: number;
  /** Mean time of a lookup, with its insertion where it missed. */
  decisionUs: number;
  /** The most it ever held. */
  maxBytes: number;
}

export interface Simulation {
  /** All requests of the trace, also those not counted. */
  requests: number;
  /** Of all different answers. */
  uniqueBytes: number;
  outcomes: Outcome[];
}

/** Requests between two looks at the clock; they are all that is held of the trace. */
const CHUNK = 4096;

export async function simulate(options: SimulationOptions): Promise<Simulation> {
  const { trace, policies, sizes, warmUpShare = 0.2, clock, signal } = options;
  const survey = await surveyOf(options);
  const first = Math.floor(warmUpShare * survey.requests);
  const plays = sizes.flatMap((size) => {
    const capacityBytes = Math.max(1, Math.round("bytes" in size ? size.bytes : size.share * survey.uniqueBytes));
    return policies.map((policy) => new Play(policy, { capacityBytes, nextUses: survey.nextUses, first }));
  });
  for await (const chunk of chunksOf(trace)) {
    for (const play of plays) {
      signal?.throwIfAborted();
      const startedMs = clock.monotonicMs();
      play.run(chunk);
      play.addTime(clock.monotonicMs() - startedMs);
    }
  }
  const { requests, uniqueBytes } = survey;
  return { requests, uniqueBytes, outcomes: plays.map((play) => play.outcome()) };
}

interface Survey {
  requests: number;
  uniqueBytes: number;
  /** For each request the next one with the same key; Infinity where there is none. Empty where no policy looks ahead. */
  nextUses: Float64Array;
}

async function surveyOf({ trace, policies, signal }: SimulationOptions): Promise<Survey> {
  const workingSet = new WorkingSet();
  const future = policies.includes("optimum") ? new NextUses() : undefined;
  let requests = 0;
  for await (const { key, bytes } of trace()) {
    if (requests % CHUNK === 0) signal?.throwIfAborted();
    workingSet.add(key, bytes);
    future?.add(key);
    requests += 1;
  }
  return { requests, uniqueBytes: workingSet.bytes, nextUses: future?.values() ?? new Float64Array() };
}

/** All that grows with the trace, and only where the optimum is asked for: 8 bytes for each request, and the keys. */
class NextUses {
  readonly #lastUses = new Map<string, number>();
  #nextUses = new Float64Array(CHUNK);
  #size = 0;

  add(key: string): void {
    if (this.#size === this.#nextUses.length) {
      const larger = new Float64Array(2 * this.#size);
      larger.set(this.#nextUses);
      this.#nextUses = larger;
    }
    const last = this.#lastUses.get(key);
    if (last !== undefined) this.#nextUses[last] = this.#size;
    this.#nextUses[this.#size] = Number.POSITIVE_INFINITY;
    this.#lastUses.set(key, this.#size);
    this.#size += 1;
  }

  values(): Float64Array {
    return this.#nextUses.subarray(0, this.#size);
  }
}

async function* chunksOf(trace: Trace): AsyncGenerator<readonly TraceRequest[], void, void> {
  let chunk: TraceRequest[] = [];
  for await (const request of trace()) {
    chunk.push(request);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

interface PlayOptions {
  capacityBytes: number;
  nextUses: Float64Array;
  /** Requests before this one are not counted. */
  first: number;
}

/** One cache and what it served. */
class Play {
  readonly #policy: SimulatedPolicy;
  readonly #capacityBytes: number;
  readonly #first: number;
  readonly #cache: SimulatedCache;
  readonly #counted = { requests: 0, hits: 0, bytes: 0, hitBytes: 0, computeMs: 0, savedMs: 0 };
  #next = 0;
  #timeMs = 0;
  #maxBytes = 0;

  constructor(policy: SimulatedPolicy, { capacityBytes, nextUses, first }: PlayOptions) {
    this.#policy = policy;
    this.#capacityBytes = capacityBytes;
    this.#first = first;
    const ahead = () => nextUses[this.#next] ?? Number.POSITIVE_INFINITY;
    this.#cache = new SimulatedCache({
      capacityBytes,
      maxEntryBytes: capacityBytes * MAX_ENTRY_SHARE,
      policy:
        policy === "optimum"
          ? new OptimumPolicy<PolicyNode>(ahead)
          : createPolicy(policy, { capacityBytes, random: seededRandom(1) }),
    });
  }

  run(chunk: readonly TraceRequest[]): void {
    for (const request of chunk) {
      const isHit = this.#cache.lookup(request.key);
      if (!isHit) this.#cache.store(request.key, request.bytes);
      if (this.#next >= this.#first) this.#count(request, isHit);
      if (this.#cache.bytes > this.#maxBytes) this.#maxBytes = this.#cache.bytes;
      this.#next += 1;
    }
  }

  addTime(ms: number): void {
    this.#timeMs += ms;
  }

  outcome(): Outcome {
    assert(this.#maxBytes <= this.#capacityBytes, "a cache keeps within its bound");
    return {
      policy: this.#policy,
      capacityBytes: this.#capacityBytes,
      ...this.#counted,
      decisionUs: this.#next === 0 ? 0 : (1000 * this.#timeMs) / this.#next,
      maxBytes: this.#maxBytes,
    };
  }

  #count(request: TraceRequest, isHit: boolean): void {
    const counted = this.#counted;
    const ms = computeMs(request);
    counted.requests += 1;
    counted.bytes += request.bytes;
    counted.computeMs += ms;
    if (!isHit) return;
    counted.hits += 1;
    counted.hitBytes += request.bytes;
    counted.savedMs += ms;
  }
}
