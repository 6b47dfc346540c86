import { create, toBinary } from "@bufbuild/protobuf";
import type { SettingsApplied } from "@chimera/contracts/events";
import { type Settings, SettingsSchema } from "@chimera/contracts/settings";
import type { ChimeraEvent } from "@chimera/events";
import { InvalidRequestError, systemClock } from "@chimera/kernel";
import { expect, it } from "vitest";
import { followSettings } from "./follow-settings.ts";
import { SettingsStore } from "./settings-store.ts";
import { MemoryBucket } from "./testing/memory-bucket.ts";

const note = { changedBy: "test", reason: "to see" };
const MAX_SLOTS = 4;

/** A service with four slots at most. */
function serviceOn(bucket: MemoryBucket) {
  const applied: number[] = [];
  const told: SettingsApplied[] = [];
  const ids = new Set<string>();
  const followed = followSettings({
    bus: {
      bucket: () => bucket,
      publish(event: ChimeraEvent, id: string) {
        if (event.kind === "settingsApplied") told.push(event.message);
        ids.add(id);
      },
    },
    ...{ service: "inference", replica: "one", clock: systemClock },
    logger: { info: () => undefined, warn: () => undefined },
    apply({ inference }: Settings) {
      const slots = inference?.slots ?? 1;
      if (slots > MAX_SLOTS) throw new InvalidRequestError([{ field: "slots", description: `${slots} is too many` }]);
      applied.push(slots);
    },
  });
  return { followed, applied, told, ids };
}

function opened() {
  const bucket = new MemoryBucket();
  return { bucket, store: new SettingsStore(bucket, systemClock) };
}

it("takes each version in order, and tells the mesh once of each", async () => {
  const { bucket, store } = opened();
  await store.put(0, { ...note, inference: { slots: 1 } });
  const { followed, applied, told, ids } = serviceOn(bucket);
  for (const slots of [2, 3]) await store.put(slots - 1, { ...note, inference: { slots } });
  await bucket.told;
  expect([applied, followed.version]).toEqual([[1, 2, 3], 3]);
  expect(told).toMatchObject(
    [1, 2, 3].map((version) => ({ service: "inference", replica: "one", version, applied: true })),
  );
  expect(ids.size).toBe(3);
});

it("goes on with the version in force where it can not take one, and says why", async () => {
  const { bucket, store } = opened();
  const { followed, applied, told } = serviceOn(bucket);
  await store.put(0, { ...note, inference: { slots: 2 } });
  await store.put(1, { ...note, inference: { slots: 5 } });
  await bucket.told;
  expect([applied, followed.version]).toEqual([[2], 1]);
  expect(told.at(-1)).toMatchObject({ version: 2, applied: false, reason: "slots: 5 is too many" });
  await store.rollbackTo(1, note);
  await bucket.told;
  expect([applied, followed.version]).toEqual([[2, 2], 3]);
});

it("does not apply again what an outage brings back, and takes the newest one after it", async () => {
  const { bucket, store } = opened();
  const { followed, applied, told } = serviceOn(bucket);
  await store.put(0, { ...note, inference: { slots: 2 } });
  bucket.tellAgain();
  await bucket.told;
  expect([applied, told.length]).toEqual([[2], 1]);
  bucket.isAway = true;
  expect(followed.version).toBe(1);
  bucket.isAway = false;
  await store.put(1, { ...note, inference: { slots: 3 } });
  bucket.tellAgain();
  await bucket.told;
  expect([applied, followed.version]).toEqual([[2, 3], 2]);
});

it("starts with the last version it can take", async () => {
  const { bucket, store } = opened();
  for (const slots of [2, 3, 9]) await store.put((await store.get()).version, { ...note, inference: { slots } });
  const { followed, applied } = serviceOn(bucket);
  await bucket.told;
  expect([applied, followed.version]).toEqual([[3], 2]);
});

it("says when a start has the version that was there, has none to wait for, or has waited long enough", async () => {
  const { bucket, store } = opened();
  const WITHOUT_END_MS = 2 ** 30;
  await serviceOn(bucket).followed.settled(WITHOUT_END_MS);
  await store.put(0, { ...note, inference: { slots: 2 } });
  const { followed } = serviceOn(bucket);
  await followed.settled(WITHOUT_END_MS);
  expect(followed.version).toBe(1);
  bucket.delay = () => new Promise<void>(() => undefined);
  await serviceOn(new MemoryBucket()).followed.settled(WITHOUT_END_MS);
  await serviceOn(bucket).followed.settled(1);
});

it("refuses what nobody checked before it was written", async () => {
  const { bucket } = opened();
  const { followed, told } = serviceOn(bucket);
  await bucket.put("", Uint8Array.from([255, 255]), 0);
  const wrong = create(SettingsSchema, { ...note, version: 1, cache: { policy: "fifo" } });
  await bucket.put("", toBinary(SettingsSchema, wrong), 1);
  await bucket.told;
  expect(followed.version).toBe(0);
  expect(told).toMatchObject([
    { version: 0, applied: false },
    { version: 1, applied: false, reason: expect.stringContaining("cache.policy") },
  ]);
});
