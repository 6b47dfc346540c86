import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { createLogger } from "@chimera/lifecycle";
import { describe, expect, it } from "vitest";
import { answerOf } from "../engine-suite.ts";
import { createLlamaEngine } from "./llama-engine.ts";
import { resolveModel } from "./model-source.ts";
import { openLlama } from "./open-llama.ts";

/** What the trainer's own arithmetic says to a prompt. */
interface Reference {
  text: string;
  ids: number[];
  greedy: number[];
  /** By how much the best token leads, per step. */
  margins: number[];
}

const folder = fileURLToPath(new URL("../../../model/", import.meta.url));
const logger = createLogger("inference-test", "silent");
/** 8-bit weights move a logit by up to this much: from a closer decision on, the answer is free to differ. */
const TIE_LEAD = 0.12;

describe.each(["triage-1.4m", "triage-3.2m"])("the bundled model %s", (name) => {
  const modelPath = `${folder}${name}.json`;
  const settings = { contextTokens: 1024, threads: 1 };

  it("computes what was trained: tokens and greedy answers of 50 prompts", async () => {
    const references = JSON.parse(await readFile(`${folder}${name}.reference.json`, "utf8")) as Reference[];
    expect(references).toHaveLength(50);
    const model = await openLlama(await resolveModel(modelPath), { ...settings, maxSlots: 1 }, logger);
    const engine = await createLlamaEngine({ modelPath, slots: 1, maxQueued: 1, logger, ...settings });
    try {
      for (const { text, ids, greedy, margins } of references) {
        expect(model.encoder.encode({ kind: "prompt", prompt: text })).toEqual(ids);
        const weak = margins.findIndex((margin) => margin < TIE_LEAD);
        const certain = weak < 0 ? greedy : greedy.slice(0, weak);
        const decoder = model.newDecoder();
        const expected = certain.map((token) => decoder.push(token)).join("");
        const sampling = { temperature: 0, maxTokens: greedy.length, stop: ["@@@"] };
        const answer = await answerOf(engine, { input: { kind: "prompt", prompt: text }, sampling });
        expect(answer.text.startsWith(expected)).toBe(true);
      }
    } finally {
      await engine.dispose();
      await model.dispose();
    }
  });
});
