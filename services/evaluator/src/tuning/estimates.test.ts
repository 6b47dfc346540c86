import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { itemsOf, LABELS } from "../testing/runs.ts";
import { type Answered, nestedQuality, qualityOf } from "./estimates.ts";

const items = itemsOf(120);
function answered(quality: number, seed: number): Answered[] {
  const random = seededRandom(seed);
  return items.map(({ id }, at) => {
    const target = LABELS[at % LABELS.length] ?? "";
    const isRight = random() < quality;
    const predicted = isRight ? target : (LABELS[(at + 1) % LABELS.length] ?? "");
    return { target, predicted, cluster: id, score: isRight ? 1 : 0 };
  });
}
const hasClasses = true;

describe("nestedQuality", () => {
  it("does not flatter the luckiest of many equals", async () => {
    const trials = Array.from({ length: 40 }, (_, seed) => answered(0.7, seed));
    const alone = await Promise.all(trials.map((each) => qualityOf(each, { hasClasses: false })));
    const best = Math.max(...alone.map(({ value }) => value));
    const nested = await nestedQuality({ items, trials, hasClasses: false });
    expect(best).toBeGreaterThan(0.75);
    expect(nested?.value).toBeLessThan(best - 0.02);
    expect(nested?.low).toBeLessThan(0.7);
  });

  it("finds what is really better, and says nothing of too little", async () => {
    const nested = await nestedQuality({ items, trials: [answered(0.5, 1), answered(0.95, 2)], hasClasses });
    expect(nested?.value).toBeGreaterThan(0.88);
    expect(await nestedQuality({ items, trials: [answered(0.5, 1)], hasClasses })).toBeUndefined();
  });

  it("takes the mean score of free texts", async () => {
    expect((await qualityOf(answered(1, 1), { hasClasses: false })).value).toBe(1);
  });
});
