import { fileURLToPath } from "node:url";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type GenerateResponse, GenerateResponseSchema } from "@chimera/contracts/common";
import { GenerateRequestSchema } from "@chimera/contracts/inference";
import { CancelledError, DeadlineExceededError, InvalidRequestError } from "@chimera/kernel";
import { createLogger } from "@chimera/lifecycle";
import { messagesIn, type RawCall } from "@chimera/rpc";
import { Code, type HandlerContext } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Context } from "../context.ts";
import type { Engine } from "../engine/engine.ts";
import { createLlamaEngine } from "../engine/llama/llama-engine.ts";
import { BUFFER_TOKENS } from "../engine/part-buffer.ts";
import { generate } from "./generate.ts";
import { generateRaw } from "./generate-raw.ts";

const modelPath = fileURLToPath(new URL("../../model/triage-1.4m.json", import.meta.url));
const ENDLESS = { temperature: 0, maxTokens: 300, stop: ["@@@"] };
const never = new AbortController().signal;

type Init = MessageInitShape<typeof GenerateRequestSchema>;
type Part = GenerateResponse["part"];

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** A call whose reader takes `capacity` bytes at a time. */
class FakeCall implements RawCall {
  readonly leaving = new AbortController();
  readonly timeoutMs = undefined;
  readonly writes: Part[][] = [];
  readonly #request: Buffer;
  readonly #capacity: number;
  #buffered = 0;
  #drained: () => void = () => undefined;

  constructor(request: Uint8Array, capacity = Number.POSITIVE_INFINITY) {
    this.#request = Buffer.from(request);
    this.#capacity = capacity;
  }

  get signal(): AbortSignal {
    return this.leaving.signal;
  }

  get parts(): Part[] {
    return this.writes.flat();
  }

  header(): undefined {
    return undefined;
  }

  async message(): Promise<Buffer> {
    return this.#request;
  }

  write(frames: Uint8Array): boolean {
    this.writes.push([...messagesIn(Buffer.from(frames))].map((each) => fromBinary(GenerateResponseSchema, each).part));
    this.#buffered += frames.length;
    return this.#buffered < this.#capacity;
  }

  onDrain(listener: () => void): void {
    this.#drained = listener;
  }

  drain(): void {
    this.#buffered = 0;
    this.#drained();
  }
}

