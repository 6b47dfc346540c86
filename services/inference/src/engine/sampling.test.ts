import { InvalidRequestError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { Grammar, Sampling } from "./engine.ts";
import { refuseGrammar, resolveSampling, samplingViolations } from "./sampling.ts";

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

const gbnf = (text: string): Grammar => ({ kind: "gbnf", text });
const schema = (text: string): Grammar => ({ kind: "json-schema", text });

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
    [{ grammar: gbnf("é".repeat(8192)) }, { grammar: gbnf("é".repeat(8193)) }, "sampling.grammar"],
    [{ grammar: schema("{}") }, { grammar: schema(" ") }, "sampling.json_schema"],
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

  it("leaves the model's own stop texts out where a grammar says how the answer ends", () => {
    const grammar = gbnf('root ::= "a\\n"');
    expect(resolveSampling({ grammar }, defaults)).toEqual({ ...defaults, grammar, stop: [] });
    expect(resolveSampling({ grammar, stop: ["x"] }, defaults).stop).toEqual(["x"]);
  });

  it("throws for a value out of range", () => {
    expect(() => resolveSampling({ temperature: 9 }, defaults)).toThrow(InvalidRequestError);
  });
});

describe("refuseGrammar", () => {
  it("names the field that an engine can not follow, and lets pass what it can", () => {
    const refuse = (grammar: Grammar | undefined) => () => refuseGrammar(grammar, ["json-schema"], "openai");
    expect(refuse(undefined)).not.toThrow();
    expect(refuse(schema("{}"))).not.toThrow();
    expect(refuse(gbnf("x"))).toThrow(/sampling\.grammar.*openai engine/);
  });
});
