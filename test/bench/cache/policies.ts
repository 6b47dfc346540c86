// Which answers stay: every policy on the same synthetic traces, against the optimum, and what a decision costs in a large index.
import { assert, type Random, seededRandom } from "@chimera/kernel";
import type { Entry } from "../../../services/cache/src/index/entry.ts";
import { EntryIndex } from "../../../services/cache/src/index/entry-index.ts";
import { createPolicy } from "../../../services/cache/src/policy/policies.ts";
import {
  createRequests,
  popularBytes,
  SIMULATED_POLICIES,
  type SimulatedPolicy,
  type SyntheticOptions,
  simulate,
} from "../../../services/cache/src/simulate/index.ts";
import type { BenchContext } from "../benchmark.ts";
import { overRounds } from "../bootstrap.ts";
import { plainResult, sum } from "../figures.ts";
import type { BenchResult } from "../result.ts";
import { floodResults } from "./tenant-flood.ts";

const REQUESTS = { quick: 50_000, full: 300_000 };
const SEEDS = { quick: 1, full: 10 };
const DRIFT = 0.1;

interface Setting extends SyntheticOptions {
  name: string;
  /** Capacity in parts of the bytes of all prompts that come again. */
  share: number;
}

const SETTINGS: readonly Setting[] = [
  { name: "a07_u30_c10_drift", alpha: 0.7, uniques: 0.3, share: 0.1, drift: DRIFT },
  { name: "a09_u30_c02", alpha: 0.9, uniques: 0.3, share: 0.02, drift: 0 },
  { name: "a09_u30_c02_drift", alpha: 0.9, uniques: 0.3, share: 0.02, drift: DRIFT },
  { name: "a09_u30_c10_drift", alpha: 0.9, uniques: 0.3, share: 0.1, drift: DRIFT },
  { name: "a09_u60_c10_drift", alpha: 0.9, uniques: 0.6, share: 0.1, drift: DRIFT },
  { name: "a11_u30_c02_drift", alpha: 1.1, uniques: 0.3, share: 0.02, drift: DRIFT },
];

/** Hits in percent of the requests counted, and the time they save in percent, of each policy. */
type Play = Readonly<Record<SimulatedPolicy, { hitPp: number; savedPp: number }>>;
/** One seed: a play of each setting. */
type Round = readonly { setting: Setting; play: Play }[];

const TRACES =
  "Simulated with the cache's own policies: 20,000 popular prompts by Zipf's law and prompts that come once, lognormal lengths, cache bounded in bytes; the first fifth is left out.";
const SEEDED = "Interval: percentile bootstrap over seeds.";

export async function policyResults(context: BenchContext): Promise<BenchResult[]> {
  const { quick, progress, signal } = context;
  const size = quick ? "quick" : "full";
  const rounds: Round[] = [];
  for (let seed = 1; seed <= SEEDS[size]; seed += 1) {
    progress(`policies, seed ${seed} of ${SEEDS[size]}`);
    rounds.push(await playRound(seed, REQUESTS[size], context));
  }
  signal.throwIfAborted();
  progress("decisions among a million entries");
  return [
    ...gainResults(rounds),
    ...settingResults(rounds),
    ...(quick ? [] : floodResults()),
    ...decisionResults(quick),
  ];
}

async function playRound(seed: number, requests: number, { clock, signal }: BenchContext): Promise<Round> {
  const round: { setting: Setting; play: Play }[] = [];
  for (const setting of SETTINGS) {
    const options = { ...setting, requests, seed };
    const made = [...createRequests(options)];
    const { outcomes } = await simulate({
      trace: async function* () {
        yield* made;
      },
      policies: SIMULATED_POLICIES,
      sizes: [{ bytes: setting.share * popularBytes(options) }],
      clock,
      signal,
    });
    const figures = outcomes.map(({ policy, hits, requests: counted, savedMs, computeMs }) => {
      return [policy, { hitPp: (100 * hits) / counted, savedPp: (100 * savedMs) / computeMs }];
    });
    round.push({ setting, play: Object.fromEntries(figures) as Play });
  }
  return round;
}

function gainResults(rounds: readonly Round[]): BenchResult[] {
  const bestRival = ({ lru, sieve, "w-tinylfu": tinyLfu }: Play) => Math.max(lru.hitPp, sieve.hitPp, tinyLfu.hitPp);
  const drifting = rounds.map((round) => round.filter(({ setting }) => setting.drift !== 0));
  return [
    meanResult(rounds, (play) => play["s3-fifo"].hitPp - play.lru.hitPp, {
      id: "cache.hit_gain_over_lru_pp",
      method: `Hit ratio of S3-FIFO minus that of LRU, mean over six settings and seeds. ${TRACES} ${SEEDED}`,
    }),
    meanResult(rounds, (play) => play["s3-fifo"].savedPp - play.lru.savedPp, {
      id: "cache.compute_gain_over_lru_pp",
      method: `Share of the engines' time saved (TTFT + 18 ms per output token) by S3-FIFO minus that by LRU, mean over six settings and seeds. ${TRACES} ${SEEDED}`,
    }),
    meanResult(drifting, (play) => play["s3-fifo"].hitPp - bestRival(play), {
      id: "cache.hit_gain_over_best_rival_under_drift_pp",
      method: `Hit ratio of S3-FIFO minus that of the best of LRU, SIEVE and W-TinyLFU, picked anew for each trace, mean over the five settings whose popularity drifts and seeds. ${TRACES} ${SEEDED}`,
    }),
    meanResult(rounds, (play) => play.optimum.hitPp - play["s3-fifo"].hitPp, {
      id: "cache.gap_to_optimum_pp",
      method: `Hit ratio of Belady's clairvoyant policy minus that of S3-FIFO, mean over six settings and seeds. ${TRACES} ${SEEDED}`,
    }),
  ];
}

