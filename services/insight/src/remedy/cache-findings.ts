// Changes of the cache's own settings, from what the cache found when it reviewed itself: rivals and sizes on the same sample of keys.
import { mixedQuantile } from "../predict/hit-mixture.ts";
import type { CacheFinding, Observed } from "../predict/observed.ts";
import { changeFromInterval, leastGain, scaledByPast } from "../predict/predicted-change.ts";
import { hitAndMissTtft } from "../predict/warm-up-forecast.ts";
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
  type RemedyId,
  type SettingsChange,
} from "./remedy.ts";
import { count } from "./words.ts";

export const CACHE_PROOF: ProofDesign = {
  kind: "blocks",
  metric: "hit_ratio",
  share: 0.5,
  blockMs: 120_000,
  maxLengthMs: 3_600_000,
  minN: 500,
  guardrails: GUARDRAILS,
};

export interface HitGain {
  readonly gainPp: NonNullable<CacheFinding["gainPp"]>;
  readonly method: string;
  readonly n: number;
  readonly cost: string;
  readonly assumptions: readonly string[];
}

/** Hit ratio and median TTFT from a gain in percentage points. "No gain expected" where its lower end is too small. */
export function hitPredictions(
  id: RemedyId,
  observed: Observed,
  of: HitGain,
): { readonly predictions: GainExpected["predictions"] } | Exclude<Forecast, GainExpected> {
  const asked = observed.requests.filter(({ cache }) => cache === "hit" || cache === "miss");
  const hitRatio = asked.filter(({ cache }) => cache === "hit").length / Math.max(1, asked.length);
  if (hitRatio === 0) return measureFirst("a window with hits");
  const { gainPp, n, ...text } = of;
  const relative = (pp: number) => pp / 100 / hitRatio;
  const interval = { low: relative(gainPp.low), high: relative(gainPp.high), level: gainPp.level };
  const scaled = scaledByPast(changeFromInterval(relative(gainPp.value), interval), {
    remedy: id,
    metric: "hit_ratio",
    past: observed.past,
  });
  if (leastGain("hit_ratio", scaled.change) < MIN_GAIN) {
    return noGain(
      `${gainPp.value.toFixed(1)} pp more hits (${gainPp.low.toFixed(1)} to ${gainPp.high.toFixed(1)} pp, ${gainPp.level * 100} %, n ${count(n)}) are not told from none.`,
    );
  }
  const written = {
    ...text,
    validity: "traffic like that of the review; the gain comes once the cache has filled again",
    decisionRule: decisionRule("hit_ratio", CACHE_PROOF),
  };
  const ofHits = {
    ...written,
    metric: "hit_ratio" as const,
    ...scaled,
    baseline: { value: hitRatio, n: asked.length },
  };
  return { predictions: [predictionOf(id, observed, ofHits), ...medianPrediction(id, observed, ofHits)] };
}

type OfHits = Omit<Parameters<typeof predictionOf>[2], "metric">;

/** Where hits and misses both have times. */
function medianPrediction(id: RemedyId, observed: Observed, of: OfHits): GainExpected["predictions"][number][] {
  const { change, baseline } = of;
  const ttft = hitAndMissTtft(observed.requests);
  const before = mixedQuantile(ttft, baseline.value, 0.5);
  const changeAt = (relative: number) => {
    const hitRatio = Math.min(1, Math.max(0, baseline.value * (1 + relative)));
    return mixedQuantile(ttft, hitRatio, 0.5) / before - 1;
  };
  const point = changeAt(change.relative);
  if (!Number.isFinite(point)) return [];
  const mirrored = ({ low, high, level }: typeof change.interval90) => ({
    low: changeAt(high),
    high: changeAt(low),
    level,
  });
  return [
    predictionOf(id, observed, {
      ...of,
      metric: "ttft_p50_ms",
      change: { relative: point, interval50: mirrored(change.interval50), interval90: mirrored(change.interval90) },
      baseline: { value: before, n: baseline.n },
      assumptions: [...of.assumptions, "hits and misses take as long as they did"],
    }),
  ];
}

/** The remedy of one kind of finding. */
export function fromFinding(
  id: RemedyId,
  observed: Observed,
  of: { kind: string; settings: (finding: CacheFinding) => SettingsChange; costOf: (finding: CacheFinding) => Costs },
): Forecast {
  const finding = observed.cache?.findings.find(({ kind }) => kind === of.kind);
  if (finding === undefined) return measureFirst("a review by the cache that says something of it");
  if (finding.gainPp === undefined || finding.proposed === "") return noGain(finding.text);
  const { cost, share } = of.costOf(finding);
  const predicted = hitPredictions(id, observed, {
    gainPp: finding.gainPp,
    n: finding.n,
    method: `the cache's review on a sample of its keys (n ${count(finding.n)}), ${finding.current} against ${finding.proposed} on the same requests`,
    assumptions: ["the sample stands for all keys"],
    cost,
  });
  if (!("predictions" in predicted)) return predicted;
  return {
    kind: "gain expected",
    ...predicted,
    change: { kind: "settings", settings: of.settings(finding) },
    undo: { kind: "previous settings" },
    proof: CACHE_PROOF,
    costShare: share,
  };
}

export interface Costs {
  readonly cost: string;
  /** Of what the cache holds today. */
  readonly share: number;
}
