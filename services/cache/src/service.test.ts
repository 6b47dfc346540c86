import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { equals } from "@bufbuild/protobuf";
import { CacheService, StoredAnswerSchema } from "@chimera/contracts/cache";
import { Health, HealthCheckResponse_ServingStatus } from "@chimera/contracts/health";
import { createLogger, readSettings, redacted } from "@chimera/lifecycle";
import { connectClient } from "@chimera/rpc";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it, onTestFinished } from "vitest";
import { fields } from "./config.ts";
import { createCache } from "./service.ts";
import { sampleAnswer, sampleInput, textOf } from "./test-data.ts";

/** A running cache and a gRPC client of it. NATS is away on purpose: nothing here may need it. */
async function start(env: Record<string, string> = {}) {
  const settings = { CACHE_PORT: "0", CHIMERA_NATS_URL: "nats://127.0.0.1:1", CACHE_DRAIN_MS: "1000", ...env };
  const service = await createCache(readSettings("cache", fields, settings), createLogger("cache", "silent"));
  const connection = connectClient(CacheService, `http://${service.address}`);
  const stop = async () => {
    connection.close();
    await service.drain();
    await service.dispose();
  };
  return { address: service.address, client: connection.client, stop };
}

async function storeAddress(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "chimera cache "));
  onTestFinished(() => rm(folder, { recursive: true }));
  return new URL(`sqlite://${join(folder, "answers.db")}`).href;
}

/** What the file says while no cache holds it. */
function hitsOnFile(address: string): unknown[] {
  const db = new DatabaseSync(decodeURIComponent(new URL(address).pathname), { readOnly: true });
  const rows = db.prepare("SELECT hits FROM answers").all();
  db.close();
  return rows.map((row) => row.hits);
}

