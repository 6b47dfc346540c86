import { CacheService } from "@chimera/contracts/cache";
import { createLogger, readSettings } from "@chimera/lifecycle";
import { connectClient } from "@chimera/rpc";
import { describe, expect, it, onTestFinished } from "vitest";
import { fields } from "../config.ts";
import { createCache } from "../service.ts";
import { sampleAnswer, sampleInput } from "../test-data.ts";

async function start() {
  const env = { CACHE_PORT: "0", CHIMERA_NATS_URL: "nats://127.0.0.1:1" };
  const service = await createCache(readSettings("cache", fields, env), createLogger("cache", "silent"));
  const connection = connectClient(CacheService, `http://${service.address}`);
  onTestFinished(async () => {
    connection.close();
    await service.drain();
    await service.dispose();
  });
  return connection.client;
}

const a = { url: "http://a:1", id: "a".repeat(32) };
const b = { url: "http://b:1", id: "b".repeat(32) };

describe("a lookup that says who would make the answer", () => {
  it("is told of who makes it already, until it is stored or its flight has ended", async () => {
    const cache = await start();
    const input = sampleInput();
    expect((await cache.lookup({ input, flight: a })).running).toBeUndefined();
    expect((await cache.lookup({ input, flight: b })).running).toMatchObject(a);
    // Another tenant's question is another question.
    const foreign = sampleInput({ tenant: "globex" });
    expect((await cache.lookup({ input: foreign, flight: { ...b, id: "c".repeat(32) } })).running).toBeUndefined();
    await cache.endFlight({ flightId: a.id });
    expect((await cache.lookup({ input, flight: b })).running).toBeUndefined();
    await cache.store({ input, answer: sampleAnswer() });
    const hit = await cache.lookup({ input, flight: a });
    expect([hit.answer !== undefined, hit.running]).toEqual([true, undefined]);
    expect((await cache.stats({})).joins).toBe(1n);
  });

  it("takes no lead without saying so, and none that has no name or address", async () => {
    const cache = await start();
    const input = sampleInput();
    await cache.lookup({ input });
    expect((await cache.lookup({ input, flight: a })).running).toBeUndefined();
    for (const flight of [
      { ...a, id: "" },
      { ...a, id: "a b" },
      { ...a, url: "" },
    ]) {
      await expect(cache.lookup({ input, flight })).rejects.toThrow(/flight\./);
    }
  });
});