describe("Generate served as bytes", () => {
  let engine: Engine;
  let context: Context;
  beforeAll(async () => {
    const logger = createLogger("inference-test", "silent");
    engine = await createLlamaEngine({ modelPath, slots: 2, maxQueued: 1, contextTokens: 1024, threads: 1, logger });
    context = { engine, logger, replica: "one", maxPromptBytes: 1000, maxRequestMs: 60_000, draining: () => never };
  });
  afterAll(() => engine.dispose());

  const callOf = (init: Init, capacity?: number) =>
    new FakeCall(toBinary(GenerateRequestSchema, create(GenerateRequestSchema, init)), capacity);
  const serve = (call: RawCall, limits: Partial<Context> = {}) => generateRaw({ ...context, ...limits }).handle(call);

  it("sends what the typed door sends", async () => {
    const init = { requestId: "r", prompt: "hi", sampling: { ...ENDLESS, maxTokens: 30 } };
    const call = callOf(init);
    await serve(call);
    const typed: Part[] = [];
    const request = create(GenerateRequestSchema, init);
    for await (const { part } of generate(context)(request, { signal: never } as HandlerContext)) typed.push(part);
    const comparable = (parts: Part[]) =>
      parts.map((part) => (part.case === "complete" ? { ...part.value, timings: "some", usage: "some" } : part));
    expect(comparable(call.parts)).toEqual(comparable(typed));
    const deltas = call.parts.filter((part) => part.case === "delta").map(({ value }) => value);
    expect(deltas.flatMap(({ tokenIds }) => tokenIds)).toHaveLength(30);
  });

  it("accepts before there is a slot, sends each token as it comes, and the last one with the end", async () => {
    engine.setLimits({ slots: 1 });
    const held = callOf({ prompt: "hi", sampling: ENDLESS });
    const holding = serve(held);
    await until(() => held.writes.length > 3);
    const waiting = callOf({ prompt: "hi", sampling: { ...ENDLESS, maxTokens: 5 } });
    const served = serve(waiting);
    await until(() => waiting.writes.length > 0);
    expect(waiting.parts.map((part) => part.case)).toEqual(["accepted"]);
    expect(engine.describe().queued).toBe(1);
    held.leaving.abort(new CancelledError("left"));
    await expect(holding).rejects.toBeInstanceOf(CancelledError);
    await served;
    expect(waiting.writes.map((parts) => parts.map((part) => part.case))).toEqual([
      ["accepted"],
      ["delta"],
      ["delta"],
      ["delta"],
      ["delta"],
      ["delta", "complete"],
    ]);
    engine.setLimits({ slots: 2 });
  });

  it("lets the engine wait for a reader that stopped reading, and loses nothing", async () => {
    const before = engine.describe().generatedTokens;
    const call = callOf({ prompt: "hi", sampling: ENDLESS }, 200);
    let isOver = false;
    const served = serve(call).then(() => {
      isOver = true;
    });
    await until(() => call.writes.length > 1);
    // Time for the engine to go as far ahead as it will.
    await serve(callOf({ prompt: "hi", sampling: ENDLESS }));
    const aheadTokens = engine.describe().generatedTokens - before - 300;
    expect(aheadTokens).toBeGreaterThan(BUFFER_TOKENS);
    expect(aheadTokens).toBeLessThan(2 * BUFFER_TOKENS);
    while (!isOver) {
      call.drain();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await served;
    const deltas = call.parts.filter((part) => part.case === "delta").map(({ value }) => value);
    expect(deltas.map(({ seq }) => seq)).toEqual(deltas.map((_, index) => index));
    expect(deltas.reduce((sum, { tokenCount }) => sum + tokenCount, 0)).toBe(300);
    expect(call.parts.at(-1)).toMatchObject({ case: "complete", value: { usage: { completionTokens: 300 } } });
  });

  it("ends when the longest time has passed, also while it waits for its reader", async () => {
    const call = callOf({ prompt: "hi", sampling: ENDLESS }, 1);
    await expect(serve(call, { maxRequestMs: 50 })).rejects.toBeInstanceOf(DeadlineExceededError);
    expect(engine.describe()).toMatchObject({ busySlots: 0, activeGenerations: 0 });
  });

  it("goes on behind an answer that was begun elsewhere, with the next seq", async () => {
    const init = { prompt: "hi", sampling: { ...ENDLESS, maxTokens: 20 } };
    const whole = callOf(init);
    await serve(whole);
    const { modelVersion } = engine.describe();
    const sent = whole.parts.flatMap((part) => (part.case === "delta" ? [part.value] : [])).slice(0, 7);
    const resume = {
      text: sent.map(({ text }) => text).join(""),
      tokenIds: sent.flatMap(({ tokenIds }) => tokenIds),
      nextSeq: sent.length,
      modelVersion,
    };
    const rest = callOf({ ...init, resume });
    await serve(rest);
    // The accepted part names this replica; what follows is what was cut off.
    expect(rest.parts.slice(1, -1)).toEqual(whole.parts.slice(1 + sent.length, -1));
    expect(rest.parts.at(-1)).toMatchObject({ case: "complete", value: { usage: { completionTokens: 20 } } });
    const fresh = callOf({ ...init, resume: { nextSeq: 0, modelVersion } });
    await serve(fresh);
    expect(fresh.parts.slice(0, -1)).toEqual(whole.parts.slice(0, -1));
  });

  it("refuses, before it sends anything, what is no request or can not be served", async () => {
    const broken = new FakeCall(Buffer.from([0x0a, 0xff]));
    await expect(serve(broken)).rejects.toMatchObject({ code: Code.InvalidArgument });
    const bad = callOf({ prompt: "" });
    await expect(serve(bad)).rejects.toBeInstanceOf(InvalidRequestError);
    expect([...broken.writes, ...bad.writes]).toEqual([]);
  });
});