describe("the cache service", () => {
  it("answers lookup, store and stats over gRPC, without NATS", async () => {
    const { client, stop } = await start();
    onTestFinished(stop);
    const input = sampleInput();
    const answer = sampleAnswer();
    const miss = await client.lookup({ input });
    expect([miss.answer, miss.reason, miss.keyPrefix]).toEqual([
      undefined,
      "not stored",
      expect.stringMatching(/^[0-9a-f]{16}$/),
    ]);
    expect(await client.store({ input, answer })).toMatchObject({ stored: true, reason: "" });
    const hit = await client.lookup({ input });
    expect(hit.answer && equals(StoredAnswerSchema, hit.answer, answer)).toBe(true);
    expect(hit.reason).toMatch(/^stored \d+ s ago$/);
    expect((await client.lookup({ input: sampleInput({ tenant: "globex" }) })).answer).toBeUndefined();
    expect(await client.stats({})).toMatchObject({
      entries: 1n,
      capacityBytes: 67_108_864n,
      hits: 1n,
      misses: 2n,
      stores: 1n,
      evictions: 0n,
      refusals: 0n,
      storeErrors: 0n,
      store: "memory",
      policy: "s3-fifo",
      shadows: ["s3-fifo", "lru", "sieve"].map((policy) => ({ policy, sampleShare: expect.any(Number) })),
      tenants: [{ tenant: "acme", entries: 1n, bytes: expect.any(BigInt), quotaBytes: 33_554_432n }],
    });
  });

  it("evicts by the policy, compares with those, and keeps to the quotas that its settings name", async () => {
    const { client, stop } = await start({
      CACHE_POLICY: "w-tinylfu",
      CACHE_SHADOW_POLICIES: "lru",
      CACHE_TENANT_QUOTAS: '{"*":{"share":1},"acme":{"bytes":1000000}}',
    });
    onTestFinished(stop);
    for (const tenant of ["acme", "globex"]) {
      await client.store({ input: sampleInput({ tenant }), answer: sampleAnswer() });
    }
    const { policy, shadows, tenants } = await client.stats({});
    expect([policy, ...shadows.map((shadow) => shadow.policy)]).toEqual(["w-tinylfu", "w-tinylfu", "lru"]);
    expect(new Map(tenants.map((use) => [use.tenant, use.quotaBytes]))).toEqual(
      new Map([
        ["acme", 1_000_000n],
        ["globex", undefined],
      ]),
    );
  });

  it("looks after its answers over gRPC: explains, prunes, undoes, invalidates, and tells how full it is", async () => {
    const { client, stop } = await start();
    onTestFinished(stop);
    for (const model of ["a", "b", "c"]) await client.store({ input: sampleInput({ model }), answer: sampleAnswer() });
    const { keyPrefix } = await client.lookup({ input: sampleInput({ model: "a" }) });
    const explained = await client.explain({ input: sampleInput({ model: "a" }) });
    expect(explained).toMatchObject({ keyPrefix, state: "resident", entry: { tenant: "acme", model: "a", hits: 1n } });
    expect(await client.explain({ keyPrefix: keyPrefix.slice(0, 8) })).toMatchObject({ keyPrefix, state: "resident" });
    expect(await client.explain({ keyPrefix: "00000000" })).toMatchObject({ state: "unknown", keyPrefix: "00000000" });
    const dry = await client.prune({ neverHit: true, dryRun: true });
    expect(dry).toMatchObject({ entries: 2n, pruneId: "" });
    const { pruneId, undoBytes } = await client.prune({ neverHit: true });
    expect(await client.stats({})).toMatchObject({ entries: 1n, undoBytes });
    expect(await client.undoPrune({ pruneId })).toMatchObject({ restored: 2n, lost: 0n });
    expect(await client.invalidate({ model: "b" })).toMatchObject({ entries: 1n });
    expect(await client.explain({ input: sampleInput({ model: "b" }) })).toMatchObject({ state: "invalidated" });
    expect(await client.saturation({})).toMatchObject({ risk: "low", lookups: 1n, tenants: [{ tenant: "acme" }] });
    const calls = [
      client.invalidate({}),
      client.explain({ keyPrefix: "ABC" }),
      client.undoPrune({ pruneId: "prune-1" }),
    ];
    const errors = (await Promise.allSettled(calls)).map((result) =>
      ConnectError.from(result.status === "rejected" ? result.reason : "no error"),
    );
    expect(errors.map(({ code }) => code)).toEqual([Code.InvalidArgument, Code.InvalidArgument, Code.NotFound]);
  });

  it("says why it did not keep an answer", async () => {
    const { client, stop } = await start();
    onTestFinished(stop);
    const answer = sampleAnswer();
    answer.deltas.shift();
    const refused = await client.store({ input: sampleInput(), answer });
    expect([refused.stored, refused.reason]).toEqual([false, "incomplete: delta 0 has seq 1"]);
  });

  it("refuses requests that name no tenant or no question, and says which field", async () => {
    const { client, stop } = await start();
    onTestFinished(stop);
    const answer = sampleAnswer();
    const calls = [
      client.lookup({}),
      client.lookup({ input: sampleInput({ tenant: "" }) }),
      client.store({ input: sampleInput({ messages: [] }), answer }),
      client.store({ input: sampleInput() }),
      client.store({ input: sampleInput(), answer: { ...answer, ttftMs: Number.NaN } }),
    ];
    const errors = (await Promise.allSettled(calls)).map((result) => {
      const error = ConnectError.from(result.status === "rejected" ? result.reason : "no error");
      return [error.code, error.rawMessage.split(":")[0]];
    });
    const invalid = Code.InvalidArgument;
    expect(errors).toEqual([
      [invalid, "input"],
      [invalid, "input.tenant"],
      [invalid, "input.messages"],
      [invalid, "answer"],
      [invalid, "answer.ttft_ms"],
    ]);
  });

  it("keeps a prompt as large as the door lets in, with its answer", async () => {
    const { client, stop } = await start();
    onTestFinished(stop);
    const input = sampleInput({ messages: [], prompt: "p".repeat(1_000_000) });
    const answer = sampleAnswer(["a".repeat(2_000_000)]);
    expect((await client.store({ input, answer })).stored).toBe(true);
    expect(textOf((await client.lookup({ input })).answer)?.length).toBe(2_000_000);
  });

  it("is healthy for probes", async () => {
    const { address, stop } = await start();
    onTestFinished(stop);
    const { client, close } = connectClient(Health, `http://${address}`);
    const { status } = await client.check({ service: CacheService.typeName });
    expect(status).toBe(HealthCheckResponse_ServingStatus.SERVING);
    close();
  });

  it("serves its answers again after a restart on a file, and only without one forgets them", async () => {
    const env = { CACHE_STORE: await storeAddress() };
    const before = await start(env);
    await before.client.store({ input: sampleInput(), answer: sampleAnswer() });
    await before.client.lookup({ input: sampleInput() });
    const figures = await before.client.stats({});
    await before.stop();
    expect(hitsOnFile(env.CACHE_STORE)).toEqual([1]);
    const after = await start(env);
    onTestFinished(after.stop);
    expect(textOf((await after.client.lookup({ input: sampleInput() })).answer)).toBe("All is well.");
    const { entries, bytes, store } = await after.client.stats({});
    expect([entries, bytes, store]).toEqual([figures.entries, figures.bytes, "sqlite"]);
  });

  it("does not start on a file that another cache holds", async () => {
    const env = { CACHE_STORE: await storeAddress() };
    const first = await start(env);
    onTestFinished(first.stop);
    await expect(start(env)).rejects.toThrow("Stop what else uses it");
  });

  it("frees its file where the port is taken, so that the next start can have it", async () => {
    const other = await start();
    onTestFinished(other.stop);
    const env = { CACHE_STORE: await storeAddress() };
    const port = other.address.split(":").at(-1) ?? "";
    await expect(start({ ...env, CACHE_PORT: port })).rejects.toThrow("EADDRINUSE");
    await (await start(env)).stop();
  });
});

describe("the settings", () => {
  it.each(["redis:localhost", "redis://", "redis://:6379/0", "sqlite://relative.db", "Memory", "sqlite:///"])(
    "refuse %s as a store",
    (address) => {
      expect(() => readSettings("cache", fields, { CACHE_STORE: address })).toThrow(
        /CACHE_STORE.*sqlite:\/\/\/absolute/,
      );
    },
  );

  it.each(["redis://localhost", "redis://127.0.0.1:6379/3", "rediss://cache:secret@redis.example:6380"])(
    "take %s",
    (address) => {
      const settings = readSettings("cache", fields, { CACHE_STORE: address });
      expect(settings.store).toBe(address);
      expect(JSON.stringify(redacted(fields, settings))).not.toContain("secret");
    },
  );
});
