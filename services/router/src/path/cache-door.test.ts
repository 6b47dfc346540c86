import { create } from "@bufbuild/protobuf";
import { CacheKeyInputSchema, StoredAnswerSchema } from "@chimera/contracts/cache";
import { describe, expect, it } from "vitest";
import { type CacheDoorOptions, cacheDoor } from "./cache-door.ts";

const input = create(CacheKeyInputSchema);
const answer = create(StoredAnswerSchema);
const patient = new AbortController().signal;

function door(client: Partial<CacheDoorOptions["client"]>) {
  const clock = { ms: 0 };
  const failures: string[] = [];
  const made = cacheDoor({
    client: client as CacheDoorOptions["client"],
    budgetMs: 20,
    monotonicMs: () => clock.ms,
    onFailure: (_error, during) => void failures.push(during),
  });
  return { door: made, clock, failures };
}

describe("cacheDoor", () => {
  it("passes on what the cache says", async () => {
    const { door: cache } = door({ lookup: async () => ({ answer, reason: "stored 1 s ago" }) as never });
    expect(await cache.lookup(input, patient)).toEqual({ answer, reason: "stored 1 s ago" });
  });

  it("makes a miss of a cache that does not answer within the budget", async () => {
    const never = (_: unknown, { signal }: { signal?: AbortSignal } = {}) =>
      new Promise<never>((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    const { door: cache, failures } = door({ lookup: never as never });
    expect(await cache.lookup(input, patient)).toEqual({ answer: undefined, reason: "no answer within 20 ms" });
    expect(failures).toEqual(["lookup"]);
  });

  it("leaves a cache alone for a while after three failures in a row, then asks again", async () => {
    let calls = 0;
    const { door: cache, clock } = door({
      lookup: (async () => {
        calls += 1;
        throw new Error("refused");
      }) as never,
    });
    for (let i = 0; i < 10; i++) {
      expect(await cache.lookup(input, patient)).toEqual({ answer: undefined, reason: "cache unavailable" });
    }
    expect(calls).toBe(3);
    clock.ms += 501;
    await cache.lookup(input, patient);
    expect(calls).toBe(4);
  });

  it("never fails a request because storing failed", async () => {
    const { door: cache, failures } = door({ store: (async () => Promise.reject(new Error("full"))) as never });
    await cache.store(input, answer);
    expect(failures).toEqual(["store"]);
  });
});
