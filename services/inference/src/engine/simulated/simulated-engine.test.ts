import { DeadlineExceededError, InvalidRequestError, seededRandom, UnavailableError } from "@chimera/kernel";
import { createLogger, readSettings } from "@chimera/lifecycle";
import { describe, expect, it } from "vitest";
import type { Engine, EngineRequest, Sampling } from "../engine.ts";
import { answerOf, engineSuite } from "../engine-suite.ts";
import { BUFFER_TOKENS } from "../part-buffer.ts";
import { fields } from "./settings.ts";
import { openSimulatedEngine } from "./simulated-engine.ts";
import { VirtualTime } from "./testing/virtual-time.ts";

const never = new AbortController().signal;
const logger = createLogger("inference-test", "silent");

interface OpenOptions {
  env?: Record<string, string>;
  slots?: number;
  maxQueued?: number;
  contextTokens?: number;
  time?: VirtualTime;
  seed?: number;
}

const open = ({
  env = {},
  slots = 2,
  maxQueued = 8,
  contextTokens = 1024,
  time = new VirtualTime(),
  seed = 7,
}: OpenOptions) =>
  openSimulatedEngine({
    settings: readSettings("simulated", fields, env),
    slots,
    maxQueued,
    contextTokens,
    logger,
    clock: time,
    timers: time,
    random: seededRandom(seed),
  });

/** One step in hand-made numbers: 10 ms, and 1 ms per prompt token; blocks of 4 tokens = 16 bytes. */
const PLAIN = {
  CHIMERA_SIMULATED_STEP_MS: "10",
  CHIMERA_SIMULATED_SEQUENCE_MS: "0",
  CHIMERA_SIMULATED_PREFILL_TOKEN_MS: "1",
  CHIMERA_SIMULATED_CONTEXT_100K_MS: "0",
  CHIMERA_SIMULATED_TOKENISE_MS: "0",
  CHIMERA_SIMULATED_TOKENISE_TOKEN_MS: "0",
  CHIMERA_SIMULATED_SERIALISE_TOKEN_MS: "0",
  CHIMERA_SIMULATED_KV_BLOCK_TOKENS: "4",
};

const prompt = (text: string, sampling: Partial<Sampling> = {}): EngineRequest => ({
  input: { kind: "prompt", prompt: text },
  sampling,
});

engineSuite({
  name: "simulated",
  open: ({ slots, maxQueued }) =>
    open({
      slots,
      maxQueued,
      env: { CHIMERA_SIMULATED_ANSWER_TOKENS: "1000000", CHIMERA_SIMULATED_STEP_TOKENS: "16" },
    }),
  prompt: "a ticket about an invoice that came twice",
  endless: {},
  longPrompt: "the parcel has not arrived . ".repeat(50),
  aheadTokens: BUFFER_TOKENS,
});

