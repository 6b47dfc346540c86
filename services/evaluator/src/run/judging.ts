// The judge of a run: a model that is asked through the router, as items are, once for each answer that counts. Answers are data to it.
import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { CachePolicy, SamplingParamsSchema } from "@chimera/contracts/common";
import { ChimeraError, seededRandom } from "@chimera/kernel";
import type { BatchTask, Unit } from "../queue/queue.ts";
import { gradeAnswer } from "../scorer/judge/judge.ts";
import { JUDGE, JUDGE_READ } from "../scorer/judge/parameters.ts";
import type { JudgeMessage } from "../scorer/judge/prompt.ts";
import { judgeParametersOf } from "../scorer/registry.ts";
import { type AskOptions, ask } from "./ask.ts";
import { requestPrefix } from "./run-id.ts";

/** A reason in three sentences and a grade. With two tries at most an answer costs so many tokens twice. */
const MAX_TOKENS = 256;
/** Of the question, the reference and the answer each; the judge sees no more. */
const MAX_CHARACTERS = 16_384;

export type Judge = (unit: Unit, answer: string, task: BatchTask) => Promise<Record<string, number>>;

/** Scores by name; none where the run has no judge, and no grade where its reply could not be read. */
export function judging(asking: AskOptions): Judge {
  return async (unit, answer, task) => {
    const { record, batch, deliveries, signal } = task;
    if (!record.scorers.includes(JUDGE)) return {};
    const { criteria, model, best } = judgeParametersOf(record.parameters[JUDGE]);
    const request = {
      rubric: criteria,
      input: cut(unit.messages.at(-1)?.content ?? ""),
      reference: cut(unit.reference),
      answer: cut(answer),
      best,
    };
    let tries = 0;
    const askJudge = async (messages: readonly JudgeMessage[]) => {
      const reply = await ask(
        asking,
        {
          tenant: unit.tenant,
          messages,
          model,
          sampling: create(SamplingParamsSchema, { temperature: 0, maxTokens: MAX_TOKENS }),
          // Greedy: the same answer has the same grade, made or kept.
          cachePolicy: CachePolicy.UNSPECIFIED,
          requestId: `${requestPrefix(batch.run)}.${batch.epoch}.${unit.unit}.judge${tries++}.${deliveries}`,
        },
        signal,
      );
      return reply.text;
    };
    const grade = await gradeAnswer(request, { ask: askJudge, random: randomOf(request), signal }).catch(
      (error: unknown) => {
        signal.throwIfAborted();
        if (error instanceof ChimeraError) return undefined;
        throw error;
      },
    );
    const scores: Record<string, number> = { [JUDGE_READ]: grade === undefined ? 0 : 1 };
    if (grade !== undefined) scores[JUDGE] = grade;
    return scores;
  };
}

/** The same for the same request, so that its prompt is the same and the cache can know it. No text holds the fence that is drawn. */
function randomOf(request: object) {
  const digest = createHash("sha256").update(JSON.stringify(request)).digest();
  return seededRandom(digest.readUInt32LE());
}

function cut(text: string): string {
  return text.slice(0, MAX_CHARACTERS);
}
