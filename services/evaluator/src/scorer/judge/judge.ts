// A model as judge: grades one answer, or compares two with their places swapped. What it said without a usable last line is
// asked for once more and then counted as unread, never guessed.
import type { Random } from "@chimera/kernel";
import { ItemMean } from "../item-mean.ts";
import type { ScoreReport } from "../scorer.ts";
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

/** Grades of a whole set. */
export class JudgedScores {
  readonly #mean = new ItemMean("judge_grade");
  readonly #read = new ItemMean("judge_read", { isBinary: true });

  /** `grade` as gradeAnswer gives it. */
  add(grade: number | undefined, cluster?: string): void {
    this.#read.add(grade === undefined ? 0 : 1, cluster);
    if (grade !== undefined) this.#mean.add(grade, cluster);
  }

  report(): ScoreReport {
    return { figures: [this.#mean.figure(), this.#read.figure()] };
  }
}

/** Verdicts of a whole set: the second system's share of wins, a tie counted half, and how steady the judge was. */
export class JudgedPairs {
  readonly #wins = new ItemMean("judge_win_share");
  readonly #consistent = new ItemMean("judge_consistent", { isBinary: true });
  readonly #read = new ItemMean("judge_read", { isBinary: true });

  add(judgement: PairJudgement | undefined, cluster?: string): void {
    this.#read.add(judgement === undefined ? 0 : 1, cluster);
    if (judgement === undefined) return;
    this.#wins.add({ first: 0, tie: 0.5, second: 1 }[judgement.verdict], cluster);
    this.#consistent.add(judgement.isConsistent ? 1 : 0, cluster);
  }

  report(): ScoreReport {
    return { figures: [this.#wins.figure(), this.#consistent.figure(), this.#read.figure()] };
  }
}
