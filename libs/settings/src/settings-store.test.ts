import { InvalidRequestError, NotFoundError, systemClock, UnavailableError } from "@chimera/kernel";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SettingsChange, SettingsConflictError, SettingsStore } from "./settings-store.ts";
import { MemoryBucket } from "./testing/memory-bucket.ts";

const note = { changedBy: "test", reason: "to see" };

function opened(history?: number) {
  const bucket = new MemoryBucket(history);
  return { bucket, store: new SettingsStore(bucket, systemClock) };
}

async function fieldsOf(change: Partial<SettingsChange>): Promise<string[]> {
  const { store, bucket } = opened();
  try {
    await store.put(0, { ...note, ...change });
    return [];
  } catch (error) {
    expect(bucket.entries).toEqual([]);
    if (error instanceof InvalidRequestError) return error.violations.map(({ field }) => field);
    throw error;
  }
}

describe("put", () => {
  it("counts versions from 1, and keeps a part that a change leaves out", async () => {
    const { store } = opened();
    expect(await store.get()).toMatchObject({ version: 0 });
    await store.put(0, { ...note, router: { maxQueued: 7, policy: "round-robin" } });
    await store.put(1, { ...note, cache: { policy: "lru" }, predictionId: "p1" });
    const now = await store.get();
    expect(now).toMatchObject({ version: 2, predictionId: "p1", changedBy: "test", reason: "to see" });
    expect([now.router?.maxQueued, now.cache?.policy, now.inference]).toEqual([7, "lru", undefined]);
    await store.put(2, { ...note, router: { maxQueued: 9 } });
    expect((await store.get()).router).toMatchObject({ maxQueued: 9 });
    expect((await store.get()).router?.policy).toBeUndefined();
  });

  it("refuses a change that was decided on another version, and says which one is in force", async () => {
    const { store } = opened();
    await store.put(0, { ...note, inference: { slots: 2 } });
    const late = store.put(0, { ...note, inference: { slots: 3 } });
    await expect(late).rejects.toBeInstanceOf(SettingsConflictError);
    await expect(late).rejects.toMatchObject({ expectedVersion: 0, currentVersion: 1, kind: "failed-precondition" });
    expect((await store.get()).inference?.slots).toBe(2);
  });

  it("loses no change of writers that race, and skips no version", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 6 }), async (scheduler, changes) => {
        const { bucket, store } = opened();
        bucket.delay = () => scheduler.schedule(Promise.resolve());
        const writers = ["a", "b"].map((name) => addTo(store, name, changes));
        await scheduler.waitFor(Promise.all(writers));
        bucket.delay = async () => undefined;
        const history = await store.history();
        expect(history.map(({ version }) => version)).toEqual(history.map((_, index) => index + 1));
        // Each change counts one up on what it saw: a lost one would be missing in the sum.
        expect((await store.get()).router?.maxQueued).toBe(2 * changes);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it("says by field what is out of range, and writes nothing then", async () => {
    expect(await fieldsOf({ router: { maxQueued: 100_000, batchWeight: 1, maxWaitMs: 1 } })).toEqual([]);
    expect(await fieldsOf({ router: { policy: "fastest", maxQueued: 100_001, batchWeight: 0, maxWaitMs: 0 } })).toEqual(
      ["router.policy", "router.max_queued", "router.batch_weight", "router.max_wait_ms"],
    );
    expect(await fieldsOf({ cache: { policy: "fifo", capacityBytes: 1n, ttlS: 0, staleS: 31_536_001 } })).toEqual([
      "cache.policy",
      "cache.capacity_bytes",
      "cache.ttl_s",
      "cache.stale_s",
    ]);
    expect(await fieldsOf({ inference: { slots: 0, maxQueued: 65_537 } })).toEqual([
      "inference.slots",
      "inference.max_queued",
    ]);
    const defaultSampling = { temperature: 2.1, topP: 0, maxTokens: 0, stop: [""] };
    expect(await fieldsOf({ router: { defaultSampling } })).toEqual([
      "router.default_sampling.temperature",
      "router.default_sampling.top_p",
      "router.default_sampling.max_tokens",
      "router.default_sampling.stop[0]",
    ]);
    expect(await fieldsOf({ changedBy: "", reason: "" })).toEqual(["changed_by", "reason"]);
  });

  it("takes arms with names of their own, whose shares are no more than all there is", async () => {
    const third = { share: 1 / 3 };
    const named = (...names: string[]) => ({ router: { arms: names.map((name) => ({ name, ...third })) } });
    expect(await fieldsOf(named("a", "b", "c"))).toEqual([]);
    expect(await fieldsOf(named("a", "b", "c", "d"))).toEqual(["router.arms"]);
    expect(await fieldsOf(named("a", "a"))).toEqual(["router.arms"]);
    expect(await fieldsOf({ router: { arms: [{ name: "A b", share: 0, defaultSampling: { minP: 2 } }] } })).toEqual([
      "router.arms[0].name",
      "router.arms[0].share",
      "router.arms[0].default_sampling.min_p",
    ]);
  });
});

describe("rollbackTo", () => {
  it("makes a new version of an old one's content, also of what was unset there", async () => {
    const { store } = opened();
    await store.put(0, { ...note, cache: { policy: "lru" } });
    await store.put(1, { ...note, cache: { policy: "sieve", ttlS: 5 }, inference: { slots: 2 } });
    const back = await store.rollbackTo(1, note);
    expect(back).toMatchObject({ version: 3, cache: { policy: "lru" } });
    expect([back.cache?.ttlS, back.inference?.slots]).toEqual([undefined, undefined]);
    expect((await store.rollbackTo(0, note)).cache?.policy).toBeUndefined();
    expect((await store.history()).map(({ version }) => version)).toEqual([1, 2, 3, 4]);
  });

  it("does not undo what somebody else has changed since", async () => {
    const { store } = opened();
    await store.put(0, { ...note, cache: { policy: "lru" } });
    await store.put(1, { ...note, inference: { slots: 2 } });
    await expect(store.rollbackTo(0, { ...note, expectedVersion: 1 })).rejects.toBeInstanceOf(SettingsConflictError);
  });

  it("says which versions are kept where one is not", async () => {
    const { store } = opened(2);
    for (let version = 0; version < 4; version += 1) await store.put(version, { ...note, inference: { slots: 1 } });
    await expect(store.rollbackTo(2, note)).rejects.toThrow(/3 to 4 are kept/);
    await expect(store.rollbackTo(9, note)).rejects.toBeInstanceOf(NotFoundError);
  });
});

it("says that it is unavailable without NATS", async () => {
  const { store, bucket } = opened();
  bucket.isAway = true;
  await expect(store.get()).rejects.toBeInstanceOf(UnavailableError);
});

/** Adds one to a setting, `times` times, and tries again after every conflict. */
async function addTo(store: SettingsStore, name: string, times: number): Promise<void> {
  for (let added = 0; added < times; ) {
    const { version, router } = await store.get();
    try {
      await store.put(version, {
        changedBy: name,
        reason: "race",
        router: { maxQueued: (router?.maxQueued ?? 0) + 1 },
      });
      added += 1;
    } catch (error) {
      if (!(error instanceof SettingsConflictError)) throw error;
    }
  }
}
