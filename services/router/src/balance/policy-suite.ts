// What every policy must do, whatever it prefers: name one that may take the request, give each its share, and see at once what it
// sent itself.
import { type Random, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { BalanceRequest, Policy } from "./policy.ts";
import { PrefixIndex } from "./prefix-index.ts";
import { candidates, fieldOf, type TestCandidate } from "./testing/candidates.ts";

const TOKENS = 100;

export interface PolicySuiteOptions {
  createPolicy(random: Random): Policy;
  /** Whether it looks at how busy they are. */
  isLoadAware: boolean;
}

export function policySuite({ createPolicy, isLoadAware }: PolicySuiteOptions): void {
  const seeded = (seed = 1) => createPolicy(seededRandom(seed));

  describe("as any policy", () => {
    it("names nobody where nobody is open, and the only one where one is", () => {
      const all = candidates(5);
      for (const each of all) each.isOut = true;
      const policy = seeded();
      expect(policy.choose(coldRequest(0), fieldOf([]))).toBeUndefined();
      expect(policy.choose(coldRequest(0), fieldOf(all))).toBeUndefined();
      for (const only of all) {
        only.isOut = false;
        for (let i = 0; i < 20; i++) expect(policy.choose(coldRequest(i), fieldOf(all))?.candidate).toBe(only);
        only.isOut = true;
      }
    });

    it.each([1, 2, 3])("never names one that is out or full, over random steps, seed %i", (seed) => {
      const random = seededRandom(seed);
      const all = candidates(12);
      const prefixes = new PrefixIndex<TestCandidate>();
      const field = fieldOf(all, { prefixes });
      const policy = seeded(seed);
      const ends: (() => void)[] = [];
      for (let step = 0; step < 2000; step++) {
        const some = all[Math.floor(random() * all.length)];
        if (some) some.isOut = random() < 0.3;
        if (some) some.limit = Math.floor(random() * 6);
        const request = { prefixKeys: [step % 5, 100 + (step % 7)], promptTokens: TOKENS };
        const choice = policy.choose(request, field);
        if (choice === undefined) expect(all.filter(field.isOpen)).toEqual([]);
        else {
          expect(field.isOpen(choice.candidate)).toBe(true);
          expect(choice.considered).toContain(choice.candidate);
          expect(choice.considered.length).toBeLessThanOrEqual(8);
          expect(choice.why).not.toBe("");
          ends.push(choice.candidate.take(TOKENS));
          prefixes.add(choice.candidate, request.prefixKeys, 10_000);
        }
        if (ends.length > 20 || choice === undefined) ends.splice(Math.floor(random() * ends.length), 1)[0]?.();
      }
    });

    it("chooses the same again with the same seed", () => {
      expect(names(seeded(7), 200)).toEqual(names(seeded(7), 200));
    });

    it("lets nobody starve", () => {
      const counts = Map.groupBy(names(seeded(), 800), (name) => name);
      expect(counts.size).toBe(8);
      for (const [, chosen] of counts) expect(chosen.length).toBeGreaterThan(800 / 8 / 3);
    });

    it("does not send a whole burst to the one that reported idle", () => {
      const all = candidates(8);
      for (const each of all.slice(1)) for (let i = 0; i < 10; i++) each.take(TOKENS);
      const policy = seeded();
      const burst = Array.from({ length: 40 }, (_, i) => {
        const chosen = policy.choose(coldRequest(i), fieldOf(all))?.candidate;
        chosen?.take(TOKENS);
        return chosen?.name;
      });
      const toIdle = burst.filter((name) => name === "replica-0").length;
      expect(toIdle).toBeLessThan(20);
      if (isLoadAware) expect(toIdle).toBeGreaterThan(40 / 8);
      if (isLoadAware) expect(Math.max(...all.map(({ outstanding }) => outstanding))).toBeLessThan(18);
    });
  });
}

/** Nothing that anybody holds. */
function coldRequest(number: number): BalanceRequest {
  return { prefixKeys: [1_000_000 + number], promptTokens: TOKENS };
}

/** Whom it names for so many requests, of which 16 are open at a time. */
function names(policy: Policy, requests: number): string[] {
  const all = candidates(8);
  const prefixes = new PrefixIndex<TestCandidate>();
  const ends: (() => void)[] = [];
  return Array.from({ length: requests }, (_, i) => {
    const request = coldRequest(i);
    const chosen = policy.choose(request, fieldOf(all, { prefixes }))?.candidate;
    if (chosen) {
      ends.push(chosen.take(TOKENS));
      prefixes.add(chosen, request.prefixKeys, 10_000);
    }
    if (ends.length > 16) ends.shift()?.();
    return chosen?.name ?? "";
  });
}
