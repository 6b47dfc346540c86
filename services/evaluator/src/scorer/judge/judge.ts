// A model as judge: grades one answer, or compares two with their places swapped. What it said without a usable last line is
// asked for once more and then counted as unread, never guessed.
import type { Random } from "@chimera/kernel";
import { parseGrade, parseVerdict, type Verdict } from "./parse.ts";
import { type GradeRequest, gradePrompt, type JudgeMessage, type PairRequest, pairPrompt } from "./prompt.ts";

/** Asks the judging model; answers with all it said. */
export type AskJudge = (messages: readonly JudgeMessage[], signal: AbortSignal) => Promise<string>;

export interface JudgeContext {
  ask: AskJudge;
  random: Random;
  signal: AbortSignal;
}

/** Questions per judgement; the second where the first reply could not be read. */
const MAX_TRIES = 2;

/** From 0 (worst) to 1 (best); undefined where no reply could be read. */
export async function gradeAnswer(request: GradeRequest, context: JudgeContext): Promise<number | undefined> {
  const grade = await untilRead(
    () => gradePrompt(request, context.random),
    (reply) => parseGrade(reply, request.best),
    context,
  );
  return grade === undefined ? undefined : (grade - 1) / Math.max(1, request.best - 1);
}

export interface PairJudgement {
  verdict: Verdict;
  /** False where the judge changed its mind with the order: the verdict is a tie then. */
  isConsistent: boolean;
}

/** Asked twice, with the answers in either order. Undefined where one of the replies could not be read. */
export async function comparePair(request: PairRequest, context: JudgeContext): Promise<PairJudgement | undefined> {
  const swapped = { ...request, first: request.second, second: request.first };
  const ahead = await untilRead(() => pairPrompt(request, context.random), parseVerdict, context);
  const behind = await untilRead(() => pairPrompt(swapped, context.random), parseVerdict, context);
  if (ahead === undefined || behind === undefined) return undefined;
  const isConsistent = ahead === turned(behind);
  return { verdict: isConsistent ? ahead : "tie", isConsistent };
}

function turned(verdict: Verdict): Verdict {
  if (verdict === "tie") return "tie";
  return verdict === "first" ? "second" : "first";
}

async function untilRead<T>(
  prompt: () => JudgeMessage[],
  read: (reply: string) => T | undefined,
  { ask, signal }: JudgeContext,
): Promise<T | undefined> {
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const result = read(await ask(prompt(), signal));
    if (result !== undefined) return result;
  }
  return undefined;
}
