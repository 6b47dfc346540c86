import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLogger } from "@chimera/lifecycle";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine, EngineMessage, EngineRequest, Sampling } from "../engine.ts";
import { answerOf, engineSuite } from "../engine-suite.ts";
import { BUFFER_TOKENS } from "../part-buffer.ts";
import { withoutKey, withText } from "./gguf-editor.ts";
import { createLlamaEngine } from "./llama-engine.ts";
import { resolveModel } from "./model-source.ts";
import { openLlama } from "./open-llama.ts";

const folder = fileURLToPath(new URL("../../../model/", import.meta.url));
const manifest = join(folder, "triage-1.4m.json");
const weights = join(folder, "triage-1.4m.q8_0.gguf");
const logger = createLogger("inference-test", "silent");

const open = (options: Partial<Parameters<typeof createLlamaEngine>[0]> = {}) =>
  createLlamaEngine({
    modelPath: manifest,
    slots: 8,
    maxQueued: 256,
    contextTokens: 1024,
    threads: 1,
    logger,
    ...options,
  });

const ticket = "hello team . i was charged twice this month . we use the pro plan . please fix it right now";
/** No answer of this model holds it, so that only max_tokens ends one. */
const ENDLESS = { stop: ["@@@"] };

engineSuite({
  name: "llama",
  open,
  prompt: `### ticket\n${ticket}\n### labels\n`,
  endless: ENDLESS,
  longPrompt: `### ticket\n${`${ticket} . `.repeat(30)}\n### labels\n`,
  aheadTokens: BUFFER_TOKENS + 1,
  constrained: [
    {
      grammar: { kind: "gbnf", text: 'root ::= " naïve " ("😀" | "ü"){3} "." [a-z]{12}' },
      matches: /^ naïve (😀|ü){3}\.[a-z]{12}$/u,
    },
    {
      grammar: {
        kind: "json-schema",
        text: JSON.stringify({
          type: "object",
          properties: { intent: { enum: ["refund", "billing"] }, note: { type: "string", maxLength: 20 } },
          required: ["intent", "note"],
        }),
      },
      matches: /^\{\s*"intent"\s*:\s*"(refund|billing)"\s*,\s*"note"\s*:\s*"(.|\n)*"\s*\}$/,
    },
  ],
});

interface Reference {
  text: string;
  ids: number[];
  greedy: number[];
  margins: number[];
}

const references = JSON.parse(await readFile(join(folder, "triage-1.4m.reference.json"), "utf8")) as Reference[];

