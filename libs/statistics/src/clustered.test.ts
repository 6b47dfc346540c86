import { type Random, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { bootstrapScores } from "./bootstrap.ts";
import { cellScores } from "./classification.ts";
import { ClusterSlots } from "./cluster-slots.ts";
import { ClusteredConfusion } from "./clustered-confusion.ts";
import { ClusteredMean } from "./clustered-mean.ts";
import { pairedDifference, pairsNeeded } from "./paired.ts";

/** Ten answers a cluster, each cluster easy or hard as a whole. */
function answers(random: Random, clusters: number) {
  return Array.from({ length: clusters }, (_, c) => {
    const share = random() < 0.5 ? 0.95 : 0.5;
    return Array.from({ length: 10 }, (_, i) => {
      const target = i % 2 === 0 ? "a" : "b";
      const other = target === "a" ? "b" : "a";
      return { target, predicted: random() < share ? target : other, cluster: `cluster ${c}` };
    });
  }).flat();
}

function counted(all: ReturnType<typeof answers>, slots?: ClusterSlots): ClusteredConfusion {
  const confusion = new ClusteredConfusion(slots === undefined ? {} : { slots });
  for (const { cluster, ...answer } of all) confusion.add(answer, cluster);
  return confusion;
}

const width = (interval: { low: number; high: number } | undefined) => (interval ? interval.high - interval.low : 0);

describe("ClusteredConfusion", () => {
  const all = answers(seededRandom(5), 80);

  it("gives wider intervals than items taken as independent, around the same scores", () => {
    const confusion = counted(all);
    const clustered = confusion.bootstrap({ resamples: 500, random: seededRandom(6) });
    const naive = bootstrapScores(confusion.cells(), { resamples: 500, random: seededRandom(6) });
    const scores = cellScores(confusion.cells());
    for (const score of ["accuracy", "macroF1", "weightedF1", "mcc", "kappa"] as const) {
      expect(width(clustered[score])).toBeGreaterThan(1.3 * width(naive[score]));
      expect(clustered[score]?.low).toBeLessThan(scores[score]);
      expect(clustered[score]?.high).toBeGreaterThan(scores[score]);
    }
  });

  it("agrees with the clustered t interval where the score is a mean", () => {
    const mean = new ClusteredMean();
    for (const { target, predicted, cluster } of all) mean.add(target === predicted ? 1 : 0, cluster);
    const bootstrap = counted(all).bootstrap({ resamples: 2000, random: seededRandom(7) }).accuracy;
    expect(Math.abs(width(mean.interval()) - width(bootstrap))).toBeLessThan(0.015);
  });

  it("gives the same interval in turns and lets other work of the process go on", async () => {
    const confusion = counted(answers(seededRandom(9), 1500));
    let [turns, isRunning] = [0, true];
    const turn = () => {
      turns += 1;
      if (isRunning) setImmediate(turn);
    };
    setImmediate(turn);
    const inTurns = await confusion.bootstrapInTurns({ resamples: 200, random: seededRandom(3) });
    isRunning = false;
    expect(inTurns).toEqual(confusion.bootstrap({ resamples: 200, random: seededRandom(3) }));
    // About 1,500 clusters of 4 counters, 200 times, with a break every 100,000.
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  it("says that it knows nothing once free text is past its bound", () => {
    const confusion = new ClusteredConfusion({ maxCells: 10 });
    for (let i = 0; i < 11; i++) confusion.add({ target: `text ${i}`, predicted: "" }, `${i}`);
    expect([confusion.isWhole, confusion.cells()]).toEqual([false, []]);
  });
});

describe("ClusterSlots", () => {
  it("stays within its bound and still finds every cluster again", () => {
    const slots = new ClusterSlots(100);
    const first = Array.from({ length: 1000 }, (_, i) => slots.slotOf(`cluster ${i}`));
    expect(Math.max(...first)).toBe(99);
    expect(Array.from({ length: 1000 }, (_, i) => slots.slotOf(`cluster ${i}`))).toEqual(first);
  });

  it("merges clusters past its bound, which widens intervals and shifts no mean", () => {
    const all = answers(seededRandom(8), 2000);
    const [exact, merged] = [new ClusteredMean(), new ClusteredMean(new ClusterSlots(200))];
    for (const { target, predicted, cluster } of all) {
      for (const mean of [exact, merged]) mean.add(target === predicted ? 1 : 0, cluster);
    }
    expect(merged.estimate().clusters).toBe(200);
    expect(merged.estimate().mean).toBe(exact.estimate().mean);
    expect(merged.estimate().standardError / exact.estimate().standardError).toBeGreaterThan(0.8);
    expect(merged.estimate().standardError / exact.estimate().standardError).toBeLessThan(1.25);
  });
});

describe("pairs", () => {
  it("tell apart what two separate samples can not", () => {
    const random = seededRandom(9);
    const pairs = Array.from({ length: 400 }, () => {
      const difficulty = random();
      return { first: difficulty, second: difficulty + 0.02 + 0.05 * (random() - 0.5) };
    });
    const { difference, interval, pValue, clusters } = pairedDifference(pairs);
    expect(difference).toBeCloseTo(0.02, 2);
    expect(interval?.low).toBeGreaterThan(0);
    expect(pValue).toBeLessThan(1e-6);
    expect(clusters).toBe(400);
    expect(pairedDifference([{ first: 1, second: 1 }]).interval).toBeUndefined();
  });

  it("are needed in the numbers of the textbook formula", () => {
    expect([0.04, 0.02, 0.01].map((difference) => pairsNeeded({ difference, variance: 0.0759 }))).toEqual([
      373, 1490, 5958,
    ]);
  });
});
