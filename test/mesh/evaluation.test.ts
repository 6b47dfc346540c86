// Quality measured through the whole mesh: a data set run, live feedback, and what insight makes of both.
import { ask, startTestMesh, type TestMesh, ticket, until } from "@chimera/testkit";
import { loadTickets } from "@chimera/tickets";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let test: TestMesh;
beforeAll(async () => {
  test = await startTestMesh();
});
afterAll(() => test[Symbol.asyncDispose]());

async function figure(id: string) {
  const { figures } = await test.insight.getReport({});
  return figures.find((each) => each.id === id);
}

describe("Evaluate", () => {
  it("scores the holdout through the router, with progress and intervals, and insight reports the same", async () => {
    let progress = 0;
    for await (const { event } of test.evaluator.evaluate({ split: "holdout", limit: 200, concurrency: 8 })) {
      if (event.case === "progress") progress += 1;
      if (event.case !== "result") continue;
      const { n, failed, accuracy, macroF1, classes, datasetHash } = event.value;
      expect({ n, failed }).toEqual({ n: 200, failed: 0 });
      expect(datasetHash).toMatch(/^[0-9a-f]{64}$/);
      expect(classes.length).toBe(8);
      // Far above one in eight: the model does the task.
      expect(accuracy?.value).toBeGreaterThan(0.6);
      expect(accuracy?.low).toBeLessThan(accuracy?.value ?? 0);
      expect(macroF1?.high).toBeGreaterThan(macroF1?.value ?? 1);
      const reported = await until("all scores in the report", async () => {
        const quality = await figure("quality.accuracy");
        return quality?.n === 200n && quality;
      });
      expect(reported.value).toBeCloseTo(accuracy?.value ?? 0, 12);
      // Events do not say which tickets are near duplicates, so the report's interval is that of independent ones.
      expect(reported.interval?.low).toBeCloseTo(accuracy?.low ?? 0, 1);
    }
    expect(progress).toBeGreaterThan(0);
    // The mesh asked itself: that is no traffic, and it left nothing in the cache.
    expect((await figure("requests.count"))?.n).toBe(0n);
    expect((await test.cache.stats({})).entries).toBe(0n);
  });

  it("says what is wrong with a run nobody can play", async () => {
    const run = async (request: object) => {
      for await (const _ of test.evaluator.evaluate(request)) void _;
    };
    await expect(run({ split: "vault" })).rejects.toThrow(/split/);
    await expect(run({ dataset: "nothing" })).rejects.toThrow(/data set "nothing"/);
    await expect(run({ concurrency: 1000 })).rejects.toThrow(/concurrency/);
  });
});

describe("RecordFeedback", () => {
  it("joins a reference with its request, scores it, and insight counts it", async () => {
    const [first] = await loadTickets("holdout");
    if (!first) throw new Error("the data set is empty");
    const answers = await Promise.all(
      ["fb-1", "fb-2"].map((requestId) =>
        ask(test.router, { ...ticket(first.input), requestId }, { tenant: requestId }),
      ),
    );
    const { taken } = await test.evaluator.recordFeedback({
      feedback: [
        { requestId: "fb-1", output: answers[0]?.text ?? "", target: answers[0]?.text ?? "" },
        { requestId: "fb-2", output: answers[1]?.text ?? "", target: "intent=nothing priority=low" },
      ],
    });
    expect(taken).toBe(2);
    const live = await until("both scores", async () => {
      const each = await figure("quality.live_accuracy");
      return each?.n === 2n && each;
    });
    expect(live.value).toBe(0.5);
  });
});
