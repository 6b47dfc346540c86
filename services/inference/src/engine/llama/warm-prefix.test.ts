import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLogger } from "@chimera/lifecycle";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Engine, EngineInput } from "../engine.ts";
import { answerOf } from "../engine-suite.ts";
import { createLlamaEngine, type LlamaOptions } from "./llama-engine.ts";

const modelPath = fileURLToPath(new URL("../../../model/triage-1.4m.json", import.meta.url));
const logger = createLogger("inference-test", "silent");
const never = new AbortController().signal;
const MIB = 1024 * 1024;

let folder: string;
const engines: Engine[] = [];

async function open(options: Partial<LlamaOptions> = {}): Promise<Engine> {
  const engine = await createLlamaEngine({
    modelPath,
    slots: 2,
    maxQueued: 16,
    contextTokens: 1024,
    threads: 1,
    states: { folder, maxBytes: 64 * MIB },
    logger,
    ...options,
  });
  engines.push(engine);
  return engine;
}

async function restart(engine: Engine, options: Partial<LlamaOptions> = {}): Promise<Engine> {
  engines.splice(engines.indexOf(engine), 1);
  await engine.dispose();
  return open(options);
}

/** Another text of at least 512 tokens for every number. */
const promptOf = (number: number) =>
  `### ticket\n${`hello ${number} . we use the pro plan . please fix it . `.repeat(40)}`;
const warm = (engine: Engine, prompt: string) => engine.warmPrefix({ kind: "prompt", prompt }, never);
const ask = (engine: Engine, input: EngineInput) =>
  answerOf(engine, { input, sampling: { temperature: 0, maxTokens: 8 } });
const askPrompt = (engine: Engine, prompt: string) => ask(engine, { kind: "prompt", prompt: `${prompt}thanks\n` });
/** Overwrites what the slots hold. */
async function forget(engine: Engine): Promise<void> {
  const { slots } = engine.describe();
  await Promise.all(Array.from({ length: slots }, () => ask(engine, { kind: "prompt", prompt: "hi there" })));
}
const paths = async () => (await readdir(folder)).map((name) => join(folder, name));
const sizeOf = async () =>
  (await Promise.all((await paths()).map(async (path) => (await stat(path)).size))).reduce((a, b) => a + b, 0);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "inference-warm-"));
});
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.dispose();
  await rm(folder, { recursive: true, force: true });
});