describe("simulated engine", () => {
  it("says everywhere that it is simulated", async () => {
    const engine = await open({ env: { CHIMERA_SIMULATED_MODEL: "gpu-70b" } });
    expect(engine.describe()).toMatchObject({ engine: "simulated", model: "simulated/gpu-70b" });
    expect((await answerOf(engine, prompt("hello"))).text).toMatch(/^\[simulated\] /);
    await engine.dispose();
  });

  it("times an answer by the step formula and counts 4 bytes as a token", async () => {
    const engine = await open({ env: PLAIN });
    const { complete } = await answerOf(engine, prompt("x".repeat(81), { maxTokens: 5 }));
    expect(complete.usage).toEqual({ promptTokens: 21, cachedTokens: 0, completionTokens: 5 });
    // 10 + 21 for the prompt with its first token, then four steps of 10.
    expect(complete.timings).toEqual({ queueMs: 0, prefillMs: 31, firstTokenMs: 31, totalMs: 71 });
    await engine.dispose();
  });

  it("is ten times as fast at time scale 10, in what it reports and in what passes", async () => {
    const time = new VirtualTime();
    const engine = await open({ env: { ...PLAIN, CHIMERA_SIMULATED_TIME_SCALE: "10" }, time });
    const startedAtMs = time.monotonicMs();
    const { complete } = await answerOf(engine, prompt("x".repeat(84), { maxTokens: 5 }));
    expect(complete.timings.firstTokenMs).toBeCloseTo(3.1, 9);
    expect(complete.timings.totalMs).toBeCloseTo(7.1, 9);
    expect(time.monotonicMs() - startedAtMs).toBeCloseTo(7.1, 9);
    await engine.dispose();
  });

  it("is ready after its cold start", async () => {
    const time = new VirtualTime();
    const env = { CHIMERA_SIMULATED_COLD_START_MS: "90000", CHIMERA_SIMULATED_TIME_SCALE: "3" };
    const engine = await open({ env, time });
    expect(time.monotonicMs()).toBe(30_000);
    await engine.dispose();
  });

  it("gives the same answer to the same question, whichever replica and however busy", async () => {
    const [one, other] = [await open({}), await open({ env: { ...PLAIN, CHIMERA_SIMULATED_SEED: "9" }, seed: 8 })];
    expect(one.describe().modelVersion).toBe(other.describe().modelVersion);
    const request = prompt("why", { maxTokens: 40 });
    const alone = await answerOf(one, request);
    const crowd = await Promise.all([1, 2, 3, 4].map(() => answerOf(other, request)));
    for (const answer of crowd) expect(answer.text).toBe(alone.text);
    expect((await answerOf(one, prompt("why not", { maxTokens: 40 }))).text).not.toBe(alone.text);
    await Promise.all([one.dispose(), other.dispose()]);
  });

  it("ends answers by itself, at the set length in the mean", async () => {
    const engine = await open({ env: { ...PLAIN, CHIMERA_SIMULATED_ANSWER_TOKENS: "20" } });
    let words = 0;
    for (let i = 0; i < 400; i++) {
      const { complete, text } = await answerOf(engine, prompt(`question ${i}`));
      expect(complete.finishReason).toBe("stop");
      // The label is three tokens, and the end token is one.
      expect(complete.usage.completionTokens).toBe(text.length / 4 + 1);
      words += text.length / 4 - 3;
    }
    expect(words / 400).toBeGreaterThan(17);
    expect(words / 400).toBeLessThan(23);
    await engine.dispose();
  });

  it("reuses whole blocks of an earlier prompt, and is faster by exactly that", async () => {
    const engine = await open({ env: PLAIN });
    const shared = "s".repeat(160);
    const cold = await answerOf(engine, prompt(`${shared}one`, { maxTokens: 1 }));
    const warm = await answerOf(engine, prompt(`${shared}two`, { maxTokens: 1 }));
    expect(cold.complete.usage).toMatchObject({ promptTokens: 41, cachedTokens: 0 });
    expect(warm.complete.usage).toMatchObject({ promptTokens: 41, cachedTokens: 40 });
    expect(warm.complete.timings.prefillMs).toBe(cold.complete.timings.prefillMs - 40);
    await engine.dispose();
  });

  it("warms a conversation's beginning, lists it, and forgets it when memory is needed", async () => {
    const engine = await open({ env: { ...PLAIN, CHIMERA_SIMULATED_KV_BLOCKS: "64" } });
    const system = { role: "system", content: "you are the triage desk . read the ticket and answer it" } as const;
    const user = { role: "user", content: "it is about my parcel" } as const;
    const input = { kind: "messages", messages: [system] } as const;
    const warmed = await engine.warmPrefix(input, never);
    expect(warmed).toMatchObject({ tokens: 16, cachedTokens: 0, savedBytes: 0 });
    expect((await engine.warmPrefix(input, never)).cachedTokens).toBe(16);
    expect(engine.load()).toMatchObject({ warmPrefixes: [warmed.id], kvTokens: 16, kvCapacityTokens: 256 });
    const question: EngineRequest = {
      input: { kind: "messages", messages: [system, user] },
      sampling: { maxTokens: 2 },
    };
    expect((await answerOf(engine, question)).complete.usage.cachedTokens).toBe(16);
    await answerOf(engine, prompt("y".repeat(4 * 240), { maxTokens: 10 }));
    expect(engine.load().warmPrefixes).toEqual([]);
    expect(engine.describe()).toMatchObject({ finished: 2, cancelled: 0 });
    await engine.dispose();
  });

  it("refuses to warm what is shorter than a block", async () => {
    const engine = await open({ env: PLAIN });
    const short = { kind: "prompt", prompt: "hi" } as const;
    await expect(engine.warmPrefix(short, never)).rejects.toBeInstanceOf(InvalidRequestError);
    await engine.dispose();
  });

  it("leaves a warm-up whose caller has gone", async () => {
    const engine = await open({ env: { ...PLAIN, CHIMERA_SIMULATED_STEP_TOKENS: "4" } });
    const caller = new AbortController();
    const input = { kind: "prompt", prompt: "z".repeat(400) } as const;
    const warming = engine.warmPrefix(input, caller.signal);
    caller.abort(new DeadlineExceededError("too late"));
    await expect(warming).rejects.toBeInstanceOf(DeadlineExceededError);
    expect(engine.load()).toMatchObject({ busySlots: 0, queuedRequests: 0, warmPrefixes: [] });
    await engine.dispose();
  });

  it("reports its load, and each change of it once per turn", async () => {
    const engine = await open({ env: PLAIN, slots: 1 });
    expect(engine.load()).toMatchObject({ slots: 1, busySlots: 0, queuedRequests: 0, prefillTokensPerS: undefined });
    let changes = 0;
    const end = engine.onLoadChange(() => changes++);
    const answers = [1, 2].map((index) => answerOf(engine, prompt(`${index}`.repeat(80), { maxTokens: 3 })));
    await new Promise((resolve) => setImmediate(resolve));
    expect(changes).toBe(1);
    expect(engine.load()).toMatchObject({ queuedRequests: 1, queuedUncachedTokens: 20, busySlots: 1 });
    await Promise.all(answers);
    // 20 tokens in 10 + 20 ms.
    expect(engine.load().prefillTokensPerS).toBeCloseTo(20_000 / 30, 6);
    end();
    const seen = changes;
    await answerOf(engine, prompt("again"));
    expect(changes).toBe(seen);
    await engine.dispose();
  });

  it("takes new limits at once: more slots for what waits, a longer queue for what comes", async () => {
    const engine = await open({ env: PLAIN, slots: 1, maxQueued: 0 });
    const first = answerOf(engine, prompt("one", { maxTokens: 50 }));
    await expect(answerOf(engine, prompt("two"))).rejects.toThrow(/busy/);
    expect(engine.setLimits({ maxQueued: 1 })).toEqual({ slots: 1, maxQueued: 1 });
    const second = answerOf(engine, prompt("two", { maxTokens: 5 }));
    await turnsUntil(() => engine.describe().queued === 1 && engine.describe().busySlots === 1);
    expect(engine.setLimits({ slots: 2 })).toEqual({ slots: 2, maxQueued: 1 });
    expect((await second).complete.timings.totalMs).toBeLessThan((await first).complete.timings.totalMs);
    expect(() => engine.setLimits({ slots: 0 })).toThrow(InvalidRequestError);
    expect(() => engine.setLimits({ slots: 4096 })).toThrow(/1 to 2048/);
    expect(engine.setLimits({})).toEqual({ slots: 2, maxQueued: 1 });
    await engine.dispose();
  });

  it("fails and breaks off as often as it is told, the same ones with the same seed", async () => {
    const env = { ...PLAIN, CHIMERA_SIMULATED_FAILURE_SHARE: "0.2", CHIMERA_SIMULATED_DISCONNECT_SHARE: "0.3" };
    const [one, same, other] = await Promise.all([
      outcomes(await open({ env })),
      outcomes(await open({ env })),
      outcomes(await open({ env: { ...env, CHIMERA_SIMULATED_SEED: "2" } })),
    ]);
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
    expect(count(one, "failed")).toBeGreaterThan(40);
    expect(count(one, "failed")).toBeLessThan(80);
    expect(count(one, "broke off")).toBeGreaterThan(65);
    expect(count(one, "broke off")).toBeLessThan(115);
  });

  it("keeps the signal's own reason: a deadline stays a deadline", async () => {
    const engine = await open({ env: PLAIN });
    const call = new AbortController();
    const reading = answerOf(engine, prompt("slow", { maxTokens: 500 }), call.signal);
    await turnsUntil(() => engine.describe().generatedTokens > 3);
    call.abort(new DeadlineExceededError("over"));
    await expect(reading).rejects.toBeInstanceOf(DeadlineExceededError);
    await engine.dispose();
  });
});

const count = (list: readonly string[], what: string) => list.filter((each) => each === what).length;

/** 300 requests one after the other: how each ended. */
async function outcomes(engine: Engine): Promise<string[]> {
  const seen: string[] = [];
  for (let i = 0; i < 300; i++) {
    let tokens = 0;
    try {
      for await (const part of engine.generate(prompt(`${i}`, { maxTokens: 6 }), never)) {
        if (part.kind === "delta") tokens += part.tokenCount;
      }
      seen.push("complete");
    } catch (error) {
      expect(error).toBeInstanceOf(UnavailableError);
      seen.push(tokens === 0 ? "failed" : "broke off");
    }
  }
  expect(engine.describe()).toMatchObject({ busySlots: 0, queued: 0 });
  await engine.dispose();
  return seen;
}

async function turnsUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
