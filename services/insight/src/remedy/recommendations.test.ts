import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { CacheFinding, CacheObserved, LoggedRequest, Observed, TuningObserved } from "../predict/observed.ts";
import { capacityAt } from "../predict/usl.ts";
import { cachePolicy } from "./cache-policy.ts";
import { cachePruning } from "./cache-pruning.ts";
import { cacheWarmUp } from "./cache-warm-up.ts";
import { hyperparameterTuning } from "./hyperparameter-tuning.ts";
import { parallelisation } from "./parallelisation.ts";
import { recommendations } from "./recommendations.ts";
import type { Forecast, Remedy } from "./remedy.ts";

const WINDOW = { fromMs: 0, toMs: 600_000 };
const MIB = 2 ** 20;

/** One request a second; every third one a hit. Questions come twice, five minutes apart. */
const REQUESTS: readonly LoggedRequest[] = (() => {
  const random = seededRandom(7);
  return Array.from({ length: 600 }, (_, i): LoggedRequest => {
    const isHit = i % 3 === 0;
    const ttftMs = isHit ? 3 : 80 + 60 * random();
    return {
      ...{ arrivedMs: 1000 * i, key: `q${i % 300}`, cache: isHit ? "hit" : "miss", ttftMs },
      ...{ promptTokens: 40, completionTokens: 20, answerBytes: 500 },
      engine: isHit ? undefined : { waitMs: 20, firstTokenMs: ttftMs - 20, serviceMs: 2000 },
    };
  });
})();

const CACHE: CacheObserved = {
  ...{ capacityBytes: MIB, bytes: MIB, evictions: 40, create: undefined, start: "as it is" },
  ...{ dryRun: undefined, findings: [], saturation: undefined },
};

const LAW = { perSlotRps: 0.5, contention: 0.03, coherency: 0 };
const CURVE = [1, 2, 3, 4, 6, 8].map((slots) => ({ slots, rps: capacityAt(LAW, slots), n: 100 }));
const CAPACITY = { slots: 2, replicas: 1, maxSlots: 8, curve: CURVE, objective: "TTFT p95 at most 500 ms" };

const TUNING: TuningObserved = {
  ...{ from: { temperature: 1 }, to: { temperature: 0.2 }, metric: "macro_f1", baseline: 0.8, n: 960 },
  gain: { value: 0.05, low: 0.02, high: 0.08, level: 0.95 },
  ...{ ttftRatio: 1, tokensRatio: 1.1, isAccepted: true, reasons: [] },
};

const OBSERVED: Observed = { atMs: 600_000, window: WINDOW, seed: 1, requests: REQUESTS, past: [] };

const finding = (kind: string, fields: Partial<CacheFinding>): CacheFinding => ({
  ...{ kind, text: "", setting: "X", current: "1", proposed: "2", gainPp: undefined, n: 5000 },
  ...fields,
});

function gainOf(remedy: Remedy, observed: Observed): Extract<Forecast, { kind: "gain expected" }> {
  const forecast = remedy.forecast(observed);
  if (forecast.kind !== "gain expected") throw new Error(JSON.stringify(forecast));
  return forecast;
}

describe("a warm-up", () => {
  const dryRun = { predictedHitGainPp: 12, answers: 100, tokens: 6000, requestsRead: 600 };

  it("takes the hit gain of the cache's dry run, and the times from the log", () => {
    const { predictions, change, costShare } = gainOf(cacheWarmUp, { ...OBSERVED, cache: { ...CACHE, dryRun } });
    const [first] = predictions;
    expect(first.metric).toBe("ttft_p50_ms");
    expect(first.change.relative).toBeLessThan(-0.05);
    expect(first.change.interval90.high).toBeLessThan(0);
    expect(first.decisionRule).toContain("rolled back");
    expect(change).toMatchObject({ kind: "warm", windowMs: 600_000 });
    expect(costShare).toBeCloseTo(6000 / (400 * 60), 9);
  });

  it("replays the log where nothing is evicted, and says what was asked for is out of reach", () => {
    // The log's later half asks what its earlier half asked, each question once: nothing is asked twice before.
    const forecast = cacheWarmUp.forecast({ ...OBSERVED, cache: { ...CACHE, evictions: 0 }, askedTtftGain: 0.3 });
    expect(forecast).toMatchObject({ kind: "no gain expected" });
    expect("why" in forecast && forecast.why).toMatch(/none of the questions .* was asked twice\. 30 % less/);
  });

  it("is measured first where the log is short and the cache said nothing", () => {
    expect(cacheWarmUp.forecast({ ...OBSERVED, cache: CACHE, requests: REQUESTS.slice(0, 50) })).toEqual({
      kind: "measure first",
      what: "a log of at least 400 requests; there are 50",
    });
  });
});

