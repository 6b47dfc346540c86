import { FailedPreconditionError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { Sampling } from "../engine.ts";
import { replayOf } from "./replay.ts";

const tokens = Array.from({ length: 40 }, (_, index) => index);
const sampling = (values: Partial<Sampling>): Sampling => ({
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  seed: undefined,
  maxTokens: 100,
  stop: [],
  ...values,
});
const grammar = { kind: "gbnf", text: 'root ::= "a"' } as const;

describe("an answer that began elsewhere", () => {
  it.each<[string, Partial<Sampling>, boolean, boolean | undefined]>([
    ["greedy", {}, true, undefined],
    ["greedy with a seed that does nothing", { seed: 1 }, true, undefined],
    ["sampled without a seed", { temperature: 1 }, true, undefined],
    ["sampled with a seed, its tokens unknown", { temperature: 1, seed: 1 }, false, undefined],
    ["sampled with a seed", { temperature: 1, seed: 1 }, true, false],
    ["after a grammar with a seed", { temperature: 1, seed: 1, grammar }, true, false],
    ["after a grammar, greedy", { grammar }, true, true],
    ["after a grammar without a seed", { temperature: 1, grammar }, true, true],
    ["after a grammar, its tokens unknown", { temperature: 1, seed: 1, grammar }, false, true],
  ])("is continued, or drawn again by chance or by force: %s", (_name, values, areDrawn, isForced) => {
    expect(replayOf(sampling(values), tokens, areDrawn)?.isForced).toBe(isForced);
  });

  it("may stray where a draw turned on rounding, not where another answer is drawn", () => {
    const replay = replayOf(sampling({ temperature: 1, seed: 1 }), tokens, true);
    replay?.accept(900);
    expect([replay?.drawn, replay?.next]).toEqual([1, 1]);
    replay?.accept(900);
    expect(() => replay?.accept(900)).toThrow(FailedPreconditionError);
  });

  it("may not stray under a grammar, which would be elsewhere then", () => {
    const replay = replayOf(sampling({ temperature: 1, seed: 1, grammar }), tokens, true);
    expect(() => replay?.accept(900)).toThrow(FailedPreconditionError);
  });
});
