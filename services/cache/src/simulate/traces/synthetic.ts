// Requests by formula: popular prompts by Zipf's law, prompts that come only once, and a popularity that may drift.
import { assert, type Random, seededRandom } from "@chimera/kernel";
import { modelledBytes, modelledTtftMs, type TraceRequest } from "./trace.ts";

export interface SyntheticOptions {
  /** 200,000 where unset. */
  requests?: number;
  /** Different prompts that come again; 20,000 where unset. */
  popular?: number;
  /** Of Zipf's law: the prompt of rank r is asked for in proportion to r^-alpha; 0.9 where unset. */
  alpha?: number;
  /** Share of requests for prompts that never come again; 0.3 where unset. */
  uniques?: number;
  /** Share of the ranks that are dealt anew every 50,000 requests; 0 where unset. */
  drift?: number;
  /** 1 where unset. */
  seed?: number;
}

const DRIFT_EVERY = 50_000;
/** Lognormal: the median, and the standard deviation of the logarithm. */
const PROMPT_TOKENS = { median: 400, sigma: 0.9, max: 32_000 };
const COMPLETION_TOKENS = { median: 150, sigma: 0.8, max: 4096 };

export function* createRequests(options: SyntheticOptions): Generator<TraceRequest, void, void> {
  const { requests = 200_000, popular = 20_000, alpha = 0.9, uniques = 0.3, drift = 0, seed = 1 } = options;
  assert(popular > 0 && uniques >= 0 && uniques <= 1 && drift >= 0 && drift <= 1, "a trace has prompts, and shares");
  const random = seededRandom(seed);
  const prompts = popularPrompts(popular, seed);
  const rank = zipf(popular, alpha);
  for (let number = 0; number < requests; number += 1) {
    if (drift > 0 && number > 0 && number % DRIFT_EVERY === 0) reshuffle(prompts, drift, random);
    const prompt = random() < uniques ? undefined : prompts[rank(random())];
    yield prompt ?? createPrompt(`once-${seed}-${number}`, random);
  }
}

/** Bytes of the answers to all prompts that come again. */
export function popularBytes({ popular = 20_000, seed = 1 }: SyntheticOptions): number {
  return popularPrompts(popular, seed).reduce((total, { bytes }) => total + bytes, 0);
}

/** By rank. From a seed of their own, so that they are the same whatever else the options say. */
function popularPrompts(popular: number, seed: number): TraceRequest[] {
  const random = seededRandom(seed ^ 0x5bd1e995);
  return Array.from({ length: popular }, (_, number) => createPrompt(`popular-${number}`, random));
}

function createPrompt(key: string, random: Random): TraceRequest {
  const promptTokens = lognormal(PROMPT_TOKENS, random);
  const completionTokens = lognormal(COMPLETION_TOKENS, random);
  const [bytes, ttftMs] = [modelledBytes(completionTokens), modelledTtftMs(promptTokens)];
  return { key, promptTokens, completionTokens, bytes, ttftMs };
}

/** Box and Muller 1958, rounded and kept between 1 and the most there is. */
function lognormal({ median, sigma, max }: { median: number; sigma: number; max: number }, random: Random): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.min(max, Math.max(1, Math.round(median * Math.exp(sigma * normal))));
}

/** From a uniform number to a rank, by bisection of the cumulated weights. */
function zipf(ranks: number, alpha: number): (uniform: number) => number {
  const cumulated = new Float64Array(ranks);
  let total = 0;
  for (let rank = 0; rank < ranks; rank += 1) {
    total += (rank + 1) ** -alpha;
    cumulated[rank] = total;
  }
  return (uniform) => {
    let [low, high] = [0, ranks - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] ?? 0) > uniform * total) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Deals a share of the ranks, picked by chance, anew among themselves (Fisher and Yates). */
function reshuffle(prompts: TraceRequest[], share: number, random: Random): void {
  const ranks = [...prompts.keys()].filter(() => random() < share);
  for (let last = ranks.length - 1; last > 0; last -= 1) {
    const [a, b] = [ranks[last] ?? 0, ranks[Math.floor(random() * (last + 1))] ?? 0];
    const [promptA, promptB] = [prompts[a], prompts[b]];
    if (promptA === undefined || promptB === undefined) continue;
    prompts[a] = promptB;
    prompts[b] = promptA;
  }
}
