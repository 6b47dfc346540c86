import { create } from "@bufbuild/protobuf";
import { type Settings, SettingsSchema } from "@chimera/contracts/settings";
import { SettingsStore } from "@chimera/settings";
import { beforeEach, describe, expect, it } from "vitest";
import { START_MS } from "../testing/events.ts";
import { Roster } from "./roster.ts";
import { SettingsAct } from "./settings-act.ts";
import { patchOf } from "./settings-patch.ts";

const note = { predictionId: "p-1", by: "insight", reason: "being tried" };
const person = { changedBy: "a person", reason: "by hand" };
const patch = patchOf({ cache: { policy: "lru", capacityBytes: 2_000_000 } });

let nowMs: number;
let store: SettingsStore;
let roster: Roster;
let act: SettingsAct;
/** What the services do with a version; undefined where they are silent. */
let answer: ((settings: Settings) => string) | undefined;

beforeEach(() => {
  nowMs = START_MS;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  store = new SettingsStore(bucketInMemory(), clock);
  roster = new Roster(clock);
  for (const service of ["router", "cache"]) roster.heard(service, { replica: "a", version: 0, atMs: nowMs });
  answer = () => "";
  const sleep = async (ms: number) => {
    nowMs += ms;
    const settings = await store.get();
    if (answer === undefined || settings.version === 0) return;
    const reason = answer(settings);
    roster.answered(applied("cache", settings.version, reason), nowMs);
    roster.answered(applied("router", settings.version, ""), nowMs);
  };
  act = new SettingsAct({ store, roster, clock, sleep });
});

function applied(service: string, version: number, reason: string) {
  return {
    $typeName: "chimera.events.v1.SettingsApplied" as const,
    service,
    replica: "a",
    version,
    applied: reason === "",
    reason,
  };
}

function bucketInMemory(): ConstructorParameters<typeof SettingsStore>[0] {
  const entries: { value: Uint8Array; revision: number }[] = [];
  return {
    get: async () => entries.at(-1),
    history: async () => entries,
    put: async (_, value, revision) => {
      if (revision !== entries.length) return undefined;
      return entries.push({ value, revision: entries.length + 1 });
    },
    watch: () => ({ stop: async () => undefined }),
  };
}

describe("apply", () => {
  it("is over when every service has said so, and writes nothing a second time", async () => {
    const undo = await act.undoOf(patch);
    expect(await act.apply(undo, note)).toBe(1);
    expect(await act.apply(undo, note)).toBe(1);
    expect(await store.get()).toMatchObject({
      version: 1,
      predictionId: "p-1",
      cache: { policy: "lru", capacityBytes: 2_000_000n },
    });
  });

  it("fails with what a service says against it", async () => {
    answer = () => "cache.capacity_bytes: is above what is there";
    await expect(act.apply(await act.undoOf(patch), note)).rejects.toThrow("refused by cache/a: cache.capacity_bytes");
  });

  it("fails where a service that is there stays silent", async () => {
    answer = undefined;
    await expect(act.apply(await act.undoOf(patch), note)).rejects.toThrow(
      "not confirmed within 10000 ms by router/a, cache/a",
    );
  });

  it("does not write over what somebody else has changed since", async () => {
    const undo = await act.undoOf(patch);
    await store.put(0, { ...person, cache: { policy: "sieve" } });
    await expect(act.apply(undo, note)).rejects.toThrow("a person changed the settings meanwhile");
    expect((await store.get()).cache?.policy).toBe("sieve");
  });
});

describe("undo", () => {
  it("puts back exactly what was there, also what was unset", async () => {
    await store.put(0, { ...person, cache: { policy: "s3-fifo", ttlS: 60 } });
    const undo = await act.undoOf(patch);
    await act.apply(undo, note);
    expect(await act.undo(undo, note)).toBe(3);
    const { cache } = await store.get();
    expect(cache).toEqual(create(SettingsSchema, { cache: { policy: "s3-fifo", ttlS: 60 } }).cache);
    expect(await act.undo(undo, note)).toBe(3);
  });

  it("leaves alone what somebody else has set meanwhile", async () => {
    const undo = await act.undoOf(patch);
    await act.apply(undo, note);
    await store.put(1, { ...person, cache: { policy: "sieve", capacityBytes: 2_000_000n } });
    await act.undo(undo, note);
    const { cache } = await store.get();
    expect([cache?.policy, cache?.capacityBytes]).toEqual(["sieve", undefined]);
  });

  it("does not wait for ever for a service that died", async () => {
    const undo = await act.undoOf(patch);
    await act.apply(undo, note);
    answer = undefined;
    expect(await act.undo(undo, note)).toBe(2);
  });
});
