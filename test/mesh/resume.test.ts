// A replica that dies in the middle of its answers: another one goes on, and nobody who reads can tell.
import type { GenerateResponse } from "@chimera/contracts/common";
import {
  type Answer,
  ask,
  longStory,
  openAnswer,
  readAnswer,
  startTestMesh,
  type TestMesh,
  until,
} from "@chimera/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const STREAMS = 16;
const TOKENS = 400;

let test: TestMesh;
beforeAll(async () => {
  test = await startTestMesh({ replicas: { inference: 2 }, restart: true });
});
afterAll(() => test[Symbol.asyncDispose]());

/** Keeps a model from ending early. */
const LETTERS = "root ::= [a-z ]{300}";
const bound = { maxTokens: TOKENS, stop: ["\u0000"] };

/** Kinds of answers that are the same whenever they are made again. */
const REQUESTS: Readonly<Record<string, Parameters<typeof ask>[1]>> = {
  greedy: longStory(TOKENS),
  "with a penalty on repetition": { ...longStory(), sampling: { ...bound, temperature: 0, repetitionPenalty: 1.3 } },
  "under a grammar": { ...longStory(), sampling: { ...bound, temperature: 0, grammar: LETTERS } },
  "under a grammar, sampled with a seed": {
    ...longStory(),
    sampling: { ...bound, temperature: 1, seed: 7, grammar: LETTERS },
  },
};

/** Reads on, and resolves `begun` once the stream is in its middle. */
function reading(request: Parameters<typeof openAnswer>[1]): { begun: Promise<void>; answer: Promise<Answer> } {
  const begun = Promise.withResolvers<void>();
  async function* watched(parts: AsyncIterable<GenerateResponse>) {
    let deltas = 0;
    for await (const part of parts) {
      if (part.part.case === "delta" && ++deltas === 5) begun.resolve();
      yield part;
    }
    begun.resolve();
  }
  const answer = readAnswer(watched(openAnswer(test.router, request)));
  answer.catch(begun.reject);
  return { begun: begun.promise, answer };
}

describe("a replica that is killed", () => {
  it.each(Object.entries(REQUESTS))("leaves answers whole and exact: %s", async (_kind, request) => {
    const undisturbed = await ask(test.router, request);
    expect(undisturbed.complete.usage?.completionTokens).toBeGreaterThan(50);
    // One after the other all might go to the faster one; together they are more than one replica has slots.
    await until("both replicas", async () => {
      const burst = await Promise.all(Array.from({ length: STREAMS }, () => ask(test.router, longStory(30))));
      return new Set(burst.map(({ accepted }) => accepted.servedBy)).size === 2;
    });
    const streams = Array.from({ length: STREAMS }, () => reading(request));
    await Promise.all(streams.map(({ begun }) => begun));
    const victim = test.mesh.process("inference");
    const killedPid = victim.pid;
    victim.kill("SIGKILL");
    const answers = await Promise.all(streams.map(({ answer }) => answer));
    expect(answers.filter(({ accepted }) => accepted.servedBy === "inference").length).toBeGreaterThan(0);
    for (const { text, complete } of answers) {
      expect(text).toBe(undisturbed.text);
      expect(complete.finishReason).toBe(undisturbed.complete.finishReason);
      const { promptTokens, completionTokens } = undisturbed.complete.usage ?? {};
      expect(complete.usage).toMatchObject({ promptTokens, completionTokens });
    }
    await until("the replica back", () => test.mesh.process("inference").pid !== killedPid);
  });
});
