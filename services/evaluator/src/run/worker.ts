// Answers a batch: one question after the other, each scored and kept before the next. What has a result already, from a worker
// that was killed, is not asked again.
import { fromJson } from "@bufbuild/protobuf";
import { CachePolicy, type SamplingParams, SamplingParamsSchema } from "@chimera/contracts/common";
import { ChimeraError } from "@chimera/kernel";
import { statusName } from "@chimera/rpc";
import type { Arm, BatchHandler, BatchTask, RunRecord, Unit, UnitResult } from "../queue/queue.ts";
import { JUDGE } from "../scorer/judge/parameters.ts";
import type { Answer, Question } from "./ask.ts";
import type { Judge } from "./judging.ts";
import { requestPrefix } from "./run-id.ts";

export interface Scored {
  target: string;
  /** Empty where the answer gives no label that is a class. */
  predicted: string;
  /** By scorer, 0 to 1. */
  scores: Record<string, number>;
}

export interface WorkerOptions {
  /** Name of this replica in results. */
  replica: string;
  ask(question: Question, signal: AbortSignal): Promise<Answer>;
  score(unit: Unit, answer: string, record: RunRecord): Promise<Scored> | Scored;
  /** Further scores of the answer that counts, which take a question of their own. */
  judge?: Judge;
}

/** A batch that ended so many workers is not tried again: its items count as failed. */
const MAX_DELIVERIES = 5;
/** Longer outputs are cut in results, which must stay small. */
const MAX_OUTPUT_CHARACTERS = 16_384;
const MAX_MESSAGE_CHARACTERS = 512;

export function batchWorker(options: WorkerOptions): BatchHandler {
  return async (task) => {
    for (const unit of task.batch.units) {
      task.signal.throwIfAborted();
      if (task.deliveries > 1 && (await task.isStored(unit.unit))) continue;
      await task.store(await resultOf(options, task, unit));
    }
  };
}

async function resultOf(options: WorkerOptions, task: BatchTask, unit: Unit): Promise<UnitResult> {
  const { arm, repeat, itemId, tenant, cluster } = unit;
  const about = { unit: unit.unit, arm, repeat, itemId, tenant, cluster, replica: options.replica };
  if (task.deliveries > MAX_DELIVERIES) {
    const message = `given up: ${MAX_DELIVERIES} workers ended over its batch`;
    return { ...about, ...(await scoredFailure(options, task, unit)), status: "INTERNAL", message };
  }
  try {
    const { answers, chosen, scored } = await drawAnswers(options, task, unit);
    const judged = await options.judge?.(unit, chosen.text, task);
    const slowest = Math.max(...answers.map(({ ttftMs }) => ttftMs ?? Number.NaN));
    return {
      ...about,
      ...scored,
      scores: { ...scored.scores, ...judged },
      output: chosen.text.slice(0, MAX_OUTPUT_CHARACTERS),
      status: "OK",
      message: "",
      ...(!Number.isNaN(slowest) && { ttftMs: slowest }),
      promptTokens: answers.reduce((sum, each) => sum + each.promptTokens, 0),
      completionTokens: answers.reduce((sum, each) => sum + each.completionTokens, 0),
      model: chosen.model,
      modelVersion: chosen.modelVersion,
    };
  } catch (error) {
    task.signal.throwIfAborted();
    if (!(error instanceof ChimeraError)) throw error;
    const message = error.message.slice(0, MAX_MESSAGE_CHARACTERS);
    return { ...about, ...(await scoredFailure(options, task, unit)), status: statusName(error), message };
  }
}

async function scoredFailure({ score }: WorkerOptions, { record }: BatchTask, unit: Unit) {
  const { target, scores } = await score(unit, "", record);
  const names = [...Object.keys(scores), ...record.scorers.filter((name) => name === JUDGE)];
  const none = Object.fromEntries(names.map((name) => [name, 0]));
  return {
    target,
    predicted: "",
    scores: none,
    output: "",
    promptTokens: 0,
    completionTokens: 0,
    model: "",
    modelVersion: "",
  };
}

/** As many answers as the arm draws; of those the first with the label that most of them give counts. */
async function drawAnswers(options: WorkerOptions, task: BatchTask, unit: Unit) {
  const arm = task.record.arms[unit.arm];
  if (arm === undefined) throw new RangeError(`unit ${unit.unit} is for arm ${unit.arm}, which its run does not have`);
  const drawn: { answer: Answer; scored: Scored }[] = [];
  for (let vote = 0; vote < arm.votes; vote++) {
    const answer = await options.ask(questionFor(task, unit, { arm, vote }), task.signal);
    drawn.push({ answer, scored: await options.score(unit, answer.text, task.record) });
  }
  const counts = Map.groupBy(drawn, ({ scored }) => scored.predicted);
  const most = Math.max(...[...counts.values()].map((group) => group.length));
  const winner = [...counts.values()].find((group) => group.length === most)?.[0];
  if (winner === undefined) throw new RangeError("an arm draws at least one answer");
  return { answers: drawn.map(({ answer }) => answer), chosen: winner.answer, scored: winner.scored };
}

function questionFor(task: BatchTask, unit: Unit, { arm, vote }: { arm: Arm; vote: number }): Question {
  const { run, epoch } = task.batch;
  const anew = !arm.useCache || unit.repeat > 0 || vote > 0;
  return {
    tenant: unit.tenant,
    messages: unit.messages,
    model: arm.model,
    sampling: samplingFor(arm, unit.repeat * arm.votes + vote),
    cachePolicy: anew ? CachePolicy.BYPASS : CachePolicy.UNSPECIFIED,
    requestId: `${requestPrefix(run)}.${epoch}.${unit.unit}.${vote}.${task.deliveries}`,
  };
}

/** A seed that was given makes every draw repeatable, and different from the others. */
function samplingFor({ sampling }: Arm, draw: number): SamplingParams {
  const params = fromJson(SamplingParamsSchema, sampling as Parameters<typeof fromJson>[1]);
  if (params.seed !== undefined) params.seed = (params.seed + draw) >>> 0;
  return params;
}
