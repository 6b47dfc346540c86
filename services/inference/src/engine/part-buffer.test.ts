import { describe, expect, it } from "vitest";
import type { CompletePart, DeltaPart, EnginePart } from "./engine.ts";
import { PartBuffer } from "./part-buffer.ts";

const end: CompletePart = {
  kind: "complete",
  finishReason: "stop",
  usage: { promptTokens: 1, cachedTokens: 0, completionTokens: 3 },
  timings: { queueMs: 0, prefillMs: 1, firstTokenMs: 1, totalMs: 2 },
};

const delta = (text: string, ...tokenIds: number[]): DeltaPart => ({
  kind: "delta",
  text,
  tokenCount: tokenIds.length,
  tokenIds,
});

async function partsOf(buffer: PartBuffer): Promise<EnginePart[]> {
  const parts: EnginePart[] = [];
  for await (const part of buffer.parts()) parts.push(part);
  return parts;
}

/** Whether a promise settles once everything that is ready has run. */
async function settles(promise: Promise<unknown> | undefined): Promise<boolean> {
  let isSettled = false;
  void Promise.resolve(promise).finally(() => {
    isSettled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return isSettled;
}

describe("PartBuffer", () => {
  it("hands the first text to a waiting reader at once", async () => {
    const buffer = new PartBuffer();
    const first = buffer.parts().next();
    buffer.push(delta("a", 7));
    expect(await first).toEqual({ done: false, value: delta("a", 7) });
  });

  it("puts what piled up into one delta, with the tokens of all of it, and then ends", async () => {
    const buffer = new PartBuffer();
    buffer.push(delta("a", 7));
    buffer.push(delta("bc", 8, 9));
    buffer.complete(end);
    expect(await partsOf(buffer)).toEqual([delta("abc", 7, 8, 9), end]);
  });

  it("names no tokens where the engine names none", async () => {
    const buffer = new PartBuffer();
    for (const text of ["a", "b"]) buffer.push({ kind: "delta", text, tokenCount: 1 });
    buffer.complete(end);
    expect(await partsOf(buffer)).toEqual([{ kind: "delta", text: "ab", tokenCount: 2 }, end]);
  });

  it("makes the writer wait at its bound until the reader has taken", async () => {
    const buffer = new PartBuffer(2);
    expect(await settles(buffer.push(delta("a", 1)))).toBe(true);
    const full = buffer.push(delta("b", 2));
    expect(await settles(full)).toBe(false);
    await buffer.parts().next();
    expect(await settles(full)).toBe(true);
  });

  it("lets a waiting writer go and fails the reader at once, without the rest", async () => {
    const buffer = new PartBuffer(1);
    const full = buffer.push(delta("a", 1));
    buffer.fail(new Error("left"));
    expect(await settles(full)).toBe(true);
    await expect(partsOf(buffer)).rejects.toThrow("left");
  });

  it("keeps its first end", async () => {
    const buffer = new PartBuffer();
    buffer.complete(end);
    buffer.fail(new Error("too late"));
    expect(await partsOf(buffer)).toEqual([end]);
  });
});
