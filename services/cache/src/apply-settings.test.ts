import { create } from "@bufbuild/protobuf";
import { CacheSettingsSchema, type Settings } from "@chimera/contracts/settings";
import { seededRandom } from "@chimera/kernel";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applySettings, type OwnSettings } from "./apply-settings.ts";
import type { Entry } from "./index/entry.ts";
import { EntryIndex } from "./index/entry-index.ts";
import { createPolicy, POLICY_NAMES } from "./policy/policies.ts";
import { HandClock, sampleFacts } from "./test-data.ts";
import { answersUnderTest } from "./testing/answers.ts";

const OWN: OwnSettings = { policy: "s3-fifo", capacityBytes: 1_000_000, ttlSeconds: 86_400, staleSeconds: 0 };

async function cacheUnderTest() {
  const cache = await answersUnderTest({ capacityBytes: OWN.capacityBytes });
  const drawn: unknown[] = [];
  const shadows = { reset: (inUse: unknown) => void drawn.push(inUse) };
  const { answers, index, clock } = cache;
  const apply = applySettings({ own: OWN, answers, index, shadows, clock, random: seededRandom(1) });
  const set = (fields: Parameters<typeof create<typeof CacheSettingsSchema>>[1] = {}) =>
    apply({ cache: create(CacheSettingsSchema, fields) } as Pick<Settings, "cache">);
  return { ...cache, set, drawn };
}

describe("policy", () => {
  it.each(POLICY_NAMES)(
    "%s takes over every answer, and the one that was used longest ago leaves first",
    async (name) => {
      const { keep, ask, index, clock, set, drawn } = await cacheUnderTest();
      const prompts = Array.from({ length: 60 }, (_, i) => `question ${i}`);
      for (const prompt of prompts) await keep(prompt);
      for (const prompt of prompts.toReversed()) {
        clock.ms += 1000;
        await ask(prompt);
      }
      await set({ policy: name === "s3-fifo" ? "lru" : "s3-fifo" });
      await set({ policy: name });
      expect([index.policyName, index.size, index.evictions]).toEqual([name, 60, 0]);
      expect(drawn.at(-1)).toEqual({ policy: name, capacityBytes: OWN.capacityBytes });
      await set({ policy: name, capacityBytes: BigInt(Math.floor(index.bytes / 2)) });
      const kept = await Promise.all(prompts.map((prompt) => ask(prompt)));
      // Used in reverse order: the last ones of the list are the oldest.
      expect(kept.lastIndexOf("hit")).toBeLessThan(32);
      expect(kept.filter((each) => each === "hit").length).toBeGreaterThan(25);
    },
  );

  it("is the environment's again where a version leaves it unset", async () => {
    const { index, set } = await cacheUnderTest();
    await set({ policy: "lru" });
    await set({ ttlS: 5 });
    expect(index.policyName).toBe("s3-fifo");
  });
});

describe("capacity", () => {
  it("goes up at once, and down without more leaving than has to", async () => {
    const { keep, index, set, store } = await cacheUnderTest();
    const keys: string[] = [];
    for (let i = 0; i < 100; i++) keys.push(await keep(`question ${i}`));
    const { bytes } = index;
    await set({ capacityBytes: 4_000_000n });
    expect([index.capacityBytes, index.size]).toEqual([4_000_000, 100]);
    await set({ capacityBytes: BigInt(Math.floor(bytes / 2)) });
    expect(index.bytes).toBeLessThanOrEqual(bytes / 2);
    expect(index.size).toBe(50);
    const bodies = await Promise.all(keys.map((key) => store.get(key)));
    expect(bodies.filter((body) => body !== undefined).length).toBe(50);
    await set();
    expect([index.capacityBytes, index.size]).toEqual([OWN.capacityBytes, 50]);
  });

  it("counts shares of tenants from the new one", () => {
    const capacityBytes = 1000;
    const policy = createPolicy<Entry>("lru", { capacityBytes, random: () => 0 });
    const quotas = { byDefault: { share: 0.5 }, overrides: new Map() };
    const index = new EntryIndex({ capacityBytes, maxEntries: 100, policy, quotas });
    for (let i = 0; i < 8; i++) index.add(sampleFacts(`one:${i}`, { bytes: 50 }));
    for (let i = 0; i < 4; i++) index.add(sampleFacts(`two:${i}`, { bytes: 50 }));
    const left = [...index.resize(500, 0)];
    expect(left.map(({ tenant }) => tenant)).toEqual(["one", "one"]);
    expect(index.tenants().map(({ quotaBytes }) => quotaBytes)).toEqual([250, 250]);
  });
});

it("times to live hold for what is stored from then on", async () => {
  const { keep, ask, clock, set } = await cacheUnderTest();
  await keep("before");
  await set({ ttlS: 10, staleS: 5 });
  await keep("after");
  clock.ms += 12_000;
  expect([await ask("before"), await ask("after")]).toEqual(["hit", "hit"]);
  clock.ms += 5000;
  expect([await ask("before"), await ask("after")]).toEqual(["hit", "expired"]);
});

it("whatever comes and goes while policy and capacity change, index and policy agree", async () => {
  const step = fc.record({ key: fc.nat(400), what: fc.constantFrom("add", "use", "remove") });
  const change = fc.record({
    policy: fc.constantFrom(...POLICY_NAMES),
    capacityBytes: fc.integer({ min: 2000, max: 60_000 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), fc.array(change, { minLength: 1, maxLength: 4 }), changing),
    { numRuns: 25, seed: 1 },
  );
});

/** Fills an index, then takes steps between the slices of each change. */
async function changing(
  steps: { key: number; what: string }[],
  changes: { policy: (typeof POLICY_NAMES)[number]; capacityBytes: number }[],
): Promise<void> {
  const random = seededRandom(2);
  const made = (policy: (typeof POLICY_NAMES)[number], capacityBytes: number) =>
    createPolicy<Entry>(policy, { capacityBytes, random });
  const index = new EntryIndex({ capacityBytes: 60_000, maxEntries: 2000, policy: made("lru", 60_000) });
  for (let i = 0; i < 1200; i++) index.add(sampleFacts(`t:${i}`, { bytes: 40, lastUsedMs: i }));
  const pending = [...steps];
  const take = () => {
    for (const { key, what } of pending.splice(0, 30)) {
      const entry = index.get(`t:${key}`);
      if (what === "add") index.add(sampleFacts(`t:${key}`, { bytes: 50 }));
      else if (entry && what === "use") index.used(entry, 5000 + key);
      else if (entry) index.remove(entry);
      expect(index.bytes).toBeLessThanOrEqual(index.capacityBytes);
    }
  };
  // Every look at the clock is a turn for somebody else.
  const clock = new HandClock();
  const slicing = {
    monotonicMs: () => {
      take();
      clock.ms += 5;
      return clock.ms;
    },
  };
  for (const { policy, capacityBytes } of changes) {
    const before = index.size;
    await index.changePolicy(made(policy, capacityBytes), slicing);
    if (pending.length === steps.length) expect(index.size).toBe(before);
    for (const left of index.resize(capacityBytes, 0)) {
      expect(left.isResident).toBe(false);
      take();
    }
    expect([index.policyName, index.capacityBytes]).toEqual([policy, capacityBytes]);
  }
  // The policy knows exactly what is resident: it can give all of it back.
  const resident = index.size;
  expect([...index.resize(1, 0)].length).toBe(resident);
}
