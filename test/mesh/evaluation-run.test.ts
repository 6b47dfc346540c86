// A run that two evaluators share, through the death of either: it ends with every item scored once, and with the figures of a run
// that nobody disturbed.
import { type EvaluateRequest, type EvaluateResult, EvaluatorService } from "@chimera/contracts/evaluator";
import { startTestMesh, type TestMesh, until } from "@chimera/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const SETTINGS = { split: "holdout", limit: 160, concurrency: 8 } as const;
type Request = Partial<Pick<EvaluateRequest, "runId" | "split" | "limit" | "concurrency" | "sendItems">>;

let test: TestMesh;
let undisturbed: Played;
beforeAll(async () => {
  test = await startTestMesh({ replicas: { evaluator: 2 }, restart: true });
  undisturbed = await play("evaluator", { ...SETTINGS, runId: "undisturbed" });
});
afterAll(() => test[Symbol.asyncDispose]());

interface Played {
  result: EvaluateResult;
  items: string[];
  resumed: number;
}

/** `onItem` is told how many items have a result. */
async function play(name: string, request: Request, onItem: (done: number) => void = () => {}): Promise<Played> {
  const { evaluate } = test.client(EvaluatorService, test.mesh.process(name).url);
  const items: string[] = [];
  let resumed = 0;
  for await (const { event } of evaluate({ ...request, sendItems: true })) {
    if (event.case === "progress") resumed = event.value.resumed;
    else if (event.case === "item") onItem(items.push(event.value.itemId));
    else if (event.case === "result") return { result: event.value, items, resumed };
  }
  throw new Error("the run ended without a result");
}

function expectSame({ result, items }: Played): void {
  const figures = ({ n, failed, datasetHash, accuracy, macroF1, confusion }: EvaluateResult) => ({
    n,
    failed,
    datasetHash,
    accuracy,
    macroF1,
    confusion,
  });
  expect(figures(result)).toEqual(figures(undisturbed.result));
  expect(items.length).toBe(SETTINGS.limit);
  expect(new Set(items).size).toBe(SETTINGS.limit);
  expect(Object.values(result.scoredBy).reduce((sum, count) => sum + count, 0)).toBe(SETTINGS.limit);
}

it("is shared by both evaluators", () => {
  expect(undisturbed.result).toMatchObject({ n: SETTINGS.limit, failed: 0 });
  expect(Object.keys(undisturbed.result.scoredBy)).toEqual(["evaluator", "evaluator-2"]);
  expectSame(undisturbed);
});

it("stops everywhere when the caller leaves, and goes on at the other evaluator", async () => {
  const leave = new AbortController();
  const { evaluate } = test.client(EvaluatorService, test.mesh.process("evaluator").url);
  let seen = 0;
  const left = async () => {
    for await (const { event } of evaluate({ ...SETTINGS, runId: "left", sendItems: true }, { signal: leave.signal })) {
      if (event.case === "item" && ++seen === 30) leave.abort();
    }
  };
  await expect(left()).rejects.toThrow();
  for await (const { inFlight } of test.router.watchStats({})) if (inFlight === 0) break;
  const again = await play("evaluator-2", { ...SETTINGS, runId: "left" });
  expect(again.resumed).toBeGreaterThanOrEqual(30);
  expect(again.resumed).toBeLessThan(SETTINGS.limit);
  expectSame(again);
});

it("refuses another run under the same id", async () => {
  await expect(play("evaluator", { ...SETTINGS, limit: 100, runId: "undisturbed" })).rejects.toThrow(
    /exists with other/,
  );
});

it("loses nothing and scores nothing twice when a worker is killed", async () => {
  const worker = test.mesh.process("evaluator-2");
  const played = await play("evaluator", { ...SETTINGS, runId: "worker-dies" }, (done) => {
    if (done === 40) worker.kill("SIGKILL");
  });
  expect(played.result.scoredBy["evaluator-2"]).toBeGreaterThan(0);
  expectSame(played);
});

it("goes on at another evaluator when the one that was called is killed", async () => {
  const called = test.mesh.process("evaluator");
  const request = { ...SETTINGS, runId: "coordinator-dies" };
  const broken = play("evaluator", request, (done) => {
    if (done === 40) called.kill("SIGKILL");
  });
  await expect(broken).rejects.toThrow();
  // The other one was killed before, and may be starting still.
  const again = await until("the run at the other evaluator", () => play("evaluator-2", request));
  expect(again.resumed).toBeGreaterThanOrEqual(40);
  expectSame(again);
});
