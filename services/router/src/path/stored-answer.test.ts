import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { StoredAnswerSchema } from "@chimera/contracts/cache";
import { describe, expect, it } from "vitest";
import { acceptedFrame, completeFrame, deltaFrame, partsIn } from "../testing/frames.ts";
import { resumePoint } from "./resume-point.ts";
import { replayOf, storedAnswerOf } from "./stored-answer.ts";

const deltas = Buffer.concat([deltaFrame(0), deltaFrame(1, ""), deltaFrame(2, "x".repeat(500))]);

describe("a stored answer", () => {
  it("is what the cache's own message would be", () => {
    const bytes = storedAnswerOf(Buffer.concat([deltas, completeFrame(3)]), 12.5);
    const answer = fromBinary(StoredAnswerSchema, bytes);
    expect(answer.deltas.map(({ seq, text }) => [seq, text.length])).toEqual([
      [0, 3],
      [1, 0],
      [2, 500],
    ]);
    expect(answer.complete?.usage?.completionTokens).toBe(3);
    expect(answer.ttftMs).toBe(12.5);
    expect(Buffer.from(toBinary(StoredAnswerSchema, answer)).equals(bytes)).toBe(true);
  });

  it("is replayed with the same deltas, the same usage, and no engine time", () => {
    const replay = replayOf(storedAnswerOf(Buffer.concat([deltas, completeFrame(3)]), 12.5));
    const parts = replay ? partsIn(replay.frames) : [];
    expect(parts.slice(0, -1)).toEqual(partsIn(deltas));
    const last = parts.at(-1);
    expect(last?.case).toBe("complete");
    if (last?.case !== "complete") return;
    expect(last.value.usage?.completionTokens).toBe(3);
    expect(last.value.timings?.totalMs).toBe(0);
  });

  it("is none where it is cut anywhere", () => {
    const bytes = storedAnswerOf(Buffer.concat([deltas, completeFrame(3)]), 1);
    // Up to the time to first token, which is no part of the answer.
    for (let end = 0; end < bytes.length - 9; end++) {
      const cut = bytes.subarray(0, end);
      let replay: unknown;
      try {
        replay = replayOf(cut);
      } catch {
        // Found out by the decoder.
      }
      expect(replay).toBeUndefined();
    }
  });
});

describe("the point to go on from", () => {
  it("names text, tokens and the next seq", () => {
    const point = resumePoint(Buffer.concat([deltaFrame(0), deltaFrame(1)]), "v1");
    expect(point).toMatchObject({ text: "t0 t1 ", tokenIds: [0, 1], nextSeq: 2, modelVersion: "v1" });
  });

  it("leaves the tokens out where some are not known", () => {
    const [known, unknown] = partsIn(Buffer.concat([deltaFrame(0), deltaFrame(1)]));
    expect([known?.case, unknown?.case]).toEqual(["delta", "delta"]);
    const nameless = deltaFrame(1);
    // The ids are the last field, packed: tag, length, one id.
    const without = Buffer.concat([nameless.subarray(0, -3)]);
    without.writeUInt32BE(without.length - 5, 1);
    without[6] = (without[6] ?? 0) - 3;
    expect(resumePoint(Buffer.concat([deltaFrame(0), without]), "v1")).toMatchObject({ text: "t0 t1 ", tokenIds: [] });
  });

  it("is none where nothing was sent", () => {
    expect(resumePoint(acceptedFrame("a"), "v1")).toBeUndefined();
  });
});
