import { describe, expect, it } from "vitest";
import { cacheWarmUp } from "../../../services/insight/src/remedy/cache-warm-up.ts";
import { jointPlan } from "../../../services/insight/src/remedy/joint-plan.ts";
import { coverage, LOAD_STEPS, observedIn, proveCapacity, proveWarmUp } from "./proofs.ts";
import { arrivalsOf, drawWorld, live, measureCapacity, withoutReuse } from "./world.ts";

const REQUESTS = 1200;
const WORLDS = Array.from({ length: 60 }, (_, i) => drawWorld(i + 1, REQUESTS));

describe("a made-up world", () => {
  it("is the same each time it is made", () => {
    const [world] = WORLDS;
    if (world === undefined) throw new Error("there are worlds");
    const once = () => live(world, arrivalsOf(world).log);
    expect(once()).toEqual(once());
  });
});

describe("predictions are as sure as they say", () => {
  it("of a warm-up, in 60 worlds", () => {
    const proofs = WORLDS.map((world) => proveWarmUp(world, "empty"));
    expect(coverage(proofs, 90)).toBeGreaterThanOrEqual(0.85);
    expect(coverage(proofs, 90)).toBeLessThanOrEqual(0.95);
    expect(coverage(proofs, 50)).toBeGreaterThan(0.35);
    expect(coverage(proofs, 50)).toBeLessThan(0.7);
  });

  it("of more slots, in 60 worlds", () => {
    const proofs = WORLDS.map((world, i) =>
      proveCapacity(world, { from: 4 + (i % 4), to: 8 + (i % 3), requests: 100 + 40 * (i % 5) }),
    );
    expect(coverage(proofs, 90)).toBeGreaterThanOrEqual(0.85);
    expect(coverage(proofs, 90)).toBeLessThanOrEqual(0.95);
    expect(coverage(proofs, 50)).toBeGreaterThan(0.35);
    expect(coverage(proofs, 50)).toBeLessThan(0.65);
  });
});

describe("where nothing is to be gained", () => {
  it("a warm-up promises nothing, in 20 worlds in which every question comes once", () => {
    for (const world of WORLDS.slice(0, 20)) {
      const observed = { ...observedIn(withoutReuse(world), "empty"), askedTtftGain: 0.3 };
      const forecast = cacheWarmUp.forecast(observed);
      expect(forecast.kind).toBe("no gain expected");
      expect("why" in forecast ? forecast.why : "").toMatch(
        /needs .* pp more hits, the log has at most 0\.0 pp: out of reach/,
      );
    }
  });
});

describe("a joint plan", () => {
  it("promises more than each part, and less than both parts added, where slots are short", () => {
    const world = { ...drawWorld(3, REQUESTS), slots: 4, rps: 16, popular: 200, alpha: 0.8, uniques: 0.45 };
    const observed = observedIn(world, "empty");
    const curve = LOAD_STEPS.map((slots) => measureCapacity(world, { slots, requests: 150, seed: slots }));
    const capacity = observed.capacity && { ...observed.capacity, curve };
    const plan = jointPlan({ ...observed, capacity }, 6);
    if (plan.kind !== "joint plan") throw new Error(plan.what);
    const { warmUp, slots, both } = plan.ttft;
    expect(both.relative).toBeLessThanOrEqual(Math.min(warmUp.relative, slots.relative) + 1e-9);
    expect(both.relative).toBeGreaterThan(warmUp.relative + slots.relative);
    expect(plan.capacity.both.relative).toBeGreaterThan(plan.capacity.slots.relative);
  });
});
