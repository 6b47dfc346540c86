import { type GenerateResponse, Role } from "@chimera/contracts/common";
import { InferenceService } from "@chimera/contracts/inference";
import { createLogger, readSettings, type Service } from "@chimera/lifecycle";
import { connectClient, fromConnectError, ownedStream, type RpcClient } from "@chimera/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fields } from "./config.ts";
import { createInference } from "./service.ts";

const ticket = "hello team . i was charged twice this month . please fix it right now";
const ENDLESS = { temperature: 0, maxTokens: 600, stop: ["@@@"] };
const logger = createLogger("inference-test", "silent");

/** No folder outlives the test, and no NATS is needed. */
const OWN = {
  INFERENCE_PORT: "0",
  INFERENCE_REPLICA: "one",
  INFERENCE_STATE_DIR: "off",
  CHIMERA_NATS_URL: "nats://127.0.0.1:1",
};
const start = (env: Record<string, string> = {}): Promise<Service> =>
  createInference(readSettings("inference", fields, { ...OWN, ...env }), logger);
const connect = ({ address }: Service) => connectClient(InferenceService, `http://${address}`);
type Door = RpcClient<typeof InferenceService>;
type Init = Parameters<Door["client"]["generate"]>[0];

const generate = ({ client }: Door, request: Init) => ownedStream((signal) => client.generate(request, { signal }));

async function readAll(parts: AsyncIterable<GenerateResponse>): Promise<GenerateResponse["part"][]> {
  const all: GenerateResponse["part"][] = [];
  for await (const { part } of parts) all.push(part);
  return all;
}

/** Asks again until the replica says so; a cancel travels on its own. */
async function untilDescribed({ client }: Door, expected: object): Promise<void> {
  for (;;) {
    const seen = await client.describe({});
    if (Object.entries(expected).every(([key, value]) => Object(seen)[key] === value)) return;
  }
}

