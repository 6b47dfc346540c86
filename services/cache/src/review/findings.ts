// What a cache can say about its own settings: each finding has its figures, and a proposal only where they carry one.
import { wilsonInterval } from "@chimera/kernel";
import type { PruneResult } from "../pruning/pruner.ts";
import { worthwhileSize } from "../saturation/risk.ts";
import type { Signs, SizeForecast } from "../saturation/signs.ts";
import { bytesText, percentText } from "../saturation/text.ts";
import type { SemanticStatistics } from "../semantic/semantic-match.ts";
import { type Difference, differenceOfShares, pairedDifference } from "./difference.ts";

export interface Finding {
  kind: "policy" | "size" | "ttl" | "quota" | "prune" | "quality";
  /** One sentence with its figures. */
  text: string;
  /** All three empty where nothing is to be changed. */
  setting: string;
  current: string;
  proposed: string;
  /** Hit ratio that the proposal is expected to add, in percentage points; undefined where it is not known. */
  gainPp: Difference | undefined;
  /** Requests behind it. */
  n: number;
}

/** One policy on a sample of the keys. */
export interface PolicyShadow {
  policy: string;
  lookups: number;
  hits: number;
  /** Lookups that hit here and missed with the policy in use, and the other way round. */
  gained: number;
  lost: number;
}

export interface Reviewed {
  signs: Signs;
  /** The policy in use first. */
  shadows: readonly PolicyShadow[];
  ttlSeconds: number;
  /** What a prune of everything that was never served and had its chance would do; undefined where it was not asked. */
  prune: PruneResult | undefined;
  /** Set where a tenant takes answers of similar questions. */
  similar?: SemanticStatistics | undefined;
}

/** Fewer requests carry no finding. */
const MIN_LOOKUPS = 200;
/** Of all lookups: expiry is a cause of misses from here on. */
const EXPIRED_SHARE = 0.01;
/** Of the bytes held: answers past their time take room that others need from here on. */
const OVERDUE_SHARE = 0.2;
/** Of the capacity: less is not worth a prune. */
const PRUNE_SHARE = 0.05;
const PRUNE_LOSS_PP = 0.5;

export function findingsOf(reviewed: Reviewed): Finding[] {
  return [policyFinding, sizeFinding, ttlFinding, overdueFinding, quotaFinding, pruneFinding, similarFinding].flatMap(
    (find) => find(reviewed) ?? [],
  );
}

function policyFinding({ shadows: [own, ...rivals] }: Reviewed): Finding | undefined {
  if (own === undefined || own.lookups < MIN_LOOKUPS || rivals.length === 0) return undefined;
  const best = rivals.reduce((a, b) => (b.hits > a.hits ? b : a));
  const gain = pairedDifference({ ...best, n: best.lookups });
  const figures = `${best.policy} hits ${percentText(best.hits / best.lookups)} of the sampled requests, ${own.policy} ${percentText(own.hits / own.lookups)}`;
  if (gain.low <= 0) {
    return { kind: "policy", text: `${figures}: no rival is better beyond chance.`, ...NO_CHANGE, n: own.lookups };
  }
  const change = { setting: "CACHE_POLICY", current: own.policy, proposed: best.policy };
  return { kind: "policy", text: `${figures}.`, ...change, gainPp: inPp(gain), n: own.lookups };
}

function sizeFinding({ signs }: Reviewed): Finding | undefined {
  const now = signs.sizes.find(({ capacityBytes }) => capacityBytes === signs.capacityBytes);
  const larger = worthwhileSize(signs);
  if (now === undefined || larger === undefined || larger.n < MIN_LOOKUPS) return undefined;
  const gain = differenceOfShares(sizeShare(larger), sizeShare(now));
  const text = `${bytesText(larger.capacityBytes)} would hit ${percentText(larger.hitRatio)} of the sampled requests, ${bytesText(now.capacityBytes)} hit ${percentText(now.hitRatio)}.`;
  if (gain.low <= 0) return undefined;
  const [current, proposed] = [now, larger].map(({ capacityBytes }) => String(capacityBytes));
  return {
    kind: "size",
    text,
    setting: "CACHE_CAPACITY_BYTES",
    current: current ?? "",
    proposed: proposed ?? "",
    gainPp: inPp(gain),
    n: larger.n,
  };
}

