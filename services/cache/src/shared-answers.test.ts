// Two caches on one Redis: what one stores, deletes or replaces is so for the other as well.
import { expect, it, onTestFinished, vi } from "vitest";
import { Answers } from "./answers.ts";
import { EntryIndex } from "./index/entry-index.ts";
import { LruPolicy } from "./policy/lru.ts";
import { openStore } from "./store/open-store.ts";
import { encodedAnswer, HandClock, sampleInput, textOfBody } from "./test-data.ts";
import { onRedis } from "./testing/on-redis.ts";
import { RedisServer } from "./testing/redis-server.ts";

const TTL_MS = 60_000;
/** On a busy machine a read may take long. */
const PATIENT_MS = 20_000;

interface SetUp {
  clock?: HandClock;
  maxEntries?: number;
}

async function cacheOn(server: RedisServer, { clock = new HandClock(), maxEntries = 100 }: SetUp = {}) {
  const store = await openStore(server.url, () => {}, { readBudgetMs: PATIENT_MS, clock, maxEntries });
  const index = new EntryIndex({ capacityBytes: 1_000_000, maxEntries, policy: new LruPolicy() });
  const answers = new Answers({ index, store, clock, ttlMs: TTL_MS, staleMs: 0, onChange: () => {} });
  onTestFinished(() => store.close());
  return {
    answers,
    index,
    store,
    text: async (input = sampleInput()) => textOfBody((await answers.lookup(input)).body),
  };
}

async function redis(): Promise<RedisServer> {
  const server = await RedisServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

onRedis(() => {
  it("serves what another cache stored, to its tenant alone, and counts it as its own from then on", async () => {
    const server = await redis();
    const [a, b] = [await cacheOn(server), await cacheOn(server)];
    await a.answers.store(sampleInput(), encodedAnswer(["from ", "a"]), { tags: ["orders"] });
    expect(await b.text(sampleInput({ tenant: "globex" }))).toBeUndefined();
    expect(await b.text()).toBe("from a");
    expect(b.answers.statistics()).toMatchObject({ entries: 1, hits: 1, misses: 1, storeErrors: 0 });
    expect([...b.index.entries()].map(({ tenant, tags }) => [tenant, tags])).toEqual([["acme", ["orders"]]]);
  });

  it("serves the newer answer that another cache stored over its own, for as long as that one holds", async () => {
    const server = await redis();
    const clock = new HandClock();
    const [a, b] = [await cacheOn(server, { clock }), await cacheOn(server, { clock })];
    await a.answers.store(sampleInput(), encodedAnswer(["old"]));
    clock.ms += TTL_MS - 1000;
    await b.answers.store(sampleInput(), encodedAnswer(["new"]));
    expect(await a.text()).toBe("new");
    clock.ms += 2000;
    expect(await a.text()).toBe("new");
    expect(a.answers.statistics()).toMatchObject({ entries: 1, misses: 0, storeErrors: 0 });
  });

  it("takes what another cache deleted, or the server forgot, for a miss and not for a failure", async () => {
    const server = await redis();
    const [a, b] = [await cacheOn(server), await cacheOn(server)];
    await a.answers.store(sampleInput(), encodedAnswer());
    expect(await b.text()).toBe("All is well.");
    const [entry] = a.index.entries();
    if (entry !== undefined) a.answers.drop(entry, "invalidated");
    await vi.waitFor(async () => expect((await b.answers.lookup(sampleInput())).reason).toBe("not stored"));
    expect(b.answers.statistics()).toMatchObject({ entries: 0, bytes: 0, storeErrors: 0 });
  });

  it("does not serve an answer of before an invalidation because another cache still had it", async () => {
    const server = await redis();
    const clock = new HandClock();
    const [a, b] = [await cacheOn(server, { clock }), await cacheOn(server, { clock })];
    await a.answers.store(sampleInput(), encodedAnswer());
    b.answers.invalidations.add({ id: "1", tenant: "acme", model: "", tag: "", untilMs: clock.ms + 1 });
    expect((await b.answers.lookup(sampleInput())).reason).toBe("invalidated");
    await vi.waitFor(async () => expect(await a.text()).toBeUndefined());
  });

  it("does not bring back what another cache has pruned and may put back itself", async () => {
    const server = await redis();
    const [a, b] = [await cacheOn(server), await cacheOn(server)];
    await a.answers.store(sampleInput(), encodedAnswer());
    expect(await b.text()).toBe("All is well.");
    const keys = [...a.index.entries()].map(({ key }) => key);
    await a.store.markPruned(keys, 1_700_000_000_001);
    expect(await b.text()).toBeUndefined();
    expect((await b.answers.restore()).restored).toBe(0);
    await a.store.unmark(keys);
    expect(await b.text()).toBe("All is well.");
  });

  it("restores the last used answers of all caches, as many as it has room for, and deletes none of the others", async () => {
    const server = await redis();
    const clock = new HandClock();
    const a = await cacheOn(server, { clock });
    const inputs = Array.from({ length: 6 }, (_, number) => sampleInput({ model: `m${number}` }));
    for (const input of inputs) {
      clock.ms += 1;
      await a.answers.store(input, encodedAnswer());
    }
    // It lists all, so that it can choose; only its index is small.
    const small = await cacheOn(server, { clock });
    const index = new EntryIndex({ capacityBytes: 1_000_000, maxEntries: 2, policy: new LruPolicy() });
    const b = new Answers({ index, store: small.store, clock, ttlMs: TTL_MS, staleMs: 0, onChange: () => {} });
    expect(await b.restore()).toEqual({ restored: 2, removed: 0 });
    expect([...index.entries()].map(({ model }) => model).sort()).toEqual(["m4", "m5"]);
    for (const input of inputs) expect(await a.text(input)).toBe("All is well.");
  });

  it("serves misses while the server is away, and what is there when it is back", async () => {
    const server = await RedisServer.prepare();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const cache = await cacheOn(server);
    expect(await cache.answers.restore()).toEqual({ restored: 0, removed: 0 });
    expect((await cache.answers.lookup(sampleInput())).reason).toBe("store failed");
    expect(await cache.answers.store(sampleInput(), encodedAnswer())).toMatchObject({ stored: false });
    const failed = cache.answers.statistics();
    expect([failed.entries, failed.misses, failed.storeErrors >= 3]).toEqual([0, 1, true]);
    await server.run();
    await vi.waitFor(
      async () => expect(await cache.answers.store(sampleInput(), encodedAnswer())).toMatchObject({ stored: true }),
      {
        timeout: PATIENT_MS,
      },
    );
    expect(await cache.text()).toBe("All is well.");
  });
});