describe("more slots", () => {
  it("promise capacity where demand is near it, and what is waited beside it", () => {
    const { predictions, change, undo } = gainOf(parallelisation, { ...OBSERVED, capacity: CAPACITY });
    const [capacity, waiting] = predictions;
    expect(capacity).toMatchObject({ metric: "capacity_rps" });
    expect(capacity.baseline.value).toBeCloseTo(capacityAt(LAW, 2), 6);
    expect(waiting?.method).toContain("Allen-Cunneen");
    expect(change.kind).toBe("settings");
    expect(undo.kind).toBe("previous settings");
  });

  it("are no gain where nobody asks for more", () => {
    const forecast = parallelisation.forecast({ ...OBSERVED, capacity: { ...CAPACITY, slots: 6 } });
    expect(forecast).toMatchObject({ kind: "no gain expected" });
    expect("why" in forecast && forecast.why).toMatch(/peaks at 0\.\d+ req\/s .* nobody asks for more/);
  });

  it("are measured first beyond what a load test reached", () => {
    const short = { ...CAPACITY, curve: CURVE.slice(0, 3) };
    expect(parallelisation.forecast({ ...OBSERVED, capacity: short })).toMatchObject({ kind: "measure first" });
    const beyond = { ...CAPACITY, slots: 16, maxSlots: 32 };
    expect(parallelisation.forecast({ ...OBSERVED, capacity: beyond })).toMatchObject({
      kind: "measure first",
      what: "a step-load test up to the 16 slots in use; it ends at 8",
    });
  });

  it("mean one replica more where the replicas have no more slots to give", () => {
    const full = { ...CAPACITY, slots: 2, maxSlots: 2 };
    const { change, undo } = gainOf(parallelisation, { ...OBSERVED, capacity: full });
    expect([change, undo]).toEqual([
      { kind: "replicas", replicas: 2 },
      { kind: "replicas", replicas: 1 },
    ]);
  });
});

describe("the cache's own findings", () => {
  const withFinding = (gainPp: CacheFinding["gainPp"]) => ({
    ...OBSERVED,
    cache: { ...CACHE, findings: [finding("policy", { current: "lru", proposed: "s3-fifo", gainPp })] },
  });

  it("become a change of policy with hits and times, in one direction each", () => {
    const observed = withFinding({ value: 5, low: 3, high: 7, level: 0.95 });
    const { predictions, change } = gainOf(cachePolicy, observed);
    const [hits, ttft] = predictions;
    expect(hits.change.relative).toBeCloseTo(0.15, 9);
    expect(ttft?.change.relative).toBeLessThan(0);
    expect(ttft?.change.interval90.low).toBeLessThanOrEqual(ttft?.change.interval90.high ?? 0);
    expect(change).toEqual({ kind: "settings", settings: { cache: { policy: "s3-fifo" } } });
  });

  it("are no gain where the interval holds none", () => {
    const observed = withFinding({ value: 1, low: -1, high: 3, level: 0.95 });
    expect(cachePolicy.forecast(observed)).toMatchObject({ kind: "no gain expected" });
  });

  it("do not apply where nothing is evicted", () => {
    expect(cachePolicy.precondition({ ...OBSERVED, cache: { ...CACHE, evictions: 0 } })).toContain(
      "nothing was evicted",
    );
  });
});

