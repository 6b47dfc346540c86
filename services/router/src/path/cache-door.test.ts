import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CacheKeyInputSchema,
  EndFlightRequestSchema,
  LookupRequestSchema,
  LookupResponseSchema,
  StoredAnswerSchema,
  StoreRequestSchema,
} from "@chimera/contracts/cache";
import { CacheControlSchema } from "@chimera/contracts/common";
import { describe, expect, it } from "vitest";
import { type CacheDoorOptions, cacheDoor } from "./cache-door.ts";

const input = toBinary(CacheKeyInputSchema, create(CacheKeyInputSchema, { tenant: "acme", prompt: "hi" }));
const control = create(CacheControlSchema, { ttlS: 60, tags: ["doc:7"] });
const answer = toBinary(StoredAnswerSchema, create(StoredAnswerSchema, { ttftMs: 3 }));
const patient = { signal: new AbortController().signal };

type Unary = CacheDoorOptions["channel"]["unary"];

function door(unary: Unary) {
  const clock = { ms: 0 };
  const failures: string[] = [];
  const made = cacheDoor({
    channel: { unary },
    budgetMs: 20,
    monotonicMs: () => clock.ms,
    onFailure: (_error, during) => void failures.push(during),
  });
  return { door: made, clock, failures };
}

describe("cacheDoor", () => {
  it("asks in the cache's own words and passes on what it says", async () => {
    const asked: Uint8Array[] = [];
    const { door: cache } = door(async (_path, request) => {
      asked.push(request);
      const found = create(LookupResponseSchema, {
        answer: fromBinary(StoredAnswerSchema, answer),
        reason: "stored 1 s ago",
        keyPrefix: "ab",
      });
      return Buffer.from(toBinary(LookupResponseSchema, found));
    });
    const found = await cache.lookup(input, patient);
    expect(found.reason).toBe("stored 1 s ago");
    expect(Buffer.from(found.answer ?? []).equals(answer)).toBe(true);
    await cache.store(input, answer, { control: toBinary(CacheControlSchema, control), ageMs: 12.5 });
    const [lookup, store] = asked;
    expect(fromBinary(LookupRequestSchema, lookup ?? new Uint8Array()).input?.prompt).toBe("hi");
    expect(fromBinary(StoreRequestSchema, store ?? new Uint8Array())).toMatchObject({
      input: { tenant: "acme" },
      answer: { ttftMs: 3 },
      control: { ttlS: 60, tags: ["doc:7"] },
      ageMs: 12.5,
    });
  });

  it("tells of its own flight, hears of another's, and gives its own up", async () => {
    const asked: Uint8Array[] = [];
    const running = { url: "http://b:1", id: "b1" };
    const { door: cache } = door(async (path, request) => {
      asked.push(request);
      if (path.endsWith("EndFlight")) return Buffer.alloc(0);
      const said = create(LookupResponseSchema, { reason: "not stored", keyPrefix: "ab12", isStale: true, running });
      return Buffer.from(toBinary(LookupResponseSchema, said));
    });
    const flight = { url: "http://a:1", id: "a1", replaces: "b0" };
    expect(await cache.lookup(input, { ...patient, flight })).toEqual({
      ...{ answer: undefined, reason: "not stored", keyPrefix: "ab12", isStale: true, running },
    });
    await cache.endFlight("a1");
    const [lookup = new Uint8Array(), end = new Uint8Array()] = asked;
    expect(fromBinary(LookupRequestSchema, lookup)).toMatchObject({ input: { prompt: "hi" }, flight });
    expect(fromBinary(EndFlightRequestSchema, end)).toMatchObject({ flightId: "a1" });
  });

  it("makes a miss of a cache that does not answer within the budget", async () => {
    const { door: cache, failures } = door(
      (_path, _request, { signal } = {}) =>
        new Promise<never>((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason))),
    );
    expect(await cache.lookup(input, patient)).toMatchObject({ answer: undefined, reason: "no answer within 20 ms" });
    expect(failures).toEqual(["lookup"]);
  });

  it("leaves a cache alone for a while after three failures in a row, then asks again", async () => {
    let calls = 0;
    const { door: cache, clock } = door(async () => {
      calls += 1;
      throw new Error("refused");
    });
    for (let i = 0; i < 10; i++) {
      expect(await cache.lookup(input, patient)).toMatchObject({ answer: undefined, reason: "cache unavailable" });
    }
    expect(calls).toBe(3);
    clock.ms += 501;
    await cache.lookup(input, patient);
    expect(calls).toBe(4);
  });

  it("never fails a request because storing failed", async () => {
    const { door: cache, failures } = door(() => Promise.reject(new Error("full")));
    await cache.store(input, answer, { ageMs: 0 });
    expect(failures).toEqual(["store"]);
  });
});
