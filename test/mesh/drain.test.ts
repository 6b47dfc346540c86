// SIGTERM under load: what is in flight finishes, the process ends with 0.
import { SERVICE_NAMES, type ServiceName } from "@chimera/supervisor";
import { ask, longStory, startTestMesh, type TestMesh, ticket, until } from "@chimera/testkit";
import { expect, it } from "vitest";

const ITEMS = 160;
/** Longer than the streams below take on the busiest machine: what is tested is that they end, not how soon. */
const PATIENT = {
  ROUTER_DRAIN_GRACE_S: "120",
  CACHE_DRAIN_MS: "120000",
  INFERENCE_DRAIN_GRACE_MS: "120000",
  EVALUATOR_DRAIN_MS: "120000",
  EVALUATOR_REQUEST_TIMEOUT_MS: "120000",
  INSIGHT_DRAIN_GRACE_MS: "60000",
};

/** Those that others can do without share one mesh, one after the other. */
const TURNS: ServiceName[][] = [["insight", "evaluator", "cache"], ["inference"], ["router"]];

it.each(TURNS.map((names) => [names.join(", then the "), names] as const))(
  "SIGTERM to the %s breaks no stream in flight, and it exits with 0",
  async (_, names) => {
    await using test = await startTestMesh({ env: PATIENT });
    for (const name of names) await drains(test, name);
  },
);

it("covers every service", () => {
  expect(TURNS.flat().sort()).toEqual([...SERVICE_NAMES].sort());
});

async function drains(test: TestMesh, name: ServiceName): Promise<void> {
  const run = name === "evaluator" ? await startHoldout(test) : undefined;
  const stories = Promise.all(Array.from({ length: 8 }, () => ask(test.router, longStory(700))));
  await until("eight generations", async () => (await test.inference.describe({})).activeGenerations === 8);
  const stopping = test.mesh.process(name);
  stopping.kill("SIGTERM");
  for (const { complete } of await stories) expect(complete.usage?.completionTokens).toBe(700);
  if (run) expect(await run.itemsScored).toBe(ITEMS);
  expect(await stopping.exited).toMatchObject({ code: 0 });
}

/** A data set run is a stream of the evaluator itself. Resolves when it has begun. */
async function startHoldout(test: TestMesh) {
  await ask(test.router, ticket("the router knows the model by now"));
  const run = test.evaluator.evaluate({ split: "holdout", limit: ITEMS, concurrency: 4 })[Symbol.asyncIterator]();
  await run.next();
  const itemsScored = (async () => {
    for (;;) {
      const { done, value } = await run.next();
      if (done) return 0;
      if (value.event.case === "result") return value.event.value.n;
    }
  })();
  return { itemsScored };
}
