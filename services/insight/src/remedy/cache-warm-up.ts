// Answers made ahead, for questions that were asked more than once. Gains one hit for each of them at most: after its first request
// an answer would have been there anyway.
import { mixedQuantile } from "../predict/hit-mixture.ts";
import type { CacheObserved, Observed, WarmDryRun } from "../predict/observed.ts";
import { changeFrom, leastGain, type ScaledChange, scaledByPast } from "../predict/predicted-change.ts";
import { type CacheFactory, unboundedCache } from "../predict/replay.ts";
import { resampledMedians } from "../predict/resampled-medians.ts";
import {
  ASSUMED_HIT_MS,
  forecastWarmUp,
  hitAndMissTtft,
  MIN_MISSES,
  missingForReplay,
  type WarmUpForecast,
} from "../predict/warm-up-forecast.ts";
import { engineOf } from "./engine-of.ts";
import {
  decisionRule,
  type Forecast,
  type GainExpected,
  GUARDRAILS,
  MIN_GAIN,
  measureFirst,
  noGain,
  type ProofDesign,
  predictionOf,
  type Remedy,
} from "./remedy.ts";
import { count, minutes, percent, points } from "./words.ts";

const PROMISE = { remedy: "cache-warm-up", metric: "ttft_p50_ms" } as const;
/** As the cache's own defaults. */
export const WARM_LIMITS = { maxAnswers: 1000, tokenBudget: 100_000 };
const CONTROL_SHARE = 0.1;
const MIN_WINDOW_MS = 1000;
const MAX_WINDOW_MS = 24 * 3_600_000;

export const cacheWarmUp: Remedy = {
  id: "cache-warm-up",
  title: "Warm the cache with answers that are asked for again",
  precondition({ cache }) {
    return cache === undefined ? "no cache reported" : undefined;
  },
  forecast(observed) {
    const { cache, requests } = observed;
    if (cache === undefined) return measureFirst("a cache that reports");
    const missing = missingForReplay(requests);
    const create = replayable(cache);
    if (create !== undefined && missing === undefined) return byReplay(observed, { ...cache, create });
    if (cache.dryRun !== undefined) return byDryRun(observed, cache.dryRun);
    return measureFirst(missing ?? "a dry run of the warm-up by the cache itself");
  },
};

/** Where nothing was evicted, all policies keep the same: everything. */
export function replayable({ create, evictions }: CacheObserved): CacheFactory | undefined {
  return create ?? (evictions === 0 ? unboundedCache : undefined);
}

function byReplay(observed: Observed, cache: CacheObserved & { create: CacheFactory }): Forecast {
  const { requests, seed, past } = observed;
  const forecast = forecastWarmUp({
    ...{ ...engineOf(observed), seed, limits: WARM_LIMITS },
    ...{ create: cache.create, capacityBytes: cache.capacityBytes, start: cache.start },
  });
  const ttft = scaledByPast(forecast.ttft, { ...PROMISE, past });
  const reach = reachText(forecast, observed.askedTtftGain);
  if (forecast.warm.answers.length === 0) {
    return noGain(
      `none of the questions in the earlier half of ${count(requests.length)} requests was asked twice.${reach}`,
    );
  }
  if (leastGain("ttft_p50_ms", ttft.change) < MIN_GAIN) {
    const rise = points(forecast.warmHitRatio - forecast.hitRatio);
    return noGain(
      `the replay of ${count(forecast.n)} requests has ${rise} more hits with warm answers; the median TTFT changes by ${changeText(ttft.change.interval90)} (90 % interval).${reach}`,
    );
  }
  return promise(observed, forecast, { ttft, reach });
}

function promise(
  observed: Observed,
  forecast: WarmUpForecast,
  { ttft, reach }: { ttft: ScaledChange; reach: string },
): GainExpected {
  const { n, warm, replayedMs, blockMs } = forecast;
  const proof = proofOf(observed);
  const text = {
    method: `replay of the later half of the request log (${count(n)} requests) through ${policyText(observed)}, with ${count(warm.answers.length)} answers chosen from the earlier half; local block bootstrap over ${minutes(blockMs)}, 400 resamples`,
    validity: `the ${minutes(replayedMs)} after the warm-up, at a demand like that of the log.${reach}`,
    assumptions: [
      "questions come back as they did from the earlier half to the later one",
      "an answer is there for the next request as soon as the first one asked for it",
      "stored answers do not reach the end of their time in the window",
      "the warm-up is over when the window begins",
      ...hitTimeText(observed),
      ...dryRunText(observed, forecast),
    ],
    cost: `${count(warm.tokens)} tokens, once`,
    decisionRule: decisionRule("ttft_p50_ms", proof),
  };
  const predictions: GainExpected["predictions"] = [
    predictionOf("cache-warm-up", observed, {
      ...text,
      metric: "ttft_p50_ms",
      ...ttft,
      baseline: { value: forecast.ttftP50Ms, n },
    }),
    ...(forecast.hits === undefined
      ? []
      : [
          predictionOf("cache-warm-up", observed, {
            ...text,
            metric: "hit_ratio" as const,
            change: forecast.hits,
            baseline: { value: forecast.hitRatio, n },
          }),
        ]),
  ];
  return promised(observed, predictions, { proof, tokens: warm.tokens });
}

