import { UnavailableError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { rowOf } from "../test-data.ts";
import { KeyvStore } from "./keyv-store.ts";
import { openStore } from "./open-store.ts";
import { storeSuite } from "./store-suite.ts";

const row = rowOf("t:a", Uint8Array.of(1));

/** A store that a network took away, as keyv sees it. */
function brokenStore(errors: unknown[]): KeyvStore {
  const fail = async () => {
    throw new Error("connection refused");
  };
  const adapter = { get: fail, set: fail, delete: fail, clear: fail };
  return new KeyvStore({ kind: "memory", adapter, onError: (error) => errors.push(error) });
}

describe("KeyvStore in memory", () => {
  storeSuite(() =>
    openStore("memory", (error) => {
      throw error;
    }),
  );

  it("lets go of every deleted byte: the Map under it is bounded by the index alone", async () => {
    const map = new Map<string, unknown>();
    const store = new KeyvStore({ kind: "memory", adapter: map, onError: () => {} });
    for (let number = 0; number < 100; number += 1) {
      await store.set(rowOf(`t:${number}`, Uint8Array.of(number)));
      if (number >= 10) await store.delete(`t:${number - 10}`);
    }
    expect(map.size).toBe(10);
    await store.close();
  });

  it("leaves other users of a shared store alone", async () => {
    const map = new Map<string, unknown>([["t:a", { value: { value: row } }]]);
    const store = new KeyvStore({ kind: "memory", adapter: map, onError: () => {} });
    expect(await store.get("t:a")).toBeUndefined();
    await store.delete("t:a");
    expect(map.has("t:a")).toBe(true);
    await store.close();
  });
});

describe("KeyvStore over a store that is down", () => {
  it("says so for every call, though keyv answers like an empty store", async () => {
    const errors: unknown[] = [];
    const store = brokenStore(errors);
    await expect(store.get("t:a")).rejects.toThrow(UnavailableError);
    await expect(store.set(row)).rejects.toThrow(UnavailableError);
    await expect(store.delete("t:a")).rejects.toThrow(UnavailableError);
    expect(errors.map(String)).toEqual(Array(3).fill("Error: connection refused"));
  });

  it("blames the call that failed and no other one in flight", async () => {
    const map = new Map<string, unknown>();
    const adapter = {
      get: async (key: string) => {
        if (key.endsWith("bad")) throw new Error("connection reset");
        return map.get(key);
      },
      set: async (key: string, value: unknown) => map.set(key, value) !== undefined,
      delete: async (key: string) => map.delete(key),
      clear: async () => map.clear(),
    };
    const store = new KeyvStore({ kind: "memory", adapter, onError: () => {} });
    await store.set(row);
    const [good, bad, none] = await Promise.allSettled([store.get("t:a"), store.get("t:bad"), store.get("t:none")]);
    expect([good.status, bad.status, none.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(good.status === "fulfilled" && good.value).toEqual(row.body);
  });

  it("throws where the store refuses a write without an error", async () => {
    const adapter = {
      get: async () => undefined,
      set: async () => false,
      delete: async () => true,
      clear: async () => {},
    };
    const store = new KeyvStore({ kind: "memory", adapter, onError: () => {} });
    await expect(store.set(row)).rejects.toThrow("did not take");
  });

  it("fails at once, not later, where too many calls wait", async () => {
    const never = () => new Promise<undefined>(() => {});
    const adapter = { get: never, set: never, delete: never, clear: never };
    const store = new KeyvStore({ kind: "memory", adapter, onError: () => {} });
    for (let number = 0; number < 4096; number += 1) void store.get(`t:${number}`);
    await expect(store.get("t:last")).rejects.toThrow("busy");
  });
});
