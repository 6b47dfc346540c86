import { InvalidRequestError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { Sampling } from "./engine.ts";
import { resolveSampling, samplingViolations } from "./sampling.ts";

const defaults: Sampling = {
  temperature: 0.7,
  topP: 0.9,
  topK: 40,
  minP: 0.05,
  repetitionPenalty: 1.1,
  seed: undefined,
  maxTokens: 10,
  stop: ["\n"],
};

describe("samplingViolations", () => {
  it.each<[Partial<Sampling>, Partial<Sampling>, string]>([
    [{ temperature: 0 }, { temperature: 2.0001 }, "sampling.temperature"],
    [{ temperature: 2 }, { temperature: Number.POSITIVE_INFINITY }, "sampling.temperature"],
    [{ topP: 1e-9 }, { topP: 0 }, "sampling.top_p"],
    [{ topP: 1 }, { topP: 1.01 }, "sampling.top_p"],
    [{ topK: 0 }, { topK: -1 }, "sampling.top_k"],
    [{ minP: 0 }, { minP: -0.01 }, "sampling.min_p"],
    [{ minP: 1 }, { minP: 1.01 }, "sampling.min_p"],
    [{ repetitionPenalty: 0.5 }, { repetitionPenalty: 0.49 }, "sampling.repetition_penalty"],
    [{ repetitionPenalty: 2 }, { repetitionPenalty: 2.01 }, "sampling.repetition_penalty"],
    [{ seed: 2 ** 32 - 1 }, { seed: 2 ** 32 }, "sampling.seed"],
    [{ maxTokens: 1 }, { maxTokens: 0 }, "sampling.max_tokens"],
    [{ stop: Array(8).fill("x") }, { stop: Array(9).fill("x") }, "sampling.stop"],
    [{ stop: ["😀".repeat(64)] }, { stop: ["ok", "x".repeat(65)] }, "sampling.stop[1]"],
  ])("accepts %j and refuses %j", (inside, outside, field) => {
    expect(samplingViolations(inside)).toEqual([]);
    expect(samplingViolations(outside).map((violation) => violation.field)).toEqual([field]);
  });

  it("names every value that is wrong", () => {
    const fields = samplingViolations({ temperature: 3, topP: Number.NaN, stop: [""] }).map(({ field }) => field);
    expect(fields).toEqual(["sampling.temperature", "sampling.top_p", "sampling.stop[0]"]);
  });
});

describe("resolveSampling", () => {
  it("takes the model's default for what is unset, and keeps a zero that was set", () => {
    expect(resolveSampling({}, defaults)).toEqual(defaults);
    const asked = resolveSampling({ temperature: 0, topK: 0, minP: 0, seed: 0 }, defaults);
    expect(asked).toEqual({ ...defaults, temperature: 0, topK: 0, minP: 0, seed: 0 });
  });

  it("throws for a value out of range", () => {
    expect(() => resolveSampling({ temperature: 9 }, defaults)).toThrow(InvalidRequestError);
  });
});
