// A cache that lost everything gets back what is asked for most, before it is asked for; and what that gained is measured.
import { WarmPhase, type WarmResponse } from "@chimera/contracts/cache";
import { ownedStream } from "@chimera/rpc";
import { ask, cacheStatus, startTestMesh, type TestMesh, ticket, until } from "@chimera/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const POPULAR = Array.from({ length: 24 }, (_, i) => `order ${1000 + i} has not arrived`);
const STORIES = Array.from({ length: 3 }, (_, i) => ({
  prompt: `### ticket ${i}\n`,
  sampling: { temperature: 0, maxTokens: 600, stop: ["\u0000"] },
}));

let test: TestMesh;
beforeAll(async () => {
  test = await startTestMesh({ restart: true, serviceEnv: { router: { ROUTER_LOG_PROMPTS: "*" } } });
  for (const _ of [1, 2]) {
    for (const question of POPULAR) await ask(test.router, ticket(question), { tenant: "acme" });
    await Promise.all(STORIES.map((story) => ask(test.router, story, { tenant: "writer" })));
  }
  for (let i = 0; i < 10; i++) await ask(test.router, ticket(`asked once: ${i}`), { tenant: "acme" });
  const cache = test.mesh.process("cache");
  const { pid } = cache;
  cache.kill("SIGKILL");
  await until("another cache", async () => cache.pid !== pid && (await test.cache.stats({})).entries === 0n);
});
afterAll(() => test[Symbol.asyncDispose]());

async function warm(request: Parameters<TestMesh["cache"]["warm"]>[0]): Promise<WarmResponse[]> {
  return Array.fromAsync(ownedStream((signal) => test.cache.warm(request, { signal })));
}

it("makes what is asked for often, leaves a share cold, and so learns what it gained", async () => {
  const all = 2 * (POPULAR.length + STORIES.length) + 10;
  // The last events may still be on their way.
  await until("the whole log", async () => {
    const told = await warm({ dryRun: true });
    return told.at(-1)?.requestsRead === BigInt(all);
  });
  const told = await warm({ tenants: ["acme"], controlShare: 0.4 });
  const phases = told.map(({ phase }) => phase);
  expect(phases.toSorted((a, b) => a - b)).toEqual(phases);
  const end = told.at(-1);
  expect(end).toMatchObject({ phase: WarmPhase.DONE, candidates: POPULAR.length, failed: 0, withoutText: 0 });
  const { control = 0, generated = 0 } = end ?? {};
  expect(generated + control).toBe(POPULAR.length);
  expect(generated).toBeGreaterThan(0);
  expect(end?.tokensSpent).toBeGreaterThan(0n);
  expect(end?.predictedHitGainPp).toBeGreaterThan(0);

  const answers = [];
  for (const question of POPULAR) answers.push(await ask(test.router, ticket(question), { tenant: "acme" }));
  const statuses = answers.map(cacheStatus);
  expect(statuses.filter((status) => status === "hit").length).toBe(generated);
  expect(statuses.filter((status) => status === "miss").length).toBe(control);
  expect((await test.cache.stats({})).warmHits).toBe(BigInt(generated));
  const hit = answers.find((answer) => cacheStatus(answer) === "hit");
  expect(hit?.text).toMatch(/^intent=\w+ priority=\w+$/);

  const gain = await until("the gain", async () => {
    const [latest] = (await test.cache.listWarmUps({})).warmUps;
    const measured = latest?.gain;
    return measured && measured.treatedRequests + measured.controlRequests === BigInt(POPULAR.length) && measured;
  });
  expect(gain).toMatchObject({ treatedHits: BigInt(generated), controlHits: 0n, usedShare: 1 });
});

it("stops the engine when its caller leaves", async () => {
  const signal = new AbortController();
  const states = ownedStream(
    (own) => test.cache.warm({ tenants: ["writer"], controlShare: 0, concurrency: 1 }, { signal: own }),
    signal,
  );
  for await (const { phase } of states) if (phase === WarmPhase.GENERATING) break;
  const [stopped] = await until("the end of the run", async () => {
    const { warmUps } = await test.cache.listWarmUps({});
    return warmUps.length === 2 && warmUps;
  });
  expect(stopped?.result?.text).toMatch(/^stopped/);
  expect(stopped?.result?.generated).toBeLessThan(STORIES.length);
  await until("an idle engine", async () => {
    for await (const { load } of ownedStream((own) => test.inference.watchLoad({}, { signal: own })))
      return load?.activeGenerations === 0 && load.queuedRequests === 0;
  });
});
