import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLogger } from "@chimera/lifecycle";
import { loadTickets } from "@chimera/tickets";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine, EngineMessage, EngineRequest, Sampling } from "../engine.ts";
import { answerOf } from "../engine-suite.ts";
import { createLlamaEngine } from "./llama-engine.ts";

const modelPath = fileURLToPath(new URL("../../../model/triage-1.4m.json", import.meta.url));
const logger = createLogger("inference-test", "silent");
const never = new AbortController().signal;
const PROMPTS = 200;
const SLOTS = 8;

const open = (options: { slots: number; folder?: string }) =>
  createLlamaEngine({
    modelPath,
    slots: options.slots,
    maxQueued: 256,
    contextTokens: 1024,
    threads: 1,
    logger,
    ...(options.folder && { states: { folder: options.folder, maxBytes: 64 * 1024 * 1024 } }),
  });

const tickets = (await loadTickets("validation")).slice(0, PROMPTS).map(({ input }) => input);
const solved = (await loadTickets("train")).slice(0, 4);
const prefix: EngineMessage[] = [
  { role: "system", content: "you are the triage desk . read the ticket and give intent and priority ." },
  ...solved.flatMap(({ input, target }): EngineMessage[] => [
    { role: "user", content: input },
    { role: "assistant", content: target },
  ]),
];

const modes: { name: string; sampling: Partial<Sampling> }[] = [
  { name: "greedy", sampling: { temperature: 0 } },
  { name: "drawn with seeds", sampling: { temperature: 1, topK: 0, topP: 1, minP: 0 } },
];

function requestsOf(before: readonly EngineMessage[], sampling: Partial<Sampling>): EngineRequest[] {
  return tickets.map((content, index) => ({
    input: { kind: "messages", messages: [...before, { role: "user", content }] },
    sampling: { ...sampling, seed: 1000 + index, maxTokens: 12, stop: ["@@@"] },
  }));
}

const together = async (engine: Engine, requests: readonly EngineRequest[]) => {
  const answers = await Promise.all(requests.map((request) => answerOf(engine, request)));
  return { texts: answers.map(({ text }) => text), usages: answers.map(({ complete }) => complete.usage) };
};

/**
 * How many requests share a step depends on when they come, and sums of floats depend on that in their last digits. A greedy
 * choice does not turn on those; a draw that falls on the border between two tokens can, about once in some hundred answers.
 */
function expectSame(texts: readonly string[], expected: readonly string[], { temperature }: Partial<Sampling>): void {
  const different = texts.filter((text, index) => text !== expected[index]);
  expect(different.length, different.join("\n")).toBeLessThanOrEqual(temperature === 0 ? 0 : 0.01 * PROMPTS);
}

describe(`${PROMPTS} tickets answered one by one, each from nothing`, () => {
  let folder: string;
  let serial: Engine;
  let batched: Engine;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "inference-same-"));
    [serial, batched] = await Promise.all([open({ slots: 1 }), open({ slots: SLOTS, folder })]);
  });
  afterAll(async () => {
    await Promise.all([serial.dispose(), batched.dispose()]);
    await rm(folder, { recursive: true });
  });

  /** What the slot held is overwritten before each. */
  async function oneByOne(requests: readonly EngineRequest[]): Promise<string[]> {
    const texts: string[] = [];
    for (const request of requests) {
      await answerOf(serial, { input: { kind: "prompt", prompt: "hi" }, sampling: { maxTokens: 1 } });
      const { text, complete } = await answerOf(serial, request);
      expect(complete.usage.cachedTokens).toBeLessThan(4);
      texts.push(text);
    }
    return texts;
  }

  it.each(modes)("are answered the same eight at a time, $name", async ({ sampling }) => {
    const requests = requestsOf([], sampling);
    const expected = await oneByOne(requests);
    expectSame((await together(batched, requests)).texts, expected, sampling);
    expect(new Set(expected).size).toBeGreaterThan(15);
  });

  it.each(modes)("are answered the same eight at a time behind a warm prefix, $name", async ({ sampling }) => {
    const requests = requestsOf(prefix, sampling);
    const expected = await oneByOne(requests);
    const warmed = await batched.warmPrefix({ kind: "messages", messages: prefix }, never);
    expect(warmed.tokens).toBeGreaterThan(80);
    const { texts, usages } = await together(batched, requests);
    expectSame(texts, expected, sampling);
    // One slot held it, and the others took it from the file.
    for (const { cachedTokens } of usages) expect(cachedTokens).toBeGreaterThanOrEqual(warmed.tokens);
  });
});
