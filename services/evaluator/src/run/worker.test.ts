import { CachePolicy } from "@chimera/contracts/common";
import { describe, expect, it } from "vitest";
import { PLAIN } from "../prompt/prompt.ts";
import type { Arm, BatchTask, UnitResult } from "../queue/queue.ts";
import { answering, armOf, planOf, recordOf } from "../testing/runs.ts";
import type { Question } from "./ask.ts";
import { scoreAnswer } from "./scoring.ts";
import { batchWorker } from "./worker.ts";

interface Worked {
  results: UnitResult[];
  questions: Question[];
}

async function work(
  { arm = {}, repeats = 1, answers = ["intent=bug"] }: { arm?: Partial<Arm>; repeats?: number; answers?: string[] },
  over: Partial<BatchTask> = {},
): Promise<Worked> {
  const plan = planOf({ arms: [{ arm: armOf(arm), prompt: PLAIN }], repeats });
  const questions: Question[] = [];
  const results: UnitResult[] = [];
  const handle = batchWorker({
    replica: "evaluator-2",
    ask: async (question) => answering(answers[(questions.push(question) - 1) % answers.length] ?? ""),
    score: scoreAnswer,
  });
  await handle({
    record: recordOf(plan),
    batch: { run: "nightly", epoch: 1, units: [0, 1, 2, 3].map((unit) => plan.unit(unit)) },
    deliveries: 1,
    signal: new AbortController().signal,
    isStored: async () => false,
    store: async (result) => void results.push(result),
    ...over,
  });
  return { results, questions };
}

describe("a batch", () => {
  it("gives a result per question, scored, with who answered and what it cost", async () => {
    const { results } = await work({});
    expect(results.length).toBe(4);
    expect(results[0]).toMatchObject({ target: "bug", predicted: "bug", scores: { classification: 1 }, status: "OK" });
    expect(results[1]).toMatchObject({ target: "login", predicted: "bug", scores: { classification: 0 } });
    expect(results[0]).toMatchObject({ replica: "evaluator-2", ttftMs: 5, promptTokens: 4, completionTokens: 2 });
  });

  it("asks under ids that are told from users' requests, and fit", async () => {
    const { questions } = await work({});
    for (const { requestId } of questions) expect(requestId).toMatch(/^chimera-eval-[0-9a-f]{12}\.1\.\d\.0\.1$/);
    expect(new Set(questions.map(({ requestId }) => requestId)).size).toBe(4);
  });

  it("that comes again asks only what has no result", async () => {
    const isStored = async (unit: number) => unit < 3;
    const { results, questions } = await work({}, { deliveries: 2, isStored });
    expect(questions.length).toBe(1);
    expect(results.map(({ unit }) => unit)).toEqual([3]);
  });

  it("that ended five workers is given up: its questions fail, and nothing is asked", async () => {
    const { results, questions } = await work({}, { deliveries: 6 });
    expect(questions).toEqual([]);
    expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => "INTERNAL"));
  });

  it("takes the answer that most votes give, and counts the tokens of all", async () => {
    const answers = ["intent=login", "intent=bug", "intent=bug"];
    const { results, questions } = await work({ arm: { votes: 3, sampling: { temperature: 1, seed: 7 } }, answers });
    expect(questions.length).toBe(12);
    expect(results[0]).toMatchObject({ predicted: "bug", output: "intent=bug", completionTokens: 6 });
    expect(questions.slice(0, 3).map(({ sampling }) => sampling.seed)).toEqual([7, 8, 9]);
  });

  it("lets the first answer come from the cache where that is allowed, never a repeat", async () => {
    const { questions } = await work({ arm: { useCache: true }, repeats: 2 });
    const policies = questions.map(({ cachePolicy }) => cachePolicy);
    const { UNSPECIFIED, BYPASS } = CachePolicy;
    expect(policies).toEqual([UNSPECIFIED, BYPASS, UNSPECIFIED, BYPASS]);
  });
});
