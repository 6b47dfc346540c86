// Evaluations and comparisons on a holdout spend its looks; what shows nothing new is free.
import { fromConnectError, ownedStream } from "@chimera/rpc";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type RunningEvaluator, resultOf, startEvaluator } from "../testing/running-evaluator.ts";
import { accepted, complete, delta } from "../testing/scripted-router.ts";

let modelVersion = "v1";
let running: RunningEvaluator;
beforeEach(async () => {
  modelVersion = "v1";
  running = await startEvaluator(
    async function* ({ request }) {
      const first = accepted(request.requestId);
      if (first.part.case === "accepted") first.part.value.modelVersion = modelVersion;
      yield first;
      yield delta(0, "intent=bug priority=low");
      yield complete();
    },
    { EVALUATOR_HOLDOUT_LOOKS: "3" },
  );
});
afterEach(() => running[Symbol.asyncDispose]());

const evaluate = (request: object = {}) => resultOf(running, { limit: 5, ...request });
const looks = async () => (await running.client.client.guardStatus({})).looksUsed;
async function compare(): Promise<void> {
  const request = { limit: 5, candidate: { sampling: { temperature: 1, seed: 1 } } };
  for await (const _ of ownedStream((signal) => running.client.client.compare(request, { signal }))) void _;
}

it("counts settings once, other settings and another model again, and validation never", async () => {
  await evaluate();
  await evaluate();
  expect(await looks()).toBe(1);
  for (const limit of [6, 7, 8, 9]) await evaluate({ split: "validation", limit });
  expect(await looks()).toBe(1);
  await compare();
  await compare();
  expect(await looks()).toBe(2);
  modelVersion = "v2";
  await evaluate();
  await evaluate();
  expect(await looks()).toBe(3);
});

it("refuses a new look when they are spent, and still plays what was seen", async () => {
  for (const limit of [5, 6, 7]) await evaluate({ limit });
  const asked = running.router.calls.length;
  const error = fromConnectError(await evaluate({ limit: 8 }).catch((thrown: unknown) => thrown));
  expect(error.kind).toBe("failed-precondition");
  expect(error.message).toMatch(/all 3 looks at this holdout are spent: bring in fresh .*validation split is free/);
  await expect(compare()).rejects.toThrow(/are spent/);
  expect(running.router.calls.length).toBe(asked);
  expect((await evaluate()).n).toBe(5);
  expect((await evaluate({ split: "validation" })).n).toBe(5);
  // A model that these settings were not seen with would be new; its figures are withheld.
  modelVersion = "v2";
  await expect(evaluate()).rejects.toThrow(/are spent/);
  expect(await looks()).toBe(3);
});
