import { fromBinary } from "@bufbuild/protobuf";
import { GenerateResponseSchema } from "@chimera/contracts/common";
import { ENVELOPE_BYTES } from "@chimera/rpc";
import { expect, it } from "vitest";
import { completeFrame, DELTA_BYTES, deltaFrame, MAX_DELTAS } from "./frames.ts";

it("every delta has 20 bytes, its place, text, and one token", () => {
  for (const seq of [0, 1, 63, 127, 128, 300, MAX_DELTAS - 1]) {
    const frame = deltaFrame(seq);
    expect(frame.length).toBe(ENVELOPE_BYTES + DELTA_BYTES);
    const { part } = fromBinary(GenerateResponseSchema, frame.subarray(ENVELOPE_BYTES));
    expect(part).toMatchObject({ case: "delta", value: { seq, tokenCount: 1, tokenIds: [1 + (seq % 100)] } });
    expect(part.case === "delta" && part.value.text).toMatch(/\S/);
  }
  expect(() => deltaFrame(MAX_DELTAS)).toThrow(RangeError);
});

it("an answer ends with what it cost", () => {
  const { part } = fromBinary(GenerateResponseSchema, completeFrame(64).subarray(ENVELOPE_BYTES));
  expect(part).toMatchObject({ case: "complete", value: { usage: { completionTokens: 64 } } });
});
