// The loop on a real mesh: a cache that lost everything is recommended a warm-up, gets it, and what it gained is in the ledger.
import { setTimeout } from "node:timers/promises";
import type { ApplyResponse } from "@chimera/contracts/insight";
import { connectEvents } from "@chimera/events";
import { systemClock } from "@chimera/kernel";
import { ownedStream } from "@chimera/rpc";
import { openSettings } from "@chimera/settings";
import { ask, startTestMesh, type TestMesh, ticket, until } from "@chimera/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Roster } from "../../services/insight/src/act/roster.ts";
import { SettingsAct } from "../../services/insight/src/act/settings-act.ts";
import { patchOf } from "../../services/insight/src/act/settings-patch.ts";
import { CapacityLog } from "../../services/insight/src/observe/capacity.ts";
import { hearMesh } from "../../services/insight/src/observe/hear-mesh.ts";

const silent = { info: () => undefined, warn: () => undefined };

/** A tenth of them is left cold, and five of those are needed to compare with: far fewer than there will be. */
const QUESTIONS = Array.from({ length: 160 }, (_, i) => `order ${1000 + i} has not arrived`);
/** The later half of the log: all of them once, most once more, and some that nobody asked before. */
const LATER = [...QUESTIONS, ...QUESTIONS.slice(32), ...QUESTIONS.slice(0, 32).map((text) => `${text}, asked once`)];
const AT_A_TIME = 8;

let test: TestMesh;
beforeAll(async () => {
  test = await startTestMesh({ restart: true, serviceEnv: { router: { ROUTER_LOG_PROMPTS: "*" } } });
});
afterAll(() => test[Symbol.asyncDispose]());

it("recommends, promises, applies, measures and settles, and the ledger tells all of it", async () => {
  const askAll = async (questions = QUESTIONS) => {
    const waiting = questions.toReversed();
    const worker = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await ask(test.router, ticket(next));
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  };
  const recommended = async () => {
    const { recommendations } = await test.insight.listRecommendations({ windowS: 300 });
    return recommendations.find(({ remedy }) => remedy === "cache-warm-up");
  };
  expect(await recommended()).toMatchObject({ state: "measure first", id: "" });

  await askAll();
  await askAll();
  await askAll(LATER);
  const cache = test.mesh.process("cache");
  const { pid } = cache;
  cache.kill("SIGKILL");
  await until("another cache", async () => cache.pid !== pid && (await test.cache.stats({})).entries === 0n);
  const warmUp = await until("a promise from the whole log", async () => {
    const found = await recommended();
    return found?.state === "recommended" && found;
  });
  const [promise] = warmUp.predictions;
  expect(promise?.metric).toBe("ttft_p50_ms");
  expect(promise?.interval90?.high).toBeLessThan(0);
  expect(promise?.decisionRule).toContain("99 % interval");

  const steps: ApplyResponse[] = [];
  const request = { recommendationId: warmUp.id, by: "a person" };
  const applying = (async () => {
    for await (const step of ownedStream((signal) => test.insight.apply(request, { signal }))) steps.push(step);
  })();
  await until("the warm-up", () => steps.some(({ step }) => step === "verifying"));
  await expect(
    (async () => {
      for await (const _ of ownedStream((signal) => test.insight.apply(request, { signal }))) break;
    })(),
  ).rejects.toThrow("one change at a time");
  let isSettled = false;
  const settled = applying.then(() => {
    isSettled = true;
  });
  // As many rounds as it takes until both sides have what the promise asks for.
  while (!isSettled) await askAll();
  await settled;

  expect(steps.map(({ step }) => step).slice(0, 3)).toEqual(["predicted", "applied", "verifying"]);
  const outcome = steps.at(-1)?.outcome;
  expect(outcome?.verdict).toMatch(/^(kept|inconclusive|rolled back)$/);
  expect(Number.isFinite(outcome?.relative)).toBe(true);
  // With the change and without, as the rule of the promise asks.
  expect(outcome?.n).toBeGreaterThanOrEqual(100n);
  const told = await test.insight.listLedger({});
  expect(told).toMatchObject({ isWhole: true });
  const entry = told.entries.find(({ prediction }) => prediction?.predictionId === warmUp.id);
  expect(entry).toMatchObject({ phase: "settled", remedy: "cache-warm-up" });
  expect(entry?.outcome?.relative).toBe(outcome?.relative);
});

it("has settings in force everywhere when it says so, and takes them back", async () => {
  const bus = await connectEvents({ url: test.mesh.natsUrl, name: "test", logger: silent });
  const roster = new Roster(systemClock);
  const hearing = hearMesh({ roster, capacity: new CapacityLog(systemClock) });
  const kinds = ["requestFinished", "cacheChanged", "settingsApplied"] as const;
  await bus.follow({ kinds, handle: ({ event }) => hearing.take(event) });
  bus.listen({ kinds: ["loadReported"], handle: (event) => hearing.take(event) });
  const store = openSettings(bus, systemClock);
  const act = new SettingsAct({ store, roster, clock: systemClock, sleep: async (ms) => setTimeout(ms) });
  await ask(test.router, ticket("everybody is heard"));
  const before = await test.cache.stats({});
  const undo = await act.undoOf(patchOf({ cache: { policy: "lru" }, inference: { slots: 3 } }));
  const note = { predictionId: "p-1", by: "test", reason: "to see" };
  await act.apply(undo, note);
  expect(await test.cache.stats({})).toMatchObject({ policy: "lru" });
  expect(await test.inference.describe({})).toMatchObject({ slots: 3 });
  await act.undo(undo, note);
  expect(await test.cache.stats({})).toMatchObject({ policy: before.policy });
  expect((await store.get()).cache?.policy).toBeUndefined();
  await bus.close();
});
