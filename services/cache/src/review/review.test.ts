import type { ChimeraEvent } from "@chimera/events";
import { FailedPreconditionError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { PruneResult } from "../pruning/pruner.ts";
import type { Signs } from "../saturation/signs.ts";
import { differenceOfShares, pairedDifference } from "./difference.ts";
import { findingsOf, type Reviewed } from "./findings.ts";
import { Reviewer } from "./reviewer.ts";

const MIB = 2 ** 20;

function signs(change: Partial<Signs> = {}): Signs {
  return {
    atMs: 1_700_000_000_000,
    traffic: { lookups: 1000, hits: 500, ghostHits: 0, expiredMisses: 0, stores: 500, windowMs: 600_000 },
    bytes: 60 * MIB,
    capacityBytes: 64 * MIB,
    fill: 0.94,
    evictions: 100,
    evictionAgeMs: 90_000,
    neverHitShare: 0.5,
    neverHitN: 200,
    neverHitBytes: 10 * MIB,
    ghostHitShare: 0,
    writeToHit: 1,
    overdueShare: 0,
    tenants: [],
    sizes: [],
    ...change,
  };
}

function reviewed(change: Partial<Reviewed> = {}): Reviewed {
  return { signs: signs(), shadows: [], ttlSeconds: 3600, prune: undefined, ...change };
}

const shadow = (policy: string, hits: number, gained = 0, lost = 0) => ({ policy, lookups: 2000, hits, gained, lost });

describe("the findings of a review", () => {
  it("are none where nothing is known", () => {
    const nothing = { lookups: 0, hits: 0, ghostHits: 0, expiredMisses: 0, stores: 0, windowMs: 0 };
    expect(findingsOf(reviewed({ signs: signs({ traffic: nothing, evictions: 0 }) }))).toEqual([]);
  });

  it("propose another policy only where it is better beyond chance", () => {
    const better = findingsOf(
      reviewed({ shadows: [shadow("s3-fifo", 900), shadow("lru", 700), shadow("sieve", 1000, 150, 50)] }),
    );
    expect(better).toMatchObject([
      { kind: "policy", setting: "CACHE_POLICY", current: "s3-fifo", proposed: "sieve", n: 2000, gainPp: { value: 5 } },
    ]);
    expect(better[0]?.gainPp?.low).toBeGreaterThan(3);
    expect(better[0]?.text).toBe("sieve hits 50.0 % of the sampled requests, s3-fifo 45.0 %.");
    const same = findingsOf(reviewed({ shadows: [shadow("s3-fifo", 900), shadow("sieve", 905, 30, 25)] }));
    expect(same).toMatchObject([{ kind: "policy", setting: "", proposed: "", gainPp: undefined }]);
  });

  it("propose the smallest size that is worth it", () => {
    const sizes = [0.5, 1, 2, 4].map((size) => ({
      capacityBytes: 64 * MIB * size,
      hitRatio: 0.4 + Math.log2(size) * 0.1,
      n: 3000,
    }));
    const [finding] = findingsOf(reviewed({ signs: signs({ sizes }) }));
    expect(finding).toMatchObject({
      kind: "size",
      setting: "CACHE_CAPACITY_BYTES",
      current: String(64 * MIB),
      proposed: String(128 * MIB),
      n: 3000,
    });
    expect(finding?.gainPp?.value).toBeCloseTo(10, 10);
    expect(finding?.gainPp?.low).toBeGreaterThan(7);
  });

  it("say what expiry costs, whose quota is exceeded, and what a prune would free", () => {
    const traffic = { lookups: 1000, hits: 500, ghostHits: 0, expiredMisses: 50, stores: 500, windowMs: 600_000 };
    const tenants = [
      { tenant: "acme", entries: 9, bytes: 40 * MIB, quotaBytes: 32 * MIB },
      { tenant: "globex", entries: 1, bytes: MIB, quotaBytes: 32 * MIB },
    ];
    const prune: PruneResult = { pruneId: "", entries: 700, bytes: 10 * MIB, forecastLossPp: 0.2, undoBytes: 0 };
    const found = findingsOf(reviewed({ signs: signs({ traffic, tenants, overdueShare: 0.25 }), prune }));
    expect(found.map(({ kind }) => kind)).toEqual(["ttl", "ttl", "quota", "prune"]);
    expect(found[0]).toMatchObject({ setting: "CACHE_TTL_S", current: "3600", proposed: "7200", gainPp: { value: 5 } });
    expect(found[1]).toMatchObject({ setting: "", text: expect.stringMatching(/^25\.0 % of 60\.0 MiB are held by/) });
    expect(found[2]?.text).toContain("acme 40.0 MiB of 32.0 MiB");
    expect(found[2]?.text).not.toContain("globex");
    expect(found[3]?.text).toContain("700 answers that were never served would free 10.0 MiB");
    const costly = findingsOf(reviewed({ prune: { ...prune, forecastLossPp: 3 } }));
    expect(costly).toEqual([]);
  });

  it("count wrong answers to similar questions as errors of quality", () => {
    const counts = { questions: 200, hits: 80, explored: 40, exploredWrong: 3, audited: 12, withoutEmbedding: 0 };
    const [finding] = findingsOf(reviewed({ similar: { ...counts, wrongShare: 0.031 } }));
    expect(finding).toMatchObject({ kind: "quality", n: 12, proposed: "" });
    expect(finding?.text).toMatch(/^80 of 200 questions .* about 3\.1 % of those are estimated to be wrong, from 12 /);
    expect(findingsOf(reviewed({ similar: { ...counts, wrongShare: Number.NaN } }))).toEqual([]);
  });
});

describe("a review", () => {
  function reviewerOf(change: { prune?: () => Promise<PruneResult> } = {}) {
    const sent: { event: ChimeraEvent; id: string }[] = [];
    const asked: unknown[] = [];
    const result: PruneResult = { pruneId: "", entries: 5, bytes: 10 * MIB, forecastLossPp: 0, undoBytes: 0 };
    const reviewer = new Reviewer({
      bus: { publish: (event, id) => void sent.push({ event, id }) },
      replica: "cache-1",
      ttlSeconds: 3600,
      signs: async () => signs(),
      shadows: () => [shadow("s3-fifo", 900), shadow("lru", 1000, 150, 50)],
      pruner: {
        prune: async (criteria, options) => {
          asked.push([criteria, options]);
          return change.prune ? change.prune() : result;
        },
      },
    });
    return { reviewer, sent, asked };
  }

  it("tells the mesh, keeps what it found, and only ever asks for a dry run", async () => {
    const { reviewer, sent, asked } = reviewerOf();
    await reviewer.review();
    expect(reviewer.last.map(({ kind }) => kind)).toEqual(["policy", "prune"]);
    expect(asked).toEqual([[expect.objectContaining({ neverHit: true, unusedForMs: 90_000 }), { dryRun: true }]]);
    expect(sent[0]?.event).toMatchObject({
      kind: "cacheReviewed",
      message: {
        replica: "cache-1",
        findings: [
          { kind: "policy", proposed: "lru", gainPp: 5, n: 2000n },
          { kind: "prune", setting: "", text: expect.stringMatching(/^A prune of 5 answers/) },
        ],
      },
    });
  });

  it("goes on where somebody prunes at the same time", async () => {
    const busy = () => Promise.reject(new FailedPreconditionError("a prune is under way"));
    const { reviewer } = reviewerOf({ prune: busy });
    expect((await reviewer.review()).map(({ kind }) => kind)).toEqual(["policy"]);
  });
});

describe("differences of shares", () => {
  it("agree with Newcombe's published example: 56/70 - 48/80", () => {
    const { value, low, high } = differenceOfShares({ hits: 56, n: 70 }, { hits: 48, n: 80 });
    expect([value, low, high].map((each) => Number(each.toFixed(4)))).toEqual([0.2, 0.0524, 0.3339]);
  });

  it("of one sample are known better than of two", () => {
    const paired = pairedDifference({ gained: 60, lost: 40, n: 2000 });
    const apart = differenceOfShares({ hits: 1020, n: 2000 }, { hits: 1000, n: 2000 });
    expect(paired.value).toBe(0.01);
    expect(paired.high - paired.low).toBeLessThan((apart.high - apart.low) / 2);
    expect(pairedDifference({ gained: 0, lost: 0, n: 0 }).low).toBeLessThan(0);
  });
});
