import { describe, expect, it } from "vitest";
import { byteDecoder, tokenBytesOf, type Vocabulary, windowDecoder } from "./token-decoder.ts";

const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;
const BYTE = 6;

function decode(vocabulary: Vocabulary, ids: readonly number[]): string[] {
  const bytesOf = tokenBytesOf(vocabulary);
  if (!bytesOf) throw new Error("not decoded here");
  const decoder = byteDecoder(bytesOf);
  return ids.map((id) => decoder.push(id));
}

describe("byte decoding of a byte-level vocabulary", () => {
  // "Ġ" is a space, "Ċ" a line feed; é is the bytes C3 A9, shown as "Ã" and "©"; 😀 is F0 9F 98 80.
  const tokens = ["hi", "Ġ.", "Ċ", "Ã", "©", "ð", "Ł", "ĺ", "Ģ", "<|end|>", "<tool>"];
  const tokenTypes = [...Array(9).fill(NORMAL), CONTROL, USER_DEFINED];
  const vocabulary: Vocabulary = { model: "gpt2", tokens, tokenTypes };

  it("keeps the space before punctuation", () => {
    expect(decode(vocabulary, [0, 1, 2])).toEqual(["hi", " .", "\n"]);
  });

  it("waits for the whole character", () => {
    expect(decode(vocabulary, [3, 4, 5, 6, 7, 8, 0])).toEqual(["", "é", "", "", "", "😀", "hi"]);
  });

  it("shows no control token, and a user-defined one as written", () => {
    expect(decode(vocabulary, [0, 9, 10])).toEqual(["hi", "", "<tool>"]);
  });

  it("goes on after bytes that are no text", () => {
    expect(decode(vocabulary, [5, 0]).join("")).toBe("\ufffdhi");
  });
});

describe("byte decoding of a SentencePiece vocabulary", () => {
  it("turns the space mark into a space and byte tokens into bytes", () => {
    const tokens = ["<unk>", "\u2581hello", "<0xC3>", "<0xA9>"];
    const vocabulary: Vocabulary = { model: "llama", tokens, tokenTypes: [2, NORMAL, BYTE, BYTE] };
    expect(decode(vocabulary, [1, 2, 3, 0])).toEqual([" hello", "", "é", ""]);
  });
});

describe("window decoding", () => {
  it("is used for other vocabularies", () => {
    expect(tokenBytesOf({ model: "bert", tokens: [], tokenTypes: undefined })).toBeUndefined();
  });

  it("joins tokens as the detokenizer does and holds back half a character", () => {
    const bytes = [[0x61], [0xc3], [0xa9], [0x62]];
    const decoder = windowDecoder((ids) => Buffer.from(ids.flatMap((id) => bytes[id] ?? [])).toString("utf8"));
    expect([0, 1, 2, 3].map((id) => decoder.push(id))).toEqual(["a", "", "é", "b"]);
  });

  it("gives up on a character that never completes", () => {
    const decoder = windowDecoder((ids) => "\ufffd".repeat(ids.length));
    expect([0, 1, 2, 3].map((id) => decoder.push(id))).toEqual(["", "", "", "\ufffd\ufffd\ufffd\ufffd"]);
  });
});
