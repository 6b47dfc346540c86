import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { alphaOf, HoldoutMeter } from "./holdout-meter.ts";

const N = 1000;
function scores(quality: number, random: () => number): number[] {
  return Array.from({ length: N }, () => (random() < quality ? 1 : 0));
}
const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;

describe("HoldoutMeter", () => {
  it("answers as often as the budget says, then refuses with reason and remedy", () => {
    const random = seededRandom(1);
    const meter = HoldoutMeter.fresh({ holdout: "h", budget: 3 }, random);
    const looks = Array.from({ length: 5 }, () => meter.look(scores(0.9, random)));
    expect(looks.map(({ kind }) => kind)).toEqual(["answered", "answered", "answered", "refused", "refused"]);
    expect(looks[3]).toMatchObject({ reason: "all 3 looks at this holdout are spent", remedy: /fresh labelled items/ });
    expect(looks[2]).toMatchObject({ looksLeft: 0 });
  });

  it("shows a real improvement and hides what is within noise", () => {
    let [shownReal, shownNoise, error] = [0, 0, 0];
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed);
      const meter = HoldoutMeter.fresh({ holdout: "h", budget: 10 }, random);
      meter.look(scores(0.85, random));
      const noise = meter.look(scores(0.85, random));
      const real = meter.look(scores(0.92, random));
      if (noise.kind === "answered" && noise.improved) shownNoise += 1;
      if (real.kind !== "answered") continue;
      if (real.improved) shownReal += 1;
      error += (real.value - 0.92) / 200;
    }
    expect(shownReal).toBeGreaterThan(190);
    expect(shownNoise).toBeLessThan(60);
    expect(Math.abs(error)).toBeLessThan(0.01);
  });

  it("keeps the best of many equals from looking better than it is", () => {
    let [told, naive] = [0, 0];
    for (let seed = 1; seed <= 10; seed++) {
      const random = seededRandom(seed);
      const meter = HoldoutMeter.fresh({ holdout: "h", budget: 100 }, random);
      const asked = Array.from({ length: 100 }, () => scores(0.85, random));
      const values = asked
        .map((each) => meter.look(each))
        .flatMap((look) => (look.kind === "answered" ? [look.value] : []));
      told += ((values.at(-1) ?? 0) - 0.85) / 10;
      naive += (Math.max(...asked.map(mean)) - 0.85) / 10;
    }
    expect(naive).toBeGreaterThan(0.02);
    expect(told).toBeLessThan(naive);
  });

  it("goes on from its stored state, and not on other items", () => {
    const meter = HoldoutMeter.fresh({ holdout: "h", budget: 2 }, seededRandom(1));
    meter.look(scores(0.9, seededRandom(2)));
    const stored: unknown = JSON.parse(JSON.stringify(meter));
    const again = HoldoutMeter.from(stored, { holdout: "h", random: seededRandom(3) });
    expect(again.look(scores(0.9, seededRandom(4)))).toMatchObject({ kind: "answered", looksLeft: 0 });
    expect(again.look(scores(0.9, seededRandom(5))).kind).toBe("refused");
    expect(() => HoldoutMeter.from(stored, { holdout: "other", random: seededRandom(3) })).toThrow("other items");
    expect(() => HoldoutMeter.from({ looks: -1 }, { holdout: "h", random: seededRandom(3) })).toThrow(
      "can not be read",
    );
  });

  it("shares 5 % among all looks there could ever be", () => {
    const total = Array.from({ length: 100_000 }, (_, i) => alphaOf(i + 1)).reduce((sum, each) => sum + each, 0);
    expect(total).toBeCloseTo(0.05, 5);
    expect(alphaOf(1)).toBeGreaterThan(0.03);
  });
});
