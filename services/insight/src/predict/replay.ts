// The request log through a cache, in the order of its arrivals and without waiting: what would have been a hit, with answers
// stored ahead and without. The cache is handed in, so that it can be the very policy that serves.
import type { LoggedRequest } from "./observed.ts";

/** A cache without answers. */
export interface CacheModel {
  /** Whether it is there; counts as a use. */
  lookup(key: string): boolean;
  store(key: string, bytes: number): void;
}

export type CacheFactory = (capacityBytes: number) => CacheModel;

/** A question that came once says nothing about a second time. */
const MIN_ASKED = 2;

export interface WarmSet {
  /** The most asked first. */
  readonly answers: readonly { readonly key: string; readonly bytes: number }[];
  /** Prompt and completion tokens that making them takes. */
  readonly tokens: number;
}

export interface WarmLimits {
  readonly maxAnswers: number;
  readonly tokenBudget: number;
}

interface Asked {
  readonly key: string;
  readonly bytes: number;
  readonly tokens: number;
  count: number;
}

/** Chosen from `requests` alone, which must all lie before what the set is tried on. */
export function chooseWarmSet(requests: readonly LoggedRequest[], { maxAnswers, tokenBudget }: WarmLimits): WarmSet {
  const counted = [...countKeys(requests).values()].filter(({ count }) => count >= MIN_ASKED);
  const answers: Asked[] = [];
  let tokens = 0;
  for (const asked of counted.sort((a, b) => b.count - a.count)) {
    if (answers.length >= maxAnswers) break;
    if (tokens + asked.tokens > tokenBudget) continue;
    tokens += asked.tokens;
    answers.push(asked);
  }
  return { answers, tokens };
}

export interface ReplayOptions {
  readonly create: CacheFactory;
  readonly capacityBytes: number;
  /** Played before, and not counted: what the cache holds at the start. */
  readonly before: readonly LoggedRequest[];
  readonly warm?: WarmSet;
}

/** For each request whether it hits. */
export function replayHits(requests: readonly LoggedRequest[], options: ReplayOptions): boolean[] {
  const { create, capacityBytes, before, warm } = options;
  const cache = create(capacityBytes);
  for (const request of before) ask(cache, request);
  for (const { key, bytes } of warm?.answers ?? []) if (!cache.lookup(key)) cache.store(key, bytes);
  return requests.map((request) => ask(cache, request));
}

function ask(cache: CacheModel, { key, answerBytes }: LoggedRequest): boolean {
  if (key === "") return false;
  if (cache.lookup(key)) return true;
  cache.store(key, answerBytes);
  return false;
}

/** A cache without a bound: what no policy and no size can surpass. */
export function unboundedCache(): CacheModel {
  const keys = new Set<string>();
  return { lookup: (key) => keys.has(key), store: (key) => void keys.add(key) };
}

function countKeys(requests: readonly LoggedRequest[]): ReadonlyMap<string, Asked> {
  /** At most one per request of the log. */
  const counts = new Map<string, Asked>();
  for (const { key, answerBytes, promptTokens, completionTokens } of requests) {
    if (key === "") continue;
    const known = counts.get(key);
    if (known !== undefined) known.count += 1;
    else counts.set(key, { key, bytes: answerBytes, tokens: promptTokens + completionTokens, count: 1 });
  }
  return counts;
}
