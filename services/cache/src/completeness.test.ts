import { FinishReason } from "@chimera/contracts/common";
import { describe, expect, it } from "vitest";
import { missingPart } from "./completeness.ts";
import { sampleAnswer } from "./test-data.ts";

function changed(change: (answer: ReturnType<typeof sampleAnswer>) => void): string | undefined {
  const answer = sampleAnswer(["a", "b", "c"]);
  change(answer);
  return missingPart(answer);
}

describe("missingPart", () => {
  it("finds nothing missing in a whole answer, ended by the model or by its length", () => {
    expect(changed(() => {})).toBeUndefined();
    expect(
      changed(({ complete }) => {
        if (complete) complete.finishReason = FinishReason.LENGTH;
      }),
    ).toBeUndefined();
  });

  it("takes answers of engines that count no tokens per delta", () => {
    expect(
      changed(({ deltas }) => {
        for (const delta of deltas) delta.tokenCount = 0;
      }),
    ).toBeUndefined();
  });

  it("takes a delta without a token of its own among counted ones", () => {
    expect(
      changed(({ deltas }) => {
        for (const [position, delta] of deltas.entries()) delta.tokenCount = [2, 0, 1][position] ?? 0;
      }),
    ).toBeUndefined();
  });

  it("takes an answer whose last token was a stop text, which no delta holds", () => {
    expect(
      changed(({ complete }) => {
        if (complete?.usage) complete.usage.completionTokens += 1;
      }),
    ).toBeUndefined();
  });

  it("takes an answer that is empty", () => {
    expect(missingPart(sampleAnswer([]))).toBeUndefined();
  });

  it("names the part that is missing", () => {
    expect(missingPart({ ...sampleAnswer(), complete: undefined })).toBe("the stream did not end");
    expect(
      changed(({ complete }) => {
        if (complete) complete.finishReason = FinishReason.UNSPECIFIED;
      }),
    ).toBe("no finish reason");
    expect(
      changed(({ complete }) => {
        if (complete) complete.usage = undefined;
      }),
    ).toBe("no usage");
    expect(changed((answer) => void answer.deltas.shift())).toBe("delta 0 has seq 1");
    expect(changed((answer) => void answer.deltas.splice(1, 1))).toBe("delta 1 has seq 2");
    expect(changed((answer) => void answer.deltas.reverse())).toBe("delta 0 has seq 2");
    expect(
      changed(({ deltas: [first] }) => {
        if (first) first.tokenCount = 9;
      }),
    ).toBe("deltas hold 11 tokens, usage says 3");
  });
});
