import { InvalidRequestError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { checkInput } from "./check-input.ts";
import { sampleInput } from "./test-data.ts";

function wrongFields(change: Parameters<typeof sampleInput>[0]): string[] {
  try {
    checkInput(sampleInput(change));
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.violations.map((violation) => violation.field);
    throw error;
  }
  return [];
}

describe("checkInput", () => {
  it("takes messages or a prompt", () => {
    expect(wrongFields({})).toEqual([]);
    expect(wrongFields({ messages: [], prompt: "Once upon" })).toEqual([]);
  });

  it("takes a model without a version", () => {
    expect(wrongFields({ modelVersion: "" })).toEqual([]);
  });

  it.each(["", "a:b", "-a", ".a", "a b", "ä", "a".repeat(64), "a\n"])("refuses the tenant %j", (tenant) => {
    expect(wrongFields({ tenant })).toEqual(["input.tenant"]);
  });

  it.each(["a", "A", "0", "team-1.eu_west", "a".repeat(63)])("takes the tenant %j", (tenant) => {
    expect(wrongFields({ tenant })).toEqual([]);
  });

  it("names every wrong field at once", () => {
    expect(wrongFields({ tenant: "", model: "", prompt: "x", sampling: { topP: Number.NaN } })).toEqual([
      "input.tenant",
      "input.model",
      "input.prompt",
      "input.sampling.top_p",
    ]);
    expect(wrongFields({ messages: [] })).toEqual(["input.messages"]);
  });

  it("refuses a missing input", () => {
    expect(() => checkInput(undefined)).toThrow(InvalidRequestError);
  });
});
