import { create, toBinary } from "@bufbuild/protobuf";
import { GenerateResponseSchema } from "@chimera/contracts/common";
import { seededRandom } from "@chimera/kernel";
import { envelope, messagesIn } from "@chimera/rpc";
import { describe, expect, it } from "vitest";
import { acceptedFrame, completeFrame, deltaFrame } from "../testing/frames.ts";
import { FrameLog } from "./frame-log.ts";
import { deltaText, scan } from "./parts.ts";

describe("scan", () => {
  it("tells where the deltas begin and end, and counts those with text", () => {
    const accepted = acceptedFrame("r");
    const deltas = Buffer.concat([deltaFrame(0, "a"), deltaFrame(1, ""), deltaFrame(2, "ü")]);
    const frames = Buffer.concat([accepted, deltas, completeFrame(3)]);
    expect(scan(frames)).toEqual({ begin: accepted.length, complete: accepted.length + deltas.length, deltas: 2 });
    expect(scan(deltas)).toEqual({ begin: 0, complete: deltas.length, deltas: 2 });
    expect(scan(Buffer.alloc(0))).toEqual({ begin: 0, complete: 0, deltas: 0 });
  });
});

describe("deltaText", () => {
  it("reads what was written, whatever its length and however many fields stand before it", () => {
    const random = seededRandom(7);
    for (let i = 0; i < 2000; i++) {
      const text = "añ😀\n".repeat(Math.floor(random() ** 4 * 300));
      const seq = Math.floor(random() * 2 ** 32);
      const tokenIds = Array.from({ length: Math.floor(random() * 5) }, () => Math.floor(random() * 2 ** 31));
      const value = { seq, text, tokenCount: tokenIds.length, tokenIds };
      const message = create(GenerateResponseSchema, { part: { case: "delta", value } });
      expect(deltaText(Buffer.from(toBinary(GenerateResponseSchema, message)))).toBe(text);
    }
  });

  it("gives nothing for other parts, and does not run off the end of garbage", () => {
    expect([...messagesIn(Buffer.concat([acceptedFrame("r"), completeFrame(1)]))].map(deltaText)).toEqual([
      undefined,
      undefined,
    ]);
    const random = seededRandom(8);
    for (let i = 0; i < 5000; i++) {
      const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256)));
      bytes[0] = 0x12;
      expect(typeof (deltaText(bytes) ?? "")).toBe("string");
      scan(envelope(bytes));
    }
  });
});

describe("FrameLog", () => {
  it("gives back everything from any offset", () => {
    const log = new FrameLog(100_000);
    const all = Buffer.from(Array.from({ length: 20_000 }, (_, i) => i % 251));
    for (let at = 0; at < all.length; at += 777) log.append(all.subarray(at, at + 777));
    expect(log.length).toBe(all.length);
    for (const offset of [0, 1, 4095, 4096, 4097, 19_999, 20_000]) {
      expect(log.from(offset).equals(all.subarray(offset))).toBe(true);
    }
  });

  it("holds a copy, not the buffer it was given", () => {
    const log = new FrameLog(1000);
    const chunk = Buffer.from("abc");
    log.append(chunk);
    chunk.fill(0);
    expect(log.from(0).toString()).toBe("abc");
  });

  it("gives up what outgrows its bound, and counts on", () => {
    const log = new FrameLog(10);
    log.append(Buffer.alloc(8));
    expect(log.isWhole).toBe(true);
    log.append(Buffer.alloc(8));
    expect([log.isWhole, log.length]).toEqual([false, 16]);
  });
});