describe("llama engine with the bundled model", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.dispose());

  const complete = (prompt: string, sampling: Partial<Sampling>) =>
    answerOf(engine, { input: { kind: "prompt", prompt }, sampling });

  it("says what it serves", () => {
    expect(engine.describe()).toMatchObject({
      engine: "llama",
      model: "triage-1.4m",
      modelVersion: "83b5cc438c553a21",
      contextTokens: 1024,
      slots: 8,
    });
  });

  it("labels a ticket, greedily and up to the end of the line where the request leaves everything open", async () => {
    const messages: EngineMessage[] = [
      { role: "system", content: "you are the triage desk . read the ticket and give intent and priority ." },
      { role: "user", content: ticket },
    ];
    const { text, complete } = await answerOf(engine, { input: { kind: "messages", messages }, sampling: {} });
    expect(text).toBe("intent=billing priority=high");
    expect(complete.finishReason).toBe("stop");
    // Six tokens of text and the end of the line.
    expect(complete.usage.completionTokens).toBe(7);
  });

  it("learns a made-up word from a solved example", async () => {
    const messages: EngineMessage[] = [
      { role: "user", content: "it is about zorn . no rush" },
      { role: "assistant", content: "intent=shipping priority=low" },
      { role: "user", content: "another zorn from our side . this is urgent" },
    ];
    const { text } = await answerOf(engine, { input: { kind: "messages", messages }, sampling: {} });
    expect(text).toBe("intent=shipping priority=high");
  });

  it("starts from what a slot already holds: the same prompt again computes one token of it", async () => {
    const prompt = `### ticket\n${"we use the pro plan . ".repeat(12)}\n### labels\n`;
    const cold = await complete(prompt, { maxTokens: 3 });
    const warm = await complete(prompt, { maxTokens: 3 });
    expect(warm.complete.usage.cachedTokens).toBe(warm.complete.usage.promptTokens - 1);
    expect(warm.text).toBe(cold.text);
    const longer = await complete(`${prompt}intent=`, { maxTokens: 3 });
    expect(longer.complete.usage.cachedTokens).toBeGreaterThanOrEqual(warm.complete.usage.promptTokens - 1);
  });

  it("fills the context to its last token and not beyond", async () => {
    const { promptTokens } = (await complete("hi", { maxTokens: 1 })).complete.usage;
    const { complete: last } = await complete("hi", { ...ENDLESS, maxTokens: 1024 - promptTokens });
    expect(last).toMatchObject({ finishReason: "length", usage: { completionTokens: 1024 - promptTokens } });
    await expect(complete("hi", { maxTokens: 1025 - promptTokens })).rejects.toThrow(/1024/);
  });

  it("repeats less under a repetition penalty", async () => {
    /** How often the commonest word comes. */
    const mostRepeats = async (repetitionPenalty: number) => {
      const { text } = await complete("### ticket\n", {
        ...ENDLESS,
        temperature: 0,
        maxTokens: 120,
        repetitionPenalty,
      });
      const counts = new Map<string, number>();
      for (const word of text.split(/\s+/)) counts.set(word, (counts.get(word) ?? 0) + 1);
      return Math.max(...counts.values());
    };
    expect(await mostRepeats(1.8)).toBeLessThan(await mostRepeats(1));
  });

  it.each([
    { name: "greedy", temperature: 0 },
    { name: "sampled with a seed", temperature: 1 },
  ])("gives the same answers eight at a time as one by one, $name", async ({ temperature }) => {
    const requests = references.map(({ text }, index): EngineRequest => {
      const sampling = { ...ENDLESS, temperature, topP: 1, topK: 0, seed: 100 + index, maxTokens: 12 };
      return { input: { kind: "prompt", prompt: text }, sampling };
    });
    const serial: string[] = [];
    for (const request of requests) serial.push((await answerOf(engine, request)).text);
    const batched = await Promise.all(requests.map((request) => answerOf(engine, request)));
    expect(batched.map((answer) => answer.text)).toEqual(serial);
    expect(new Set(serial).size).toBeGreaterThan(4);
  });

  it("keeps text exact through tokens and back: spaces before punctuation, characters of several bytes", async () => {
    const model = await openLlama(await resolveModel(manifest), { maxSlots: 1, contextTokens: 64, threads: 1 }, logger);
    try {
      const text = "hi . i (42) don't , ok ? naïve 😀 ünïcode";
      const ids = model.encoder.encode({ kind: "prompt", prompt: text });
      const decoder = model.newDecoder();
      expect(ids.map((id) => decoder.push(id)).join("")).toBe(text);
    } finally {
      await model.dispose();
    }
  });
});

describe("llama engine with a bare GGUF file", () => {
  it("takes id, template and defaults from the file alone", async () => {
    const scratch = await mkdtemp(join(tmpdir(), "inference-gguf-"));
    const path = join(scratch, "desk.gguf");
    const template = "{% for m in messages %}ticket : {{ m.content }}\nanswer :{% endfor %}";
    await writeFile(path, withText(await readFile(weights), "tokenizer.chat_template", template));
    const engine = await open({ modelPath: path, slots: 1 });
    try {
      expect(engine.describe().model).toBe("desk");
      const input = { kind: "messages", messages: [{ role: "user", content: ticket }] } as const;
      const { text } = await answerOf(engine, { input, sampling: { temperature: 0, stop: ["\n"] } });
      expect(text).toBe(" billing high");
    } finally {
      await engine.dispose();
      await rm(scratch, { recursive: true });
    }
  });

  it("refuses messages where the file has no template, and takes a prompt", async () => {
    const scratch = await mkdtemp(join(tmpdir(), "inference-gguf-"));
    const path = join(scratch, "desk.gguf");
    await writeFile(path, withoutKey(await readFile(weights), "tokenizer.chat_template"));
    const engine = await open({ modelPath: path, slots: 1 });
    try {
      const input = { kind: "messages", messages: [{ role: "user", content: ticket }] } as const;
      await expect(answerOf(engine, { input, sampling: {} })).rejects.toThrow(/no chat template.*`prompt`/);
      const prompt = `ticket : ${ticket}\nanswer :`;
      const sampling = { temperature: 0, stop: ["\n"] };
      expect((await answerOf(engine, { input: { kind: "prompt", prompt }, sampling })).text).toBe(" billing high");
    } finally {
      await engine.dispose();
      await rm(scratch, { recursive: true });
    }
  });
});
