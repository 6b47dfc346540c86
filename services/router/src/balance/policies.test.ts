import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { createPolicy, POLICY_NAMES } from "./policies.ts";
import { policySuite } from "./policy-suite.ts";
import { candidates, fieldOf, TestCandidate } from "./testing/candidates.ts";

const request = { prefixKeys: [], promptTokens: 100 };

describe.each(POLICY_NAMES)("%s", (name) => {
  policySuite({ createPolicy: (random) => createPolicy(name, random), isLoadAware: name !== "round-robin" });
});

describe("round robin", () => {
  it("goes around, past those that are out", () => {
    const all = candidates(4);
    const policy = createPolicy("round-robin", seededRandom(1));
    const next = () => policy.choose(request, fieldOf(all))?.candidate.name.slice(-1);
    expect([next(), next(), next(), next(), next()]).toEqual(["0", "1", "2", "3", "0"]);
    for (const each of all.slice(1, 3)) each.isOut = true;
    expect([next(), next(), next()]).toEqual(["3", "0", "3"]);
  });
});

describe("least outstanding", () => {
  it("takes the one with the fewest requests, each of several that are equal in its turn", () => {
    const all = candidates(4);
    for (const each of all.slice(2)) each.outstanding = 1;
    const policy = createPolicy("least-outstanding", seededRandom(1));
    const chosen = Array.from({ length: 50 }, () => policy.choose(request, fieldOf(all))?.candidate.name);
    expect(new Set(chosen)).toEqual(new Set(["replica-0", "replica-1"]));
  });
});

describe("two choices", () => {
  it("never takes the busiest, and asks few of many", () => {
    const all = candidates(256);
    const [busiest] = all;
    if (busiest) busiest.outstanding = 1;
    const field = fieldOf(all);
    let asked = 0;
    const counted = { ...field, isOpen: (each: TestCandidate) => ++asked > 0 && field.isOpen(each) };
    const policy = createPolicy("two-choices", seededRandom(1));
    for (let i = 0; i < 1000; i++) expect(policy.choose(request, counted)?.candidate).not.toBe(busiest);
    expect(asked / 1000).toBeLessThan(3);
  });
});

describe("estimated wait", () => {
  it("weighs what is ahead with how fast it is computed", () => {
    const [slow, fast] = [new TestCandidate("slow", 1), new TestCandidate("fast", 0.1)];
    slow.tokensAhead = 100;
    fast.tokensAhead = 1000;
    const policy = createPolicy("estimated-wait", seededRandom(1));
    expect(policy.choose(request, fieldOf([slow, fast]))?.candidate.name).toBe("fast");
    fast.tokensAhead = 2000;
    expect(policy.choose(request, fieldOf([slow, fast]))?.candidate.name).toBe("slow");
  });
});