describe("pruning", () => {
  const sizes = (larger: number) => [
    { capacityBytes: MIB, hitRatio: 0.33, n: 4000 },
    { capacityBytes: 2 * MIB, hitRatio: larger, n: 4000 },
  ];
  const saturated = (larger: number) => ({
    ...OBSERVED,
    cache: {
      ...CACHE,
      saturation: { risk: "high", prunableBytes: MIB / 2, pruneLossPp: 0.2, sizes: sizes(larger) },
    },
  });

  it("promises what as much more room would hit", () => {
    const { predictions } = gainOf(cachePruning, saturated(0.45));
    expect(predictions[0].change.relative).toBeCloseTo((0.5 * 0.12 - 0.002) / (1 / 3), 6);
  });

  it("is no gain where more room hits no more", () => {
    expect(cachePruning.forecast(saturated(0.333))).toMatchObject({ kind: "no gain expected" });
  });
});

describe("tuning", () => {
  it("promises the gain on the holdout, less where past promises fell short", () => {
    const [fresh] = gainOf(hyperparameterTuning, { ...OBSERVED, tuning: TUNING }).predictions;
    expect(fresh.change.relative).toBeCloseTo(0.05 / 0.8, 9);
    expect(fresh.pastRatio).toBeUndefined();
    const past = Array.from({ length: 4 }, () => ({
      ...{ remedy: "hyperparameter-tuning", metric: "macro_f1" as const, predicted: 0.1, realised: 0.05 },
    }));
    const [learned] = gainOf(hyperparameterTuning, { ...OBSERVED, tuning: TUNING, past }).predictions;
    expect(learned.change.relative).toBeCloseTo((0.75 * 0.05) / 0.8, 9);
    expect(learned.pastRatio).toBe(0.75);
  });

  it("does not apply where the guard refused", () => {
    const refused = { ...TUNING, isAccepted: false, reasons: ["the holdout disagrees"] };
    expect(hyperparameterTuning.precondition({ ...OBSERVED, tuning: refused })).toContain("the holdout disagrees");
  });
});

describe("recommendations", () => {
  const everything: Observed = {
    ...OBSERVED,
    cache: {
      ...CACHE,
      dryRun: { predictedHitGainPp: 12, answers: 100, tokens: 6000, requestsRead: 600 },
      findings: [
        finding("policy", { current: "lru", proposed: "s3-fifo", gainPp: { value: 5, low: 3, high: 7, level: 0.95 } }),
        finding("size", {
          ...{ current: String(MIB), proposed: String(2 * MIB) },
          gainPp: { value: 8, low: 6, high: 10, level: 0.95 },
        }),
      ],
    },
    capacity: CAPACITY,
    tuning: TUNING,
  };

  it("are three at most, what gains most for its cost first, and each remedy has a word", () => {
    const { recommended, declined } = recommendations(everything);
    expect(recommended).toHaveLength(3);
    const ranks = recommended.map(({ gainPerCost }) => gainPerCost);
    expect(ranks).toEqual(ranks.toSorted((a, b) => b - a));
    expect(recommended[0]?.remedy).toBe("cache-policy");
    expect([...recommended, ...declined].map(({ remedy }) => remedy).toSorted()).toEqual([
      ...["cache-policy", "cache-pruning", "cache-size", "cache-warm-up", "hyperparameter-tuning", "parallelisation"],
    ]);
    expect(declined.filter(({ kind }) => kind === "ranked lower")).toHaveLength(2);
  });

  it("are none where nothing was measured, and say what is missing", () => {
    const { recommended, declined } = recommendations(OBSERVED);
    expect(recommended).toEqual([]);
    expect(declined).toHaveLength(6);
    expect(declined.every(({ why }) => why.length > 10)).toBe(true);
  });

  it("are the same for the same log and seed", () => {
    expect(recommendations(everything)).toEqual(recommendations(everything));
  });

  it("claim nothing to have come of a change that was not made", () => {
    const text = JSON.stringify(recommendations(everything));
    expect(text).not.toMatch(/because|caus(e|ed|es)\b|led to|result(s|ed)? in|thanks to|improved|reduced/i);
  });
});
