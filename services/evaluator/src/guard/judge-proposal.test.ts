import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { HoldoutMeter } from "./holdout-meter.ts";
import { type Evidence, judgeProposal } from "./judge-proposal.ts";

const random = seededRandom(1);
const scores = (quality: number, n = 1000) => Array.from({ length: n }, () => (random() < quality ? 1 : 0));
const items = Array.from({ length: 50 }, (_, i) => ({
  id: `item ${i}`,
  text: `my invoice number ${i} of last month is wrong by ${i} euro`,
}));

function evidence(changed: Partial<Evidence> = {}): Evidence {
  return {
    meter: HoldoutMeter.fresh({ holdout: "h", budget: 5 }, seededRandom(2)),
    holdout: { baseline: scores(0.84), candidate: scores(0.92) },
    shots: [{ id: "shot", text: "the parcel went to a neighbour who is away until friday" }],
    items,
    smallChanges: [{ name: "top_p", baseline: scores(0.9), candidate: scores(0.9) }],
    slices: [],
    gainsBySeed: [0.08, 0.07, 0.085],
    ...changed,
  };
}
const codes = (changed: Partial<Evidence>) => judgeProposal(evidence(changed)).reasons.map(({ code }) => code);

describe("judgeProposal", () => {
  it("accepts a clear gain and reports it with its interval at the level of the look", () => {
    const { verdict, reasons, gain } = judgeProposal(evidence());
    expect({ verdict, reasons }).toEqual({ verdict: "accepted", reasons: [] });
    expect(gain?.n).toBe(1000);
    expect(gain?.low).toBeGreaterThan(0);
    expect(gain?.value).toBeLessThanOrEqual(gain?.measured ?? 0);
    expect(gain?.level).toBeGreaterThan(0.95);
  });

  it("refuses what may be no gain, in numbers", () => {
    const [reason] = judgeProposal(evidence({ holdout: { baseline: scores(0.9), candidate: scores(0.9) } })).reasons;
    expect(reason).toMatchObject({
      code: "no-sure-gain",
      text: /on 1000 holdout items the gain is .* pp, 97.0 % interval/,
    });
  });

  it("asks more of the same gain the more often the holdout was looked at", () => {
    const meter = HoldoutMeter.fresh({ holdout: "h", budget: 50 }, seededRandom(3));
    const holdout = { baseline: scores(0.9), candidate: scores(0.94) };
    const lows = Array.from({ length: 30 }, () => judgeProposal(evidence({ meter, holdout })).gain?.low ?? 0);
    expect(lows[29]).toBeLessThan(lows[0] ?? 0);
  });

  it("counts items of one conversation as one", () => {
    const perConversation = (quality: number) =>
      scores(quality, 40).flatMap((score) => Array.from({ length: 25 }, () => score));
    const holdout = { baseline: perConversation(0.8), candidate: perConversation(0.9) };
    const clusters = holdout.baseline.map((_, item) => `conversation ${Math.floor(item / 25)}`);
    const width = (each: Evidence["holdout"]) => {
      const { gain } = judgeProposal(evidence({ holdout: each }));
      return (gain?.high ?? 0) - (gain?.low ?? 0);
    };
    expect(width({ ...holdout, clusters })).toBeGreaterThan(3 * width(holdout));
  });

  it("spends no look on leaked shots or a fragile optimum", () => {
    const meter = HoldoutMeter.fresh({ holdout: "h", budget: 5 }, seededRandom(4));
    expect(codes({ meter, shots: [{ id: "s", text: `${items[3]?.text} today` }] })).toEqual(["leaked-shots"]);
    expect(codes({ meter, smallChanges: [{ name: "x", baseline: scores(0.95), candidate: scores(0.8) }] })).toEqual([
      "fragile-optimum",
    ]);
    expect(meter.looks).toBe(0);
  });

  it("refuses a hidden loss, a gain of one seed, and a holdout that is used up", () => {
    const loss = { name: "refunds", baseline: scores(0.95, 100), candidate: scores(0.6, 100) };
    expect(codes({ slices: [loss] })).toEqual(["slice-regression"]);
    expect(codes({ gainsBySeed: [0.3, -0.1, 0.08] })).toEqual(["seed-variance"]);
    const meter = HoldoutMeter.fresh({ holdout: "h", budget: 1 }, seededRandom(5));
    expect(codes({ meter })).toEqual([]);
    expect(codes({ meter })).toEqual(["budget-spent"]);
  });
});
