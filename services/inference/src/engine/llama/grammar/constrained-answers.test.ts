// What a grammar does to real answers: the model is small and wanders off at a high temperature, so only the grammar keeps them in form.
import { fileURLToPath } from "node:url";
import { InvalidRequestError } from "@chimera/kernel";
import { createLogger } from "@chimera/lifecycle";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine, Grammar, Sampling } from "../../engine.ts";
import { answerOf } from "../../engine-suite.ts";
import { createLlamaEngine } from "../llama-engine.ts";

const modelPath = fileURLToPath(new URL("../../../../model/triage-1.4m.json", import.meta.url));
const logger = createLogger("inference-test", "silent");
const gbnf = (text: string): Grammar => ({ kind: "gbnf", text });
const schema = (value: unknown): Grammar => ({ kind: "json-schema", text: JSON.stringify(value) });

let engine: Engine;
beforeAll(async () => {
  engine = await createLlamaEngine({ modelPath, slots: 4, maxQueued: 64, contextTokens: 1024, threads: 1, logger });
});
afterAll(() => engine.dispose());

const prompt = "### ticket\ni was charged twice this month . please fix it right now\n### labels\n";
const ask = (grammar: Grammar | undefined, sampling: Partial<Sampling> = {}) =>
  answerOf(engine, { input: { kind: "prompt", prompt }, sampling: { maxTokens: 300, ...sampling, grammar } });

describe("an answer under a grammar", () => {
  it("has its form, also where the model alone would say something else, and then stops", async () => {
    const labels = gbnf('root ::= " refund normal" | " billing " ("low" | "high")');
    expect((await ask(undefined, { maxTokens: 24 })).text).not.toMatch(/^ (refund normal|billing (low|high))$/);
    for (const sampling of [{ temperature: 0 }, { temperature: 2, seed: 1 }, { temperature: 2, seed: 2 }]) {
      const { text, complete } = await ask(labels, sampling);
      expect(text).toMatch(/^ (refund normal|billing (low|high))$/);
      expect(complete.finishReason).toBe("stop");
    }
  });

  it("is JSON after the schema, sampled at any temperature, eight at a time", async () => {
    const form = schema({
      type: "object",
      properties: {
        intent: { enum: ["refund", "billing"] },
        urgent: { type: "boolean" },
        scores: { type: "array", items: { type: "integer" }, minItems: 1, maxItems: 3 },
        note: { type: "string", maxLength: 10 },
      },
      required: ["intent"],
    });
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, seed) => ask(form, { temperature: 1.5, topP: 1, topK: 0, seed })),
    );
    for (const { text, complete } of answers) {
      const value = JSON.parse(text) as Record<string, unknown>;
      expect(Object.keys(value)).toEqual(["intent", "urgent", "scores", "note"]);
      expect(["refund", "billing"]).toContain(value.intent);
      expect(value.urgent).toBeTypeOf("boolean");
      expect((value.scores as unknown[]).every(Number.isInteger)).toBe(true);
      expect([...String(value.note)].length).toBeLessThanOrEqual(10);
      expect(complete.finishReason).toBe("stop");
    }
    expect(new Set(answers.map(({ text }) => text)).size).toBeGreaterThan(1);
  });

  it("goes over lines although the model's own answers end with theirs, and is free again without a grammar", async () => {
    const before = (await ask(undefined, { maxTokens: 24 })).text;
    expect((await ask(gbnf('root ::= "one\\ntwo\\n" [x]'))).text).toBe("one\ntwo\nx");
    expect((await ask(undefined, { maxTokens: 24 })).text).toBe(before);
  });

  it("still ends at a stop text and at max_tokens", async () => {
    const endless = gbnf('root ::= "ab" root');
    const stopped = await ask(endless, { stop: ["baba"] });
    expect([stopped.text, stopped.complete.finishReason]).toEqual(["a", "stop"]);
    const cut = await ask(endless, { maxTokens: 5 });
    expect(cut.text).toMatch(/^(ab)*a?$/);
    expect(cut.complete).toMatchObject({ finishReason: "length", usage: { completionTokens: 5 } });
  });

  it("begins anew each time the same grammar is used, also by many at once", async () => {
    const once = gbnf('root ::= "abc"');
    const texts = await Promise.all(Array.from({ length: 6 }, async () => (await ask(once)).text));
    expect(texts).toEqual(Array(6).fill("abc"));
    // More grammars than are kept ready.
    for (let i = 0; i < 40; i++) expect((await ask(gbnf(`root ::= "${i}"`))).text).toBe(`${i}`);
    expect((await ask(once)).text).toBe("abc");
  });

  it.each<[string, Grammar, string, RegExp]>([
    ["GBNF that can not be read", gbnf('root ::= "abc'), "sampling.grammar", /line 1: a text is not closed/],
    ["left recursion", gbnf('root ::= root "a" | "b"'), "sampling.grammar", /left recursion/],
    ["a repetition that would take all memory", gbnf('root ::= "a"{3,1}'), "sampling.grammar", /ends below/],
    ["text that is no JSON", { kind: "json-schema", text: "{" }, "sampling.json_schema", /is not JSON/],
    ["a schema it can not enforce", schema({ type: "string", pattern: "a" }), "sampling.json_schema", /"pattern"/],
    ["a grammar over 16 KiB", gbnf(`root ::= "${"a".repeat(17_000)}"`), "sampling.grammar", /at most 16384/],
  ])("is refused before it has a place for %s", async (_name, grammar, field, reason) => {
    const sampling = { grammar };
    const parts = engine.generate({ input: { kind: "prompt", prompt }, sampling }, new AbortController().signal);
    const failure = await parts[Symbol.asyncIterator]()
      .next()
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(InvalidRequestError);
    expect(failure).toMatchObject({ violations: [{ field, description: expect.stringMatching(reason) }] });
    expect(engine.describe()).toMatchObject({ busySlots: 0, queued: 0 });
  });

  it("comes in the largest forms that are let in", async () => {
    const chain = Array.from({ length: 11 }, (_, i) => `a${i} ::= a${i + 1} | a${i + 1}`).join("\n");
    const largest = [
      `root ::= a0\n${chain}\na11 ::= "x"`,
      `root ::= ${'"a"? '.repeat(32)}`,
      `root ::= ${".* ".repeat(32)}`,
      'root ::= "a"{0,2000} "b"',
      "root ::= .{0,1300} .{0,1300} .{0,1300}",
      `root ::= ${Array.from({ length: 2000 }, (_, i) => `"${i}"`).join("|")}`,
      `root ::= ${"(".repeat(60)}"a"${")".repeat(60)}`,
    ];
    for (const text of largest) await ask(gbnf(text), { maxTokens: 4, temperature: 1, seed: 1 });
    expect(engine.describe()).toMatchObject({ busySlots: 0, activeGenerations: 0 });
  });
});
