import { fileURLToPath } from "node:url";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { GenerateRequestSchema } from "@chimera/contracts/inference";
import { CancelledError, DeadlineExceededError, OverloadedError } from "@chimera/kernel";
import { createLogger } from "@chimera/lifecycle";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Context } from "../context.ts";
import type { Engine } from "../engine/engine.ts";
import { createLlamaEngine } from "../engine/llama/llama-engine.ts";
import { generate } from "./generate.ts";

const modelPath = fileURLToPath(new URL("../../model/triage-1.4m.json", import.meta.url));
const ENDLESS = { temperature: 0, maxTokens: 600, stop: ["@@@"] };
const never = new AbortController().signal;

type Init = MessageInitShape<typeof GenerateRequestSchema>;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe("the Generate handler", () => {
  let engine: Engine;
  let context: Context;
  beforeAll(async () => {
    const logger = createLogger("inference-test", "silent");
    engine = await createLlamaEngine({ modelPath, slots: 1, maxQueued: 1, contextTokens: 1024, threads: 1, logger });
    context = { engine, logger, replica: "one", maxPromptBytes: 1000, maxRequestMs: 60_000, draining: () => never };
  });
  afterAll(() => engine.dispose());

  const call = (init: Init, signal: AbortSignal = never, limits: Partial<Context> = {}) =>
    generate({ ...context, ...limits })(create(GenerateRequestSchema, init), { signal } as HandlerContext);
  const readAll = async (...args: Parameters<typeof call>) => {
    let parts = 0;
    for await (const _ of call(...args)) parts++;
    return parts;
  };
  /** Keeps the slot: the engine waits for a reader that took one part and no more. */
  const holdSlot = async (limits: Partial<Context> = {}) => {
    const held = call({ prompt: "hi", sampling: ENDLESS }, never, limits);
    await held.next();
    return held;
  };

  it("accepts a request while it still waits for a slot, and lets it leave the queue", async () => {
    const held = await holdSlot();
    const { cancelled } = engine.describe();
    const caller = new AbortController();
    const waiting = call({ requestId: "w", prompt: "hi" }, caller.signal);
    expect(await waiting.next()).toMatchObject({ value: { part: { case: "accepted", value: { requestId: "w" } } } });
    expect(engine.describe().queued).toBe(1);
    caller.abort();
    await expect(waiting.next()).rejects.toBeInstanceOf(CancelledError);
    expect(engine.describe()).toMatchObject({ queued: 0, busySlots: 1, cancelled: cancelled + 1 });
    await held.return();
    expect(engine.describe()).toMatchObject({ busySlots: 0, activeGenerations: 0, cancelled: cancelled + 2 });
  });

  it("refuses, before it accepts, what the queue can not hold", async () => {
    const held = await holdSlot();
    const waiting = call({ prompt: "hi" });
    await waiting.next();
    await expect(call({ prompt: "hi" }).next()).rejects.toBeInstanceOf(OverloadedError);
    await waiting.return();
    await held.return();
  });

  it("takes the slot back from a reader that stopped reading, when the longest time has passed", async () => {
    const held = await holdSlot({ maxRequestMs: 20 });
    await until(() => engine.describe().busySlots === 0);
    const rest = (async () => {
      while (!(await held.next()).done);
    })();
    await expect(rest).rejects.toBeInstanceOf(DeadlineExceededError);
  });

  it("tells the caller's deadline from the caller leaving", async () => {
    const late = new AbortController();
    const reading = readAll({ prompt: "hi", sampling: ENDLESS }, late.signal);
    late.abort(new ConnectError("the operation timed out", Code.DeadlineExceeded));
    await expect(reading).rejects.toBeInstanceOf(DeadlineExceededError);
    expect(engine.describe()).toMatchObject({ busySlots: 0, activeGenerations: 0 });
  });

  it("sends what a slow reader let pile up in one message, and loses nothing", async () => {
    const before = engine.describe().generatedTokens;
    const slow = call({ prompt: "hi", sampling: { ...ENDLESS, maxTokens: 50 } });
    await slow.next();
    await until(() => engine.describe().generatedTokens === before + 50);
    const rest: unknown[] = [];
    for await (const part of slow) rest.push(part);
    expect(rest).toMatchObject([
      { part: { case: "delta", value: { seq: 0, tokenCount: 50 } } },
      { part: { case: "complete", value: { usage: { completionTokens: 50 } } } },
    ]);
  });
});
