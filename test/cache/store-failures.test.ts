// The store under the cache fails in the middle of the load: no request does, and answers are kept again when it is back.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CachePolicy } from "@chimera/contracts/common";
import { ask, cacheStatus, startTestMesh, type TestMesh, ticket, until } from "@chimera/testkit";
import { expect, it, onTestFinished } from "vitest";
import { onRedis } from "../../services/cache/src/testing/on-redis.ts";
import { RedisServer } from "../../services/cache/src/testing/redis-server.ts";

const run = promisify(execFile);
const KNOWN = ticket("order 1 . i was charged twice");
const SPARED = ticket("order 1 . i want my money back");

/** Asks what nobody asked before, from three callers, while `during` runs. Every answer is checked. */
async function underLoad(test: TestMesh, during: () => Promise<void>): Promise<void> {
  let going = true;
  let asked = 0;
  const caller = async (name: number) => {
    for (let i = 0; going; i++) {
      const answer = await ask(test.router, ticket(`order ${name}${asked}${i} . my parcel has not arrived`));
      expect(answer.text).toContain("intent=");
      asked += 1;
    }
  };
  const callers = Promise.all([1, 2, 3].map(caller));
  // A caller that fails says so at once, and `during` need not come to its end.
  const calm = async (enough: number) => until("more requests", () => asked >= enough);
  try {
    await Promise.race([callers, calm(10)]);
    await Promise.race([callers, during()]);
    await Promise.race([callers, calm(asked + 10)]);
  } finally {
    going = false;
    await callers;
  }
}

const untilHit = (test: TestMesh, request = KNOWN) =>
  until("an answer from the cache", async () => cacheStatus(await ask(test.router, request)) === "hit");

async function storeErrors(test: TestMesh): Promise<number> {
  return Number((await test.cache.stats({})).storeErrors);
}

onRedis(() => {
  it("a Redis that is killed costs misses until it is back, and then its answers are there again", async () => {
    await using redis = await RedisServer.start("--appendonly", "yes", "--appendfsync", "always");
    const cache = { CACHE_STORE: redis.url, CACHE_STORE_BUDGET_MS: "5000" };
    await using test = await startTestMesh({ serviceEnv: { cache } });
    await untilHit(test);
    await untilHit(test, SPARED);
    expect((await test.cache.stats({})).store).toBe("redis");
    await underLoad(test, async () => {
      await redis.kill();
      await until("failures that are counted", async () => (await storeErrors(test)) > 3);
      const answer = await ask(test.router, KNOWN);
      expect([cacheStatus(answer), answer.accepted.cache?.reason]).toEqual(["miss", "store failed"]);
      await redis.run();
    });
    // Never made anew: once it is a hit, it is the answer of before.
    const kept = { ...SPARED, cachePolicy: CachePolicy.ONLY_IF_CACHED };
    await until("the answer of before", async () => cacheStatus(await ask(test.router, kept)) === "hit");
    await untilHit(test);
  });
});

it("a disk that is full costs what could not be written, and nothing that was", async () => {
  const folder = await mkdtemp(join(tmpdir(), "chimera-full-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const cache = { CACHE_STORE: `sqlite://${join(folder, "answers.db")}` };
  await using test = await startTestMesh({ serviceEnv: { cache } });
  await untilHit(test);
  const { pid } = test.mesh.process("cache");
  await underLoad(test, async () => {
    // To the process that is a disk with room for files of this size and no more.
    await run("prlimit", [`--pid=${pid}`, "--fsize=65536:"]);
    await until("failures that are counted", async () => (await storeErrors(test)) > 3);
    await untilHit(test);
    await run("prlimit", [`--pid=${pid}`, "--fsize=unlimited:"]);
  });
  const { stores } = await test.cache.stats({});
  await untilHit(test, SPARED);
  expect((await test.cache.stats({})).stores).toBeGreaterThan(stores);
});
