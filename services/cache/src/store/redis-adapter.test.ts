import { UnavailableError } from "@chimera/kernel";
import { createClient, RESP_TYPES } from "@redis/client";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { HandClock, rowOf, sampleFacts } from "../test-data.ts";
import { onRedis } from "../testing/on-redis.ts";
import { RedisServer } from "../testing/redis-server.ts";
import { type OpenStoreOptions, openStore } from "./open-store.ts";
import { retryAfterMs } from "./redis-link.ts";
import type { ByteStore, KeptFacts } from "./store.ts";
import { storeSuite } from "./store-suite.ts";

/** Of what the adapter writes. */
const PREFIX = "chimera-cache:1:";
/** On a busy machine a read may take long; only tests about the budget should meet it. */
const PATIENT_MS = 20_000;

async function keysOf(store: ByteStore): Promise<KeptFacts[]> {
  const found: KeptFacts[] = [];
  for await (const facts of store.keys()) found.push(facts);
  return found;
}

function open(server: RedisServer, errors: unknown[] = [], options: OpenStoreOptions = {}): Promise<ByteStore> {
  const onError = (error: unknown) => errors.push(error);
  return openStore(server.url, onError, { readBudgetMs: PATIENT_MS, clock: new HandClock(), ...options });
}

/** Any other program on the same server. */
async function outsider(server: RedisServer) {
  const client = createClient({
    url: server.url,
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
  client.on("error", () => {});
  return client.connect();
}

onRedis(() => {
  describe("KeyvStore on Redis", () => {
    let server: RedisServer;
    let other: Awaited<ReturnType<typeof outsider>>;

    beforeAll(async () => {
      server = await RedisServer.start();
      other = await outsider(server);
    });
    beforeEach(() => other.flushAll());
    afterAll(async () => {
      other.destroy();
      await server[Symbol.asyncDispose]();
    });

    storeSuite(() => open(server));

    it("lists what it has after a restart, with its facts, least recently used first", async () => {
      const rows = ["t:a", "t:b", "u:c"].map((key, number) => ({
        ...rowOf(key, Uint8Array.of(number)),
        tags: [`tag ${number}`],
        ttftMs: 1.5 + number,
        hits: number,
        lastUsedMs: 1_700_000_000_010 - number,
      }));
      const before = await open(server);
      for (const row of rows) await before.set(row);
      await before.close();
      const after = await open(server);
      onTestFinished(() => after.close());
      expect(await keysOf(after)).toEqual(rows.map(({ body: _, ...facts }) => facts).reverse());
      for (const row of rows) expect(await after.find(row.key)).toEqual(row);
    });

    it("lists more than one page, and at most what it is allowed", async () => {
      const store = await open(server, [], { maxEntries: 1200 });
      onTestFinished(() => store.close());
      await Promise.all(Array.from({ length: 1500 }, (_, number) => store.set(rowOf(`t:${number}`, Uint8Array.of(1)))));
      expect(new Set((await keysOf(store)).map(({ key }) => key)).size).toBe(1200);
    });

    it("reads facts of any length without their bodies, and passes over what is not its own", async () => {
      const store = await open(server);
      onTestFinished(() => store.close());
      const tags = Array.from({ length: 16 }, (_, number) => `${number}`.repeat(120).slice(0, 120));
      const row = { ...rowOf("t:tagged", new Uint8Array(500_000)), tags };
      await store.set(row);
      await other.set("t:a", "somebody else's");
      await other.set(`${PREFIX}t:text`, "not an answer, but long enough to be one, if nobody looked at how it begins");
      await other.rPush(`${PREFIX}t:list`, ["not", "even", "a", "string"]);
      await other.copy(`${PREFIX}t:tagged`, `${PREFIX}t:copy`);
      expect((await keysOf(store)).map(({ key, tags: found }) => [key, found])).toEqual([["t:tagged", tags]]);
      expect(await store.find("t:a")).toBeUndefined();
      await store.delete("t:a");
      expect(String(await other.get("t:a"))).toBe("somebody else's");
    });

    it("lets the server forget an answer when it is over", async () => {
      const clock = new HandClock();
      const store = await open(server, [], { clock });
      onTestFinished(() => store.close());
      const facts = { bytes: 4, staleUntilMs: clock.ms + 90_000 };
      await store.set({ ...sampleFacts("t:a", facts), body: Uint8Array.of(1) });
      const lifeMs = Number(await other.pTTL(`${PREFIX}t:a`));
      expect(lifeMs).toBeGreaterThan(0);
      expect(lifeMs).toBeLessThanOrEqual(90_000);
      clock.ms += 90_000;
      await store.set({ ...sampleFacts("t:a", facts), body: Uint8Array.of(2) });
      expect(await store.find("t:a")).toBeUndefined();
    });

    it("keeps hits, times of use and marks of answers that are there, and makes none of them", async () => {
      const store = await open(server);
      onTestFinished(() => store.close());
      const row = rowOf("t:a", Uint8Array.of(7));
      await store.set(row);
      await store.noteUses([
        { ...row, hits: 4, lastUsedMs: 1_700_000_000_999 },
        { ...row, key: "t:gone", hits: 1 },
      ]);
      await store.markPruned(["t:a", "t:gone"], 1_700_000_001_000);
      const marked = { key: "t:a", hits: 4, lastUsedMs: 1_700_000_000_999, prunedAtMs: 1_700_000_001_000 };
      expect(await keysOf(store)).toEqual([expect.objectContaining(marked)]);
      expect(await store.find("t:a")).toMatchObject({ ...marked, body: Uint8Array.of(7) });
      expect(Number(await other.pTTL(`${PREFIX}t:a`))).toBeGreaterThan(0);
      await store.unmark(["t:a"]);
      expect((await store.find("t:a"))?.prunedAtMs).toBeUndefined();
      expect(await other.dbSize()).toBe(1);
    });

    it.each([
      ["cut short", (value: Buffer) => value.subarray(0, -1)],
      ["changed in its body", (value: Buffer) => Buffer.concat([value.subarray(0, -1), Buffer.of(99)])],
      [
        "changed in its facts",
        (value: Buffer) => Buffer.from(value.toString("latin1").replace("tiny", "huge"), "latin1"),
      ],
      ["cut in its head", (value: Buffer) => value.subarray(0, 20)],
      ["of another key", (value: Buffer) => value, "t:b"],
    ])("never gives back an answer that was %s", async (_what, change, key = "t:a") => {
      const errors: unknown[] = [];
      const store = await open(server, errors);
      onTestFinished(() => store.close());
      await store.set(rowOf("t:a", Uint8Array.of(1, 2, 3)));
      const value = (await other.get(`${PREFIX}t:a`)) as unknown as Buffer;
      await other.set(`${PREFIX}${key}`, change(value));
      await expect(store.find(key)).rejects.toThrow(UnavailableError);
      expect(await store.find(key)).toBeUndefined();
      expect(String(errors)).toContain("did not fit its checksum");
    });

    it("says so where the server has no room, and takes answers again when it has", async () => {
      const errors: unknown[] = [];
      const store = await open(server, errors);
      onTestFinished(async () => {
        await other.configSet("maxmemory", "0");
        await store.close();
      });
      await other.configSet("maxmemory", "1");
      await expect(store.set(rowOf("t:a", Uint8Array.of(1)))).rejects.toThrow(UnavailableError);
      expect(String(errors)).toContain("OOM");
      await store.delete("t:a");
      await other.configSet("maxmemory", "0");
      await store.set(rowOf("t:a", Uint8Array.of(1)));
      expect(await store.get("t:a")).toEqual(Uint8Array.of(1));
    });
  });

  describe("a Redis that is away", () => {
    it("is no reason not to start: calls fail, and it is found when it comes", async () => {
      await using server = await RedisServer.prepare();
      const store = await open(server);
      onTestFinished(() => store.close());
      const back = vi.fn();
      store.onBack(back);
      await expect(store.find("t:a")).rejects.toThrow(UnavailableError);
      await expect(store.set(rowOf("t:a", Uint8Array.of(1)))).rejects.toThrow(UnavailableError);
      await expect(keysOf(store)).rejects.toThrow();
      await server.run();
      await vi.waitFor(() => expect(back).toHaveBeenCalledOnce(), { timeout: PATIENT_MS });
      await store.set(rowOf("t:a", Uint8Array.of(1)));
      expect(await store.get("t:a")).toEqual(Uint8Array.of(1));
    });

    it("is found again after it was lost, and what was deleted meanwhile does not come back", async () => {
      await using server = await RedisServer.start("--appendonly", "yes", "--appendfsync", "always");
      const store = await open(server);
      onTestFinished(() => store.close());
      for (const key of ["t:a", "t:b"]) await store.set(rowOf(key, Uint8Array.of(1)));
      const back = vi.fn();
      store.onBack(back);
      await server.kill();
      await expect(store.find("t:a")).rejects.toThrow(UnavailableError);
      await expect(store.delete("t:a")).rejects.toThrow(UnavailableError);
      await server.run();
      await vi.waitFor(() => expect(back).toHaveBeenCalledOnce(), { timeout: PATIENT_MS });
      expect(await store.find("t:a")).toBeUndefined();
      expect((await keysOf(store)).map(({ key }) => key)).toEqual(["t:b"]);
    });

    it("costs a read its budget where it only hangs, however many wait for the same answer", async () => {
      await using server = await RedisServer.start();
      const errors: unknown[] = [];
      const store = await open(server, errors, { readBudgetMs: 30 });
      onTestFinished(() => store.close());
      server.signal("SIGSTOP");
      const reads = await Promise.allSettled(Array.from({ length: 50 }, () => store.find("t:a")));
      // One after the other they would each have waited for all before them.
      expect(reads.every(({ status }) => status === "rejected")).toBe(true);
      expect(String(errors.at(-1))).toContain("longer than 30 ms");
      server.signal("SIGCONT");
      await vi.waitFor(async () => expect(await store.find("t:a")).toBeUndefined(), { timeout: PATIENT_MS });
    });
  });
});

describe("retryAfterMs", () => {
  it("doubles up to a bound, half of it by chance", () => {
    const waits = Array.from({ length: 12 }, (_, retries) => [
      retryAfterMs(retries, () => 0),
      retryAfterMs(retries, () => 1),
    ]);
    expect(waits[0]).toEqual([25, 50]);
    expect(waits[3]).toEqual([200, 400]);
    expect(waits.slice(6)).toEqual(Array(6).fill([1000, 2000]));
    expect(retryAfterMs(1e6, () => 1)).toBe(2000);
  });
});
