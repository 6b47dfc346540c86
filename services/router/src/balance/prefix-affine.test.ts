import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { createPolicy, type PolicyName } from "./policies.ts";
import { PrefixIndex } from "./prefix-index.ts";
import { candidates, fieldOf, type TestCandidate } from "./testing/candidates.ts";

const AFFINE: PolicyName[] = ["prefix-affine", "affinity-then-wait"];
const keys = Array.from({ length: 12 }, (_, i) => i + 1);
const request = { prefixKeys: keys, promptTokens: 800 };

function setUp(name: PolicyName, { heldExtra = 0 } = {}) {
  const all = candidates(6);
  const prefixes = new PrefixIndex<TestCandidate>();
  const field = fieldOf(all, { prefixes, heldExtra });
  const policy = createPolicy(name, seededRandom(3));
  const at = (index: number) => {
    const found = all[index];
    if (found === undefined) throw new Error(`no candidate ${index}`);
    return found;
  };
  const hold = (index: number, count: number) => prefixes.add(at(index), keys.slice(0, count), 100_000);
  /** Whom it names, over a few tries. */
  const named = (asked = request) =>
    new Set(Array.from({ length: 20 }, () => policy.choose(asked, field)?.candidate.name));
  return { all, at, hold, named, field, policy };
}

describe.each(AFFINE)("%s", (name) => {
  it("goes to the replica that holds the beginning, although another is idle", () => {
    const { at, hold, named } = setUp(name);
    hold(2, 10);
    at(2).take(200);
    expect(named()).toEqual(new Set(["replica-2"]));
  });

  it("goes to the one that holds most, and to the one with less to do where two hold the same", () => {
    const { at, hold, named } = setUp(name);
    hold(1, 4);
    hold(2, 11);
    hold(3, 11);
    at(2).take(500);
    expect(named()).toEqual(new Set(["replica-3"]));
  });

  it("takes the next best holder where the best one is full or out", () => {
    const { at, hold, named } = setUp(name);
    hold(1, 6);
    hold(2, 12);
    at(2).limit = 0;
    expect(named()).toEqual(new Set(["replica-1"]));
    at(2).limit = 100;
    at(2).isOut = true;
    expect(named()).toEqual(new Set(["replica-1"]));
  });

  it("spreads requests that nobody holds anything of, and those of which somebody holds next to nothing", () => {
    const { hold, named } = setUp(name);
    hold(1, 1);
    expect(named({ ...request, prefixKeys: keys.map((key) => key + 1000) }).size).toBeGreaterThan(3);
    const long = { promptTokens: 20_000, prefixKeys: [1, ...Array.from({ length: 40 }, (_, i) => 5000 + i)] };
    expect(named(long).size).toBeGreaterThan(3);
  });

  it("queues a few at a holder that is full, and lets the others have the rest", () => {
    const { at, hold, named } = setUp(name, { heldExtra: 2 });
    hold(2, 12);
    at(2).limit = 4;
    at(2).outstanding = 5;
    expect(named()).toEqual(new Set(["replica-2"]));
    at(2).outstanding = 6;
    expect(named()).not.toContain("replica-2");
  });

  it("leaves the room that is kept for holders to them", () => {
    const { all, at, hold, named } = setUp(name, { heldExtra: 2 });
    hold(2, 12);
    for (const each of all) each.limit = 0;
    expect(named()).toEqual(new Set(["replica-2"]));
    expect(named({ ...request, prefixKeys: [999] })).toEqual(new Set([undefined]));
    expect(at(2).outstanding).toBe(0);
  });
});

describe("affinity until saturated", () => {
  it("stays where waiting costs less than a few times the computing it saves, and no longer", () => {
    const { at, hold, named } = setUp("affinity-then-wait");
    hold(2, 12);
    at(2).tokensAhead = 2000;
    expect(named()).toEqual(new Set(["replica-2"]));
    at(2).tokensAhead = 4000;
    expect(named()).not.toContain("replica-2");
  });

  it("says so, and what it weighed", () => {
    const { at, hold, policy, field } = setUp("affinity-then-wait");
    hold(2, 12);
    expect(policy.choose(request, field)?.why).toBe("holds the beginning of the prompt");
    at(2).tokensAhead = 10_000;
    const choice = policy.choose(request, field);
    expect(choice?.why).toBe("sooner first token, of two drawn: the holder of its beginning is saturated");
    expect(choice?.considered).toContain(at(2));
  });
});