/** An upper bound: nobody knows whether the answers were still right. */
function ttlFinding({ signs: { traffic }, ttlSeconds }: Reviewed): Finding | undefined {
  const { lookups, expiredMisses } = traffic;
  if (lookups < MIN_LOOKUPS || expiredMisses < lookups * EXPIRED_SHARE) return undefined;
  const interval = wilsonInterval(expiredMisses, lookups);
  return {
    kind: "ttl",
    text: `${percentText(expiredMisses / lookups)} of ${lookups} requests met an answer past its time; where answers stay right for longer, these would be hits.`,
    setting: "CACHE_TTL_S",
    current: String(ttlSeconds),
    proposed: String(ttlSeconds * 2),
    gainPp: inPp({ value: expiredMisses / lookups, ...interval }),
    n: lookups,
  };
}

/** What expires unused stays until it is asked for or its room is. */
function overdueFinding({ signs: { overdueShare, bytes, evictions, traffic } }: Reviewed): Finding | undefined {
  if (overdueShare < OVERDUE_SHARE || evictions === 0) return undefined;
  const text = `${percentText(overdueShare)} of ${bytesText(bytes)} are held by answers past their time that nobody asked for since, while others are evicted.`;
  return { kind: "ttl", text, ...NO_CHANGE, n: traffic.lookups };
}

function quotaFinding({ signs }: Reviewed): Finding | undefined {
  const { tenants, traffic, evictions } = signs;
  const over = tenants.filter(({ bytes, quotaBytes }) => quotaBytes !== undefined && bytes > quotaBytes);
  if (over.length === 0 || evictions === 0) return undefined;
  const held = over.map(
    ({ tenant, bytes, quotaBytes = 0 }) => `${tenant} ${bytesText(bytes)} of ${bytesText(quotaBytes)}`,
  );
  const text = `Above their quota, and so the first to lose answers: ${held.join(", ")}.`;
  return { kind: "quota", text, ...NO_CHANGE, n: traffic.lookups };
}

function pruneFinding({ signs, prune }: Reviewed): Finding | undefined {
  if (prune === undefined || prune.bytes < signs.capacityBytes * PRUNE_SHARE) return undefined;
  if (prune.forecastLossPp > PRUNE_LOSS_PP) return undefined;
  const text = `A prune of ${prune.entries} answers that were never served would free ${bytesText(prune.bytes)} and is expected to lose ${prune.forecastLossPp.toFixed(2)} pp of hits.`;
  return { kind: "prune", text, ...NO_CHANGE, n: signs.traffic.lookups };
}

/** Answers served to questions they were not made for: each wrong one is an error of quality, whatever it saved. */
function similarFinding({ similar }: Reviewed): Finding | undefined {
  if (similar === undefined || similar.hits === 0 || Number.isNaN(similar.wrongShare)) return undefined;
  const { hits, questions, audited, wrongShare } = similar;
  const text = `${hits} of ${questions} questions were served with the answer of a similar one; about ${percentText(wrongShare)} of those are estimated to be wrong, from ${audited} that were answered anew to compare.`;
  return { kind: "quality", text, ...NO_CHANGE, n: audited };
}

const NO_CHANGE = { setting: "", current: "", proposed: "", gainPp: undefined };

function sizeShare({ hitRatio, n }: SizeForecast) {
  return { hits: Math.round(hitRatio * n), n };
}

function inPp({ value, low, high, level }: Difference): Difference {
  return { value: value * 100, low: low * 100, high: high * 100, level };
}
