// What every byte store must do, whatever keeps the bytes.
import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { rowOf } from "../test-data.ts";
import type { ByteStore } from "./store.ts";

export function storeSuite(openStore: () => Promise<ByteStore>): void {
  const withStore = async (run: (store: ByteStore) => Promise<void>) => {
    const store = await openStore();
    try {
      await run(store);
    } finally {
      await store.close();
    }
  };

  describe("as any byte store", () => {
    it("has nothing that was not stored", () =>
      withStore(async (store) => {
        expect(await store.get("t:none")).toBeUndefined();
        await store.delete("t:none");
      }));

    it("gives back every byte, the empty body and a large one included", () =>
      withStore(async (store) => {
        const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
        const large = new Uint8Array(300_000).fill(7);
        for (const [key, body] of [
          ["t:all", all],
          ["t:none", new Uint8Array()],
          ["t:large", large],
        ] as const) {
          await store.set(rowOf(key, body));
          expect(Buffer.compare((await store.get(key)) ?? Buffer.from("?"), body)).toBe(0);
        }
      }));

    it("replaces and deletes", () =>
      withStore(async (store) => {
        await store.set(rowOf("t:a", Uint8Array.of(1)));
        await store.set(rowOf("t:a", Uint8Array.of(2, 3)));
        expect(await store.get("t:a")).toEqual(Uint8Array.of(2, 3));
        await store.delete("t:a");
        expect(await store.get("t:a")).toBeUndefined();
      }));

    it("keeps keys apart that differ in case only", () =>
      withStore(async (store) => {
        await store.set(rowOf("A:x", Uint8Array.of(1)));
        await store.set(rowOf("a:x", Uint8Array.of(2)));
        expect([await store.get("A:x"), await store.get("a:x")]).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
      }));

    it("does calls on one key in the order they were made, also without waiting in between", () =>
      withStore(async (store) => {
        const first = store.set(rowOf("t:a", Uint8Array.of(1)));
        const removed = store.delete("t:a");
        const none = store.get("t:a");
        const second = store.set(rowOf("t:a", Uint8Array.of(2)));
        const found = store.get("t:a");
        await Promise.all([first, removed, second]);
        expect([await none, await found]).toEqual([undefined, Uint8Array.of(2)]);
      }));

    it("agrees with a Map over random calls", () =>
      withStore(async (store) => {
        const random = seededRandom(11);
        const model = new Map<string, Uint8Array>();
        for (let step = 0; step < 500; step += 1) {
          const key = `t:${Math.floor(random() * 20)}`;
          const choice = random();
          if (choice < 0.4) {
            const body = Uint8Array.from({ length: Math.floor(random() * 50) }, () => Math.floor(random() * 256));
            model.set(key, body);
            await store.set(rowOf(key, body));
          } else if (choice < 0.6) {
            model.delete(key);
            await store.delete(key);
          } else expect(await store.get(key)).toEqual(model.get(key));
        }
      }));
  });
}
