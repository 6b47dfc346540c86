import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { FinishReason, GenerateResponseSchema } from "@chimera/contracts/common";
import { systemClock } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { Transcript } from "./transcript.ts";

type Part = NonNullable<MessageInitShape<typeof GenerateResponseSchema>["part"]>;

const accepted: Part = { case: "accepted", value: { servedBy: "inference" } };
const delta = (seq: number, text: string, tokenIds: number[]): Part => ({
  case: "delta",
  value: { seq, text, tokenCount: tokenIds.length, tokenIds },
});
const complete: Part = {
  case: "complete",
  value: { finishReason: FinishReason.LENGTH, usage: { promptTokens: 9, completionTokens: 3 } },
};

function transcriptOf(...parts: Part[]): Transcript {
  const transcript = new Transcript(systemClock);
  for (const part of parts) transcript.note(create(GenerateResponseSchema, { part }));
  return transcript;
}

const undisturbed = transcriptOf(accepted, delta(0, "ab", [1, 2]), delta(1, "c", [3]), complete);

describe("a transcript equals the undisturbed one", () => {
  it("also where the text was cut into other parts", () => {
    const other = transcriptOf(accepted, delta(0, "a", [1]), delta(1, "b", [2]), delta(2, "c", [3]), complete);
    expect(other.equals(undisturbed)).toBe(true);
  });

  it.each([
    ["a part came twice", [accepted, delta(0, "ab", [1, 2]), delta(0, "ab", [1, 2]), delta(1, "c", [3]), complete]],
    ["a part is missing", [accepted, delta(0, "ab", [1, 2]), delta(2, "c", [3]), complete]],
    ["it began again", [accepted, delta(0, "ab", [1, 2]), accepted, delta(1, "c", [3]), complete]],
    ["it was cut", [accepted, delta(0, "ab", [1, 2]), delta(1, "c", [3])]],
    ["the text is another", [accepted, delta(0, "ab", [1, 2]), delta(1, "d", [3]), complete]],
    ["the tokens are others", [accepted, delta(0, "ab", [1, 2]), delta(1, "c", [4]), complete]],
    ["it went on after its end", [accepted, delta(0, "ab", [1, 2]), complete, delta(1, "c", [3])]],
  ])("not where %s", (_what, parts: Part[]) => {
    expect(transcriptOf(...parts).equals(undisturbed)).toBe(false);
  });
});
