import { FailedPreconditionError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { DeltaPart } from "../engine.ts";
import { Answer, type AnswerOptions } from "./answer.ts";
import { byteDecoder } from "./token-decoder.ts";

/** Tokens that end inside a character, and inside a stop text. "é" is the bytes c3 a9. */
const BYTES = ["x", "y", "a\xc3", "\xa9b", "one EN", "D two", "EN", "\xc3", "\xa9"].map((text) =>
  Uint8Array.from(Buffer.from(text, "latin1")),
);
const END = 99;

function begin(options: Partial<AnswerOptions> = {}): Answer {
  return new Answer({
    prompt: [50, 51],
    maxTokens: 100,
    stop: ["END"],
    decoder: byteDecoder((token) => BYTES[token] ?? new Uint8Array(0)),
    isEnd: (token) => token === END,
    ...options,
  });
}

function feed(answer: Answer, tokens: readonly number[]): DeltaPart[] {
  const deltas: (DeltaPart | undefined)[] = [];
  for (const token of tokens) if (!answer.finishReason) deltas.push(answer.accept(token));
  return [...deltas, answer.end()].filter((delta) => delta !== undefined);
}

const textOf = (deltas: readonly DeltaPart[]) => deltas.map(({ text }) => text).join("");
const idsOf = (deltas: readonly DeltaPart[]) => deltas.flatMap(({ tokenIds }) => tokenIds ?? []);

describe("an answer", () => {
  it("sends whole characters, with the tokens that made them since the delta before", () => {
    const deltas = feed(begin(), [0, 2, 7, 8, 3, 1]);
    expect(deltas).toEqual([
      { kind: "delta", text: "x", tokenCount: 1, tokenIds: [0] },
      { kind: "delta", text: "a", tokenCount: 1, tokenIds: [2] },
      // Bytes that are no text become the mark for it.
      { kind: "delta", text: "\ufffd", tokenCount: 1, tokenIds: [7] },
      { kind: "delta", text: "é", tokenCount: 1, tokenIds: [8] },
      { kind: "delta", text: "\ufffdb", tokenCount: 1, tokenIds: [3] },
      { kind: "delta", text: "y", tokenCount: 1, tokenIds: [1] },
    ]);
  });

  it.each<[string, readonly number[], string, Answer["finishReason"]]>([
    ["a stop text", [0, 4, 5, 1], "xone ", "stop"],
    ["a stop text that did not come", [0, 4, 1, 1], "xone ENyy", undefined],
    ["the beginning of a stop text at the end", [0, 4, END], "xone EN", "stop"],
    ["a character over two tokens", [0, 2, 3, 1], "xaéby", undefined],
    ["an end inside a character", [0, 2, END], "xa", "stop"],
  ])("is the same with a cut behind any of its deltas: %s", (_name, tokens, text, finishReason) => {
    const whole = begin();
    const deltas = feed(whole, tokens);
    expect([textOf(deltas), whole.finishReason]).toEqual([text, finishReason]);
    for (let at = 0; at <= deltas.length; at++) {
      const sent = deltas.slice(0, at);
      const rest = begin();
      rest.resume({ text: textOf(sent), tokenIds: idsOf(sent), modelVersion: "" });
      const known = rest.tokenCount;
      expect(rest.history).toEqual([50, 51, ...tokens.slice(0, known)]);
      const after = feed(rest, tokens.slice(known));
      expect(after).toEqual(deltas.slice(at));
      expect([rest.finishReason, rest.tokenCount]).toEqual([whole.finishReason, whole.tokenCount]);
    }
  });

  it("counts what was sent towards its longest length", () => {
    const whole = feed(begin({ maxTokens: 3 }), [0, 1, 4, 1, 1]);
    expect(textOf(whole)).toBe("xyone EN");
    const rest = begin({ maxTokens: 3 });
    rest.resume({ text: "xy", tokenIds: [0, 1], modelVersion: "" });
    expect(textOf(feed(rest, [4, 1, 1]))).toBe("one EN");
    expect(rest).toMatchObject({ finishReason: "length", tokenCount: 3 });
  });

  it("gives what was left to send where the cut came between its last token and its end", () => {
    const rest = begin({ maxTokens: 3 });
    rest.resume({ text: "xyone ", tokenIds: [0, 1, 4], modelVersion: "" });
    expect(rest.finishReason).toBe("length");
    expect(rest.end()).toEqual({ kind: "delta", text: "EN", tokenCount: 0, tokenIds: [] });
  });

  it.each<[string, string, number[]]>([
    ["another text than its tokens", "z", [0]],
    ["more text than its tokens", "xyz", [0, 1]],
    ["tokens behind its end", "one ", [4, 5, 0]],
  ])("does not go on behind %s", (_name, text, tokenIds) => {
    expect(() => begin().resume({ text, tokenIds, modelVersion: "" })).toThrow(FailedPreconditionError);
  });
});