describe("the inference service", () => {
  let service: Service;
  let door: Door;
  beforeAll(async () => {
    service = await start({ INFERENCE_SLOTS: "1", INFERENCE_QUEUE: "1" });
    door = connect(service);
  });
  afterAll(async () => {
    door.close();
    await service.drain();
    await service.dispose();
  });

  it("answers with accepted, gapless deltas and complete", async () => {
    const messages = [{ role: Role.USER, content: ticket }];
    const parts = await readAll(generate(door, { requestId: "r1", model: "triage-1.4m", messages }));
    expect(parts[0]).toMatchObject({
      case: "accepted",
      value: { requestId: "r1", servedBy: "one", model: "triage-1.4m", modelVersion: "83b5cc438c553a21" },
    });
    const deltas = parts.slice(1, -1).map((part) => (part.case === "delta" ? part.value : undefined));
    expect(deltas.map((delta) => delta?.seq)).toEqual(deltas.map((_, index) => index));
    expect(deltas.map((delta) => delta?.text).join("")).toBe("intent=billing priority=high");
    expect(parts.at(-1)).toMatchObject({
      case: "complete",
      value: { finishReason: 1, usage: { completionTokens: 7 }, timings: { totalMs: expect.any(Number) } },
    });
  });

  it("says that max_tokens ended an answer", async () => {
    const parts = await readAll(generate(door, { prompt: "hi", sampling: { ...ENDLESS, maxTokens: 4 } }));
    expect(parts.at(-1)).toMatchObject({
      case: "complete",
      value: { finishReason: 2, usage: { completionTokens: 4 } },
    });
  });

  it.each<[string, Init, string, string]>([
    ["another model", { model: "gpt", prompt: "a" }, "not-found", "model"],
    ["a value out of range", { prompt: "a", sampling: { temperature: 3 } }, "invalid-argument", "sampling.temperature"],
    [
      "an answer that can not fit",
      { prompt: "a", sampling: { maxTokens: 1024 } },
      "invalid-argument",
      "sampling.max_tokens",
    ],
    ["a prompt that can not fit", { prompt: "a b ".repeat(1000) }, "invalid-argument", "prompt"],
    ["no question", { messages: [{ role: Role.ASSISTANT, content: "x" }] }, "invalid-argument", "messages"],
  ])("refuses %s with kind and field, before anything else", async (_name, request, kind, field) => {
    const error = fromConnectError(await readAll(generate(door, request)).catch((thrown: unknown) => thrown));
    expect([error.kind, error.violations.map((violation) => violation.field)]).toEqual([kind, [field]]);
  });

  it("stops when the client leaves mid-answer", async () => {
    const { cancelled } = await door.client.describe({});
    for await (const { part } of generate(door, { prompt: "hi", sampling: ENDLESS })) if (part.case === "delta") break;
    await untilDescribed(door, { activeGenerations: 0, busySlots: 0, cancelled: cancelled + 1n });
  });

  it("warms a prefix, shows it in its load, and starts from it", async () => {
    const prompt = `### ticket\n${"we use the pro plan . ".repeat(60)}`;
    const warmed = await door.client.warmPrefix({ prompt });
    expect(warmed.prefixId).toMatch(/^[0-9a-f]{16}$/);
    expect(warmed.tokens).toBeGreaterThan(300);
    const parts = await readAll(generate(door, { prompt: `${prompt}thanks`, sampling: { maxTokens: 2 } }));
    const last = parts.at(-1);
    expect(last?.case === "complete" && last.value.usage?.cachedTokens).toBeGreaterThanOrEqual(warmed.tokens);
    for await (const { load } of ownedStream((signal) => door.client.watchLoad({}, { signal }))) {
      expect(load?.warmPrefixes[0]).toBe(warmed.prefixId);
      expect(load?.kvTokens).toBeGreaterThan(BigInt(warmed.tokens));
      expect(load?.prefillTokensPerS).toBeGreaterThan(0);
      break;
    }
  });

  it.each<[string, Parameters<Door["client"]["warmPrefix"]>[0], string]>([
    ["another model", { model: "gpt", prompt: "a" }, "model"],
    ["nothing", {}, "messages"],
    ["a prefix that leaves no room for an answer", { prompt: "a b ".repeat(1000) }, "prompt"],
  ])("refuses to warm %s, naming the field", async (_name, request, field) => {
    const error = fromConnectError(await door.client.warmPrefix(request).catch((thrown: unknown) => thrown));
    expect(error.violations.map((violation) => violation.field)).toEqual([field]);
  });

  it("tells its load now and as it changes, to whoever watches", async () => {
    const loads = ownedStream((signal) => door.client.watchLoad({}, { signal }))[Symbol.asyncIterator]();
    const next = async () => (await loads.next()).value?.load;
    expect(await next()).toMatchObject({ slots: 1, busySlots: 0, maxQueued: 1, queuedRequests: 0 });
    const stream = generate(door, { prompt: "hi", sampling: ENDLESS })[Symbol.asyncIterator]();
    await stream.next();
    const waiting = generate(door, { prompt: "where is it", sampling: ENDLESS })[Symbol.asyncIterator]();
    await waiting.next();
    let load = await next();
    while (load?.queuedRequests !== 1) load = await next();
    expect(load).toMatchObject({ busySlots: 1, activeGenerations: 1 });
    expect(load?.queuedUncachedTokens).toBeGreaterThan(0);
    await waiting.return?.();
    await stream.return?.();
    while (load?.busySlots !== 0) load = await next();
    await loads.return?.();
  });

  it("changes its limits while it serves, and says what is in force", async () => {
    expect(await door.client.setLimits({ slots: 3 })).toMatchObject({ slots: 3, maxQueued: 1 });
    expect(await door.client.describe({})).toMatchObject({ slots: 3, maxQueued: 1 });
    const error = fromConnectError(await door.client.setLimits({ slots: 17 }).catch((thrown: unknown) => thrown));
    expect([error.kind, error.violations[0]?.field]).toEqual(["invalid-argument", "slots"]);
    expect(await door.client.setLimits({ slots: 1, maxQueued: 1 })).toMatchObject({ slots: 1, maxQueued: 1 });
  });

  it("describes itself", async () => {
    const described = await door.client.describe({});
    expect(described).toMatchObject({ replica: "one", engine: "llama", slots: 1, maxQueued: 1, contextTokens: 1024 });
    expect(described.generatedTokens).toBeGreaterThan(0n);
  });
});

describe("the end of the inference service", () => {
  it("finishes open streams while it drains", async () => {
    const service = await start();
    const door = connect(service);
    const stream = generate(door, { prompt: "hi", sampling: ENDLESS })[Symbol.asyncIterator]();
    await stream.next();
    const drained = service.drain();
    const rest: GenerateResponse["part"][] = [];
    for (let step = await stream.next(); !step.done; step = await stream.next()) rest.push(step.value.part);
    expect(rest.at(-1)).toMatchObject({ case: "complete", value: { usage: { completionTokens: 600 } } });
    await drained;
    await service.dispose();
    door.close();
  });

  it("ends the streams of those who watch its load when it drains", async () => {
    const service = await start();
    const door = connect(service);
    const loads = ownedStream((signal) => door.client.watchLoad({}, { signal }))[Symbol.asyncIterator]();
    await loads.next();
    await service.drain();
    expect((await loads.next()).done).toBe(true);
    await service.dispose();
    door.close();
  });

  it("does not start on a port that is taken", async () => {
    const service = await start();
    await expect(start({ INFERENCE_PORT: service.address.split(":")[1] ?? "" })).rejects.toThrow(/EADDRINUSE/);
    await service.drain();
    await service.dispose();
  });
});
