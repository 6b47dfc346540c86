import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { Entry } from "../index/entry.ts";
import { EntryIndex } from "../index/entry-index.ts";
import { createPolicy, type PolicyName } from "../policy/policies.ts";
import { createRequests } from "../simulate/traces/synthetic.ts";
import { sampleFacts } from "../test-data.ts";
import { Shadows } from "./shadows.ts";

const CAPACITY_BYTES = 24 * 1024 * 1024;
const RIVALS: PolicyName[] = ["lru", "sieve"];

/** A cache in use, fed with a synthetic trace. */
function play(policy: PolicyName, { requests, capacityBytes }: { requests: number; capacityBytes: number }) {
  const shared = { capacityBytes, maxEntries: 100_000, random: seededRandom(1) };
  const shadows = new Shadows({ ...shared, policy, rivals: RIVALS });
  const index = new EntryIndex({ ...shared, policy: createPolicy<Entry>(policy, shared), observer: shadows });
  let hits = 0;
  for (const { key, bytes } of createRequests({ requests, popular: 20_000, alpha: 0.9, uniques: 0.3, seed: 7 })) {
    const entry = index.get(key);
    if (entry !== undefined) {
      hits += 1;
      index.used(entry, 0);
      continue;
    }
    index.noteMiss(key);
    if (index.admits(bytes)) index.add(sampleFacts(key, { bytes }));
  }
  return { shadows, hitRatio: hits / requests };
}

describe("Shadows", () => {
  it("tell what each policy would hit, and what more or less room would do, within two points", () => {
    const requests = 60_000;
    const inUse = play("s3-fifo", { requests, capacityBytes: CAPACITY_BYTES });
    const policies = inUse.shadows.policies();
    expect(policies.map(({ policy }) => policy)).toEqual(["s3-fifo", ...RIVALS]);
    const share = policies[0]?.sampleShare ?? 0;
    expect(share).toBeLessThan(0.5);
    const lru = play("lru", { requests, capacityBytes: CAPACITY_BYTES });
    const [own, ofLru] = policies.map(({ hits, lookups }) => hits / lookups) as [number, number];
    expect(Math.abs(own - ofLru - (inUse.hitRatio - lru.hitRatio))).toBeLessThan(0.02);
    const [half, same, twice] = inUse.shadows.sizes().map(({ hitRatio }) => hitRatio) as [number, number, number];
    const ofTwice = play("s3-fifo", { requests, capacityBytes: 2 * CAPACITY_BYTES });
    expect(Math.abs(same - inUse.hitRatio)).toBeLessThan(0.02);
    expect(Math.abs(twice - ofTwice.hitRatio)).toBeLessThan(0.02);
    expect(half).toBeLessThan(same);
  });

  it("count lookups that only one of two policies hits", () => {
    const [own, lru] = play("s3-fifo", { requests: 30_000, capacityBytes: CAPACITY_BYTES / 6 }).shadows.policies();
    expect((own?.hits ?? 0) + (lru?.gained ?? 0) - (lru?.lost ?? 0)).toBe(lru?.hits);
    expect(lru?.lost).toBeGreaterThan(lru?.gained ?? 0);
  });

  it("simulate the whole cache where it is small", () => {
    const capacityBytes = 100_000;
    const { shadows, hitRatio } = play("sieve", { requests: 5000, capacityBytes });
    const [own] = shadows.policies();
    expect([own?.sampleShare, (own?.hits ?? 0) / (own?.lookups ?? 1)]).toEqual([1, hitRatio]);
  });

  it("draw the sample anew where answers turn out far larger or smaller than guessed", () => {
    const shared = { capacityBytes: 64 * 1024 * 1024, maxEntries: 10_000_000, random: seededRandom(1) };
    const shadows = new Shadows({ ...shared, policy: "lru", rivals: [] });
    const index = new EntryIndex({ ...shared, policy: createPolicy<Entry>("lru", shared), observer: shadows });
    const first = shadows.policies()[0]?.sampleShare ?? 0;
    for (let number = 0; number < 2000; number += 1) index.add(sampleFacts(`t:${number}`, { bytes: 200 }));
    const small = shadows.policies()[0]?.sampleShare ?? 0;
    expect(small).toBeLessThan(first / 10);
    expect((small * shared.capacityBytes) / 200).toBeGreaterThanOrEqual(200);
  });

  it("forget what was removed", () => {
    const { index, shadows } = createSmall();
    const { entry } = index.add(sampleFacts("t:a"));
    index.used(entry, 1);
    index.remove(entry);
    index.noteMiss("t:a");
    expect(shadows.policies()[0]).toMatchObject({ lookups: 2, hits: 1 });
  });
});

function createSmall() {
  const shared = { capacityBytes: 10_000, maxEntries: 100, random: seededRandom(1) };
  const shadows = new Shadows({ ...shared, policy: "s3-fifo", rivals: RIVALS });
  const index = new EntryIndex({ ...shared, policy: createPolicy<Entry>("s3-fifo", shared), observer: shadows });
  return { index, shadows };
}