function settingResults(rounds: readonly Round[]): BenchResult[] {
  return SETTINGS.flatMap((setting) => {
    const own = rounds.map((round) => round.filter((each) => each.setting === setting));
    return SIMULATED_POLICIES.map((policy) =>
      meanResult(own, (play) => play[policy].hitPp, {
        id: `cache.policy.${setting.name}.${policy}_hit_pp`,
        method: `Hit ratio in percent, mean over seeds; the setting's name: alpha × 10, uniques in %, capacity in % of the popular prompts' bytes, drift of ${100 * DRIFT} % of the ranks every 50,000 requests. ${TRACES} ${SEEDED}`,
      }),
    );
  });
}

function meanResult(
  rounds: readonly Round[],
  figure: (play: Play) => number,
  { id, method }: { id: string; method: string },
): BenchResult {
  const mean = (some: readonly Round[]) => {
    const figures = some.flat().map(({ play }) => figure(play));
    return sum(figures) / figures.length;
  };
  return { id, value: mean(rounds), unit: "pp", n: rounds.length, interval: overRounds(rounds, mean), method };
}

const RESIDENT = 1_000_000;
const DECISIONS = 300_000;
const ENTRY_BYTES = 2000;

/** The index that serves, full with a million entries: what a lookup costs, with the insertion and eviction where it misses. */
function decisionResults(isQuick: boolean): BenchResult[] {
  const capacityBytes = RESIDENT * ENTRY_BYTES;
  const random = seededRandom(1);
  const policy = createPolicy<Entry>("s3-fifo", { capacityBytes, random });
  const index = new EntryIndex({ capacityBytes, maxEntries: 2 * RESIDENT, policy, random });
  for (let number = 0; number < RESIDENT; number += 1) index.add(factsOf(number));
  const keys = Array.from({ length: DECISIONS }, () => skewed(random));
  const facts = keys.map((number) => factsOf(number, 1 + ((number * 7919) % (2 * ENTRY_BYTES))));
  let maxBytes = 0;
  const before = process.cpuUsage();
  for (const each of facts) {
    const entry = index.get(each.key);
    if (entry !== undefined) index.used(entry, 1);
    else index.add(each);
    if (index.bytes > maxBytes) maxBytes = index.bytes;
  }
  const { user, system } = process.cpuUsage(before);
  const full = `The cache's index with S3-FIFO, quotas and eviction signs, ${RESIDENT} resident entries of ${ENTRY_BYTES} bytes at the start.`;
  return [
    plainResult({
      id: "cache.decision_us_1m",
      value: (user + system) / DECISIONS,
      unit: "us",
      n: DECISIONS,
      method: `CPU time of this process per lookup, with insertion and eviction where it missed. ${full}`,
    }),
    ...(isQuick ? [] : [plainMapResult(keys)]),
    plainResult({
      id: "cache.index_bytes_over_bound_share",
      value: Math.max(0, maxBytes - capacityBytes) / capacityBytes,
      unit: "share",
      n: DECISIONS,
      method: `Most bytes it held above its capacity, as a share of it, looked at after each of the insertions. ${full}`,
    }),
  ];
}

function plainMapResult(keys: readonly number[]): BenchResult {
  const map = new Map(Array.from({ length: RESIDENT }, (_, number) => [factsOf(number).key, { number }]));
  const asked = keys.map((number) => factsOf(number).key);
  let found = 0;
  const before = process.cpuUsage();
  for (const key of asked) if (map.get(key) !== undefined) found += 1;
  const { user, system } = process.cpuUsage(before);
  assert(found > 0, "some of the keys are there");
  return plainResult({
    id: "cache.map_get_us_1m",
    value: (user + system) / asked.length,
    unit: "us",
    n: asked.length,
    method: `The same keys looked up in a bare Map of ${RESIDENT} entries, right afterwards: what this machine takes for the least that a decision can be.`,
  });
}

/** About half of them resident, and those unevenly. */
function skewed(random: Random): number {
  return Math.floor(2 * RESIDENT * random() ** 2);
}

/** The hash is a multiplication: as long and as varied as a SHA-256, and a thousandth of its price. */
function factsOf(number: number, bytes = ENTRY_BYTES) {
  const digits = (Math.imul(number, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0");
  return {
    key: `tenant-${number % 10}:${digits.repeat(7)}${number.toString(16).padStart(8, "0")}`,
    tenant: `tenant-${number % 10}`,
    model: "tiny",
    bytes,
    ttftMs: 100,
    promptTokens: 400,
    tokens: 100,
    tags: [],
    origin: "request" as const,
    storedAtMs: 0,
    freshUntilMs: 1,
    staleUntilMs: 1,
    lastUsedMs: 0,
    hits: 0,
  };
}
