import { CachePolicy } from "@chimera/contracts/common";
import { NotFoundError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { NotStoredError } from "../path/cache-lookup.ts";
import { headersOf } from "./answer.ts";
import { cacheWishes } from "./cache-headers.ts";
import { toHttpError } from "./errors.ts";

const wishes = (control?: string, tags?: string) =>
  cacheWishes((name) => (name === "cache-control" ? control : name === "x-chimera-cache-tags" ? tags : undefined));

describe("cache-control of an OpenAI client", () => {
  it.each([
    [undefined, CachePolicy.UNSPECIFIED],
    ["", CachePolicy.UNSPECIFIED],
    ["no-store", CachePolicy.BYPASS],
    ["No-Cache", CachePolicy.REFRESH],
    ["max-age=0", CachePolicy.REFRESH],
    ["only-if-cached", CachePolicy.ONLY_IF_CACHED],
    ["no-cache, no-store", CachePolicy.BYPASS],
    ["max-stale=5, private, constructor", CachePolicy.UNSPECIFIED],
  ])("%j asks for policy %i", (control, policy) => {
    expect(wishes(control)).toEqual({ cachePolicy: policy });
  });

  it("says how long a new answer is kept, and its tags", () => {
    expect(wishes('max-age=60, stale-while-revalidate="30"', "doc:7, release/3 ,").cacheControl).toMatchObject({
      ttlS: 60,
      staleS: 30,
      tags: ["doc:7", "release/3"],
    });
    expect(wishes("stale-while-revalidate=0").cacheControl).toMatchObject({ staleS: 0 });
  });

  it("ignores values that are no number of seconds", () => {
    for (const control of ["max-age", "max-age=-1", "max-age=1.5", "max-age=soon", "max-age=99999999999"]) {
      expect(wishes(control)).toEqual({ cachePolicy: CachePolicy.UNSPECIFIED });
    }
  });
});

it("tells a client that there is no stored answer as a cache does, and apart from a model that is unknown", () => {
  const errorOf = (error: unknown) => toHttpError(error, () => undefined);
  expect(errorOf(new NotStoredError("not stored"))).toMatchObject({
    status: 504,
    body: { error: { message: "not stored", code: "not_stored" } },
  });
  expect(errorOf(new NotFoundError("no such model", "model")).status).toBe(404);
});

it("names what was stale and what was read along in the answer's headers", () => {
  const cacheOf = (status: number) =>
    headersOf({ requestId: "r", servedBy: "s", traceId: "", queueMs: 0, cache: { status, reason: "" } } as never);
  expect([4, 5, 1].map((status) => cacheOf(status)["x-chimera-cache"])).toEqual(["stale", "joined", "hit"]);
});