describe("a warm prefix", () => {
  it("survives a restart of the engine, and the answer stays the same", async () => {
    const cold = await open({ states: undefined });
    const expected = await askPrompt(cold, promptOf(1));
    expect(expected.complete.usage.cachedTokens).toBeLessThan(4);

    const first = await open();
    const warmed = await warm(first, promptOf(1));
    expect(warmed.tokens).toBeGreaterThanOrEqual(512);
    expect(warmed).toMatchObject({ cachedTokens: 0, savedBytes: await sizeOf() });
    expect(first.load().warmPrefixes).toEqual([warmed.id]);

    const second = await restart(first);
    expect(second.load()).toMatchObject({ warmPrefixes: [warmed.id], kvTokens: 0 });
    const answer = await askPrompt(second, promptOf(1));
    expect(answer.complete.usage.cachedTokens).toBe(warmed.tokens);
    expect(answer.text).toBe(expected.text);
    expect(second.load().kvTokens).toBeGreaterThan(warmed.tokens);
  });

  it("is warm for every slot, and still is when all slots have forgotten it", async () => {
    const engine = await open();
    const { tokens } = await warm(engine, promptOf(1));
    for (let round = 0; round < 2; round++) {
      const answers = await Promise.all([1, 2].map(() => askPrompt(engine, promptOf(1))));
      for (const { complete } of answers) expect(complete.usage.cachedTokens).toBeGreaterThanOrEqual(tokens);
      await forget(engine);
    }
  });

  it("of a conversation is what every conversation that begins so begins with", async () => {
    const engine = await open();
    const messages = [
      { role: "system", content: "you are the triage desk . read the ticket and give intent and priority ." },
      { role: "user", content: "i was charged twice . no rush" },
      { role: "assistant", content: "intent=billing priority=low" },
    ] as const;
    const { tokens } = await engine.warmPrefix({ kind: "messages", messages }, never);
    await forget(engine);
    for (const content of ["it is down again", "where is my parcel"]) {
      const { complete } = await ask(engine, { kind: "messages", messages: [...messages, { role: "user", content }] });
      expect(complete.usage.cachedTokens).toBeGreaterThanOrEqual(tokens);
      expect(complete.usage.promptTokens - tokens).toBeLessThan(30);
    }
  });

  it("that ends inside a word is of use up to that word, whatever it becomes", async () => {
    const engine = await open();
    const { tokens } = await warm(engine, "### ticket\nplease fix the tea");
    await forget(engine);
    const { complete } = await ask(engine, { kind: "prompt", prompt: "### ticket\nplease fix the team thing" });
    expect(complete.usage.cachedTokens).toBeGreaterThanOrEqual(tokens - 1);
  });

  it("can only be kept in a slot without a folder, and is reported for as long as the slot has it", async () => {
    const engine = await open({ states: undefined, slots: 1 });
    const warmed = await warm(engine, promptOf(1));
    expect(warmed.savedBytes).toBe(0);
    expect(engine.load().warmPrefixes).toEqual([warmed.id]);
    expect((await askPrompt(engine, promptOf(1))).complete.usage.cachedTokens).toBeGreaterThanOrEqual(warmed.tokens);
    await forget(engine);
    expect(engine.load().warmPrefixes).toEqual([]);
  });

  it("gives the oldest state up at the bound, and says so in its load", async () => {
    const { savedBytes } = await warm(await open(), promptOf(0));
    const engine = await open({ states: { folder, maxBytes: Math.floor(2.5 * savedBytes) } });
    const ids: string[] = [];
    for (const number of [1, 2, 3]) ids.unshift((await warm(engine, promptOf(number))).id);
    expect(await sizeOf()).toBeLessThanOrEqual(2.5 * savedBytes);
    expect(await paths()).toHaveLength(2);
    await forget(engine);
    expect(engine.load().warmPrefixes).toEqual(ids.slice(0, 2));
    expect((await askPrompt(engine, promptOf(1))).complete.usage.cachedTokens).toBeLessThan(20);
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ["cut in the middle", (path) => truncate(path, 50_000)],
    ["cut inside its head", (path) => truncate(path, 40)],
    [
      "overwritten with noise",
      async (path) => {
        const { size } = await stat(path);
        await writeFile(path, Buffer.alloc(size, 7));
      },
    ],
    [
      "changed in one byte of the state",
      async (path) => {
        const bytes = await readFile(path);
        bytes[bytes.length - 1000] = (bytes.at(-1000) ?? 0) ^ 255;
        await writeFile(path, bytes);
      },
    ],
  ])("starts cold and answers the same where its file was %s", async (_name, damage) => {
    const engine = await open();
    const { tokens } = await warm(engine, promptOf(1));
    const expected = await askPrompt(engine, promptOf(1));
    await forget(engine);
    for (const path of await paths()) await damage(path);
    const answer = await askPrompt(engine, promptOf(1));
    expect(answer.text).toBe(expected.text);
    expect(answer.complete.usage.cachedTokens).toBeLessThan(20);
    expect(await paths()).toEqual([]);
    // And it can be warmed again.
    await forget(engine);
    expect(await warm(engine, promptOf(1))).toMatchObject({ tokens });
    expect(await paths()).toHaveLength(1);
  });

  it("of another set-up is not loaded: what the engine could not tell from its own", async () => {
    await warm(await open(), promptOf(1));
    const wider = await open({ slots: 3 });
    expect(wider.load().warmPrefixes).toEqual([]);
    expect((await askPrompt(wider, promptOf(1))).complete.usage.cachedTokens).toBeLessThan(4);
    expect(await paths()).toHaveLength(1);
  });

  it("is not worth failing for: a folder that can not be used leaves the engine serving", async () => {
    const file = join(folder, "taken");
    await writeFile(file, "");
    const engine = await open({ states: { folder: file, maxBytes: MIB } });
    expect((await warm(engine, promptOf(1))).savedBytes).toBe(0);
  });

  it("waits for a slot in turn, and leaves the queue when its caller does", async () => {
    const engine = await open({ slots: 1 });
    const holder = engine
      .generate({ input: { kind: "prompt", prompt: "hi" }, sampling: { maxTokens: 600, stop: ["@@@"] } }, never)
      [Symbol.asyncIterator]();
    await holder.next();
    const caller = new AbortController();
    const leaving = engine.warmPrefix({ kind: "prompt", prompt: promptOf(1) }, caller.signal);
    const staying = warm(engine, promptOf(2));
    expect(engine.load()).toMatchObject({ busySlots: 1, queuedRequests: 2 });
    expect(engine.load().queuedUncachedTokens).toBeGreaterThan(1000);
    caller.abort();
    await expect(leaving).rejects.toMatchObject({ kind: "cancelled" });
    await holder.return?.();
    expect((await staying).cachedTokens).toBeLessThan(4);
    expect(engine.load()).toMatchObject({ busySlots: 0, queuedRequests: 0, queuedUncachedTokens: 0 });
  });
});

describe("the slots of the llama engine", () => {
  it("can be raised to the hard maximum and no further, and compute together then", async () => {
    const engine = await open({ slots: 1, maxSlots: 4, states: undefined });
    expect(engine.load()).toMatchObject({ slots: 1, kvCapacityTokens: 1024 });
    expect(engine.setLimits({ slots: 4 })).toEqual({ slots: 4, maxQueued: 16 });
    expect(engine.load().kvCapacityTokens).toBe(4096);
    expect(() => engine.setLimits({ slots: 5 })).toThrow(/1 to 4/);
    const holders = [1, 2, 3, 4].map(() =>
      engine
        .generate({ input: { kind: "prompt", prompt: "hi" }, sampling: { maxTokens: 600, stop: ["@@@"] } }, never)
        [Symbol.asyncIterator](),
    );
    for (const holder of holders) await holder.next();
    expect(engine.load()).toMatchObject({ busySlots: 4, activeGenerations: 4, queuedRequests: 0 });
    for (const holder of holders) await holder.return?.();
  });
});
