import { describe, expect, it } from "vitest";
import { PLAIN } from "../prompt/prompt.ts";
import { armOf, itemsOf, planOf } from "../testing/runs.ts";

const arms = ["baseline", "candidate"].map((name) => ({ arm: armOf({ name }), prompt: PLAIN }));

describe("RunPlan", () => {
  it("asks both configurations of an item one after the other, and every second time in the other order", () => {
    const plan = planOf({ items: itemsOf(3), arms });
    const units = Array.from({ length: plan.total }, (_, i) => plan.unit(i));
    expect(units.map(({ itemId, arm }) => `${itemId} ${arm}`)).toEqual([
      "item-0 0",
      "item-0 1",
      "item-1 1",
      "item-1 0",
      "item-2 0",
      "item-2 1",
    ]);
  });

  it("asks an item as often as wanted", () => {
    const plan = planOf({ items: itemsOf(2), repeats: 3 });
    expect(plan.total).toBe(6);
    expect([0, 1, 2, 3].map((i) => plan.unit(i)).map(({ itemId, repeat }) => `${itemId} ${repeat}`)).toEqual([
      "item-0 0",
      "item-0 1",
      "item-0 2",
      "item-1 0",
    ]);
  });

  it("has a fingerprint that changes with whatever changes the figures, and with nothing else", () => {
    const fingerprint = (over: Parameters<typeof planOf>[0]) => planOf(over).intent("anywhere").fingerprint;
    expect(fingerprint({})).toBe(planOf().intent("elsewhere").fingerprint);
    const changes = [{ repeats: 2 }, { datasetHash: "other" }, { scorers: ["exact_match"] }, { arms }];
    const all = changes.map(fingerprint);
    expect(new Set([fingerprint({}), ...all]).size).toBe(changes.length + 1);
  });

  it("refuses a run that nobody could hold", () => {
    expect(() => planOf({ items: itemsOf(20_000), repeats: 16 })).toThrow("at most 200000");
  });
});