/** The cache's own plan has no interval: hits as independent chances, and the median from resampled times. */
function byDryRun(observed: Observed, { predictedHitGainPp, answers, tokens }: WarmDryRun): Forecast {
  const { requests, seed, past } = observed;
  const ttft = hitAndMissTtft(requests);
  if (ttft.missMs.length < MIN_MISSES) {
    return measureFirst(`the times of at least ${MIN_MISSES} misses; there are ${ttft.missMs.length}`);
  }
  if (predictedHitGainPp <= 0)
    return noGain(`the cache's dry run promises ${predictedHitGainPp.toFixed(1)} pp more hits.`);
  const asked = requests.filter(({ cache }) => cache === "hit" || cache === "miss");
  const hitRatio = asked.filter(({ cache }) => cache === "hit").length / Math.max(1, asked.length);
  const gain = Math.min(predictedHitGainPp / 100, 1 - hitRatio);
  const point = mixedQuantile(ttft, hitRatio + gain, 0.5) / mixedQuantile(ttft, hitRatio, 0.5) - 1;
  const draws = resampledMedians(ttft, { hitRatio, gain, n: asked.length, seed });
  const scaled = scaledByPast(changeFrom(point, draws), { ...PROMISE, past });
  const { change } = scaled;
  if (leastGain("ttft_p50_ms", change) < MIN_GAIN) {
    return noGain(
      `the cache's dry run promises ${predictedHitGainPp.toFixed(1)} pp more hits; the median TTFT changes by ${changeText(change.interval90)} (90 % interval).`,
    );
  }
  const proof = proofOf(observed);
  const prediction = predictionOf("cache-warm-up", observed, {
    metric: "ttft_p50_ms",
    ...scaled,
    baseline: { value: mixedQuantile(ttft, hitRatio, 0.5), n: asked.length },
    method: `hit gain of the cache's own dry run (${count(answers)} answers), median from the measured times of ${count(ttft.hitMs.length)} hits and ${count(ttft.missMs.length)} misses; bootstrap, 400 resamples`,
    validity: `the window after the warm-up, at a hit ratio near ${percent(hitRatio)}`,
    assumptions: [
      "misses take as long as they did",
      "the cache's forecast of the hit gain has no bias",
      ...hitTimeText(observed),
    ],
    cost: `${count(tokens)} tokens, once`,
    decisionRule: decisionRule("ttft_p50_ms", proof),
  });
  return promised(observed, [prediction], { proof, tokens });
}

function promised(
  observed: Observed,
  predictions: GainExpected["predictions"],
  { proof, tokens }: { proof: ProofDesign; tokens: number },
): GainExpected {
  const spent = observed.requests.reduce(
    (sum, { cache, promptTokens, completionTokens }) => sum + (cache === "hit" ? 0 : promptTokens + completionTokens),
    0,
  );
  const windowMs = Math.min(MAX_WINDOW_MS, Math.max(MIN_WINDOW_MS, observed.window.toMs - observed.window.fromMs));
  return {
    kind: "gain expected",
    predictions,
    change: { kind: "warm", windowMs, ...WARM_LIMITS, controlShare: CONTROL_SHARE },
    undo: { kind: "none", why: "a warm answer is the answer that the first request would have stored" },
    proof,
    costShare: tokens / Math.max(1, spent),
  };
}

function proofOf({ window }: Observed): ProofDesign {
  return {
    kind: "control keys",
    metric: "ttft_p50_ms",
    share: 1 - CONTROL_SHARE,
    blockMs: undefined,
    maxLengthMs: Math.max(60_000, window.toMs - window.fromMs),
    minN: 50,
    guardrails: GUARDRAILS,
  };
}

function policyText({ cache }: Observed): string {
  return cache?.create === undefined ? "a cache that keeps everything (nothing was evicted)" : "the cache's policy";
}

function hitTimeText({ requests }: Observed): string[] {
  const isMeasured = requests.some(({ cache, ttftMs }) => cache === "hit" && ttftMs !== undefined);
  return isMeasured ? [] : [`a hit takes ${ASSUMED_HIT_MS} ms: none was measured`];
}

/** Two ways to the same figure: where they differ, a reader should know. */
function dryRunText({ cache }: Observed, { hitRatio, warmHitRatio }: WarmUpForecast): string[] {
  if (cache?.dryRun === undefined) return [];
  const own = cache.dryRun.predictedHitGainPp.toFixed(1);
  return [`hits: the replay has ${points(warmHitRatio - hitRatio)} more, the cache's own dry run promises ${own} pp`];
}

/** Said beforehand: whether the gain that was asked for is within what the log holds. */
function reachText({ hitRatio, mostHitRatio, needed }: WarmUpForecast, asked: number | undefined): string {
  if (asked === undefined) return "";
  const least = needed(asked);
  if (least === undefined) return ` ${percent(asked, 0)} less is out of reach: hits alone do not take that little.`;
  const [needs, most] = [least - hitRatio, Math.max(0, mostHitRatio - hitRatio)];
  const verdict = needs <= most ? "within reach" : "out of reach";
  return ` ${percent(asked, 0)} less needs ${points(needs)} more hits, the log has at most ${points(most)}: ${verdict}.`;
}

function changeText({ low, high }: { low: number; high: number }): string {
  return `${percent(low)} to ${percent(high)}`;
}
