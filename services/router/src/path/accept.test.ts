import { create } from "@bufbuild/protobuf";
import { GenerateRequestSchema } from "@chimera/contracts/router";
import { InvalidRequestError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { Context } from "../context.ts";
import { accept } from "./accept.ts";

const context = { newId: () => "id", replicas: { model: () => ({ id: "m" }) } } as unknown as Context;

function fieldsOf(tags: string[]): string[] {
  const request = create(GenerateRequestSchema, { prompt: "p", cacheControl: { ttlS: 0, staleS: 5, tags } });
  try {
    accept(context, request);
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.violations.map(({ field }) => field);
    throw error;
  }
  return [];
}

describe("cache_control", () => {
  it("takes tags as the cache does", () => {
    expect(fieldsOf([])).toEqual([]);
    expect(fieldsOf(["doc:7", "release/3.1", "a_b-c", "x".repeat(64)])).toEqual([]);
  });

  it("is refused by name where a tag is none, before anything is generated", () => {
    expect(fieldsOf(["ok", "", "two words", "ü", "x".repeat(65), "a\nb"])).toEqual(
      [1, 2, 3, 4, 5].map((at) => `cache_control.tags[${at}]`),
    );
    expect(fieldsOf(Array.from({ length: 9 }, (_, i) => `t${i}`))).toEqual(["cache_control.tags"]);
  });
});
