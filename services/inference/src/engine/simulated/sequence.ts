// One request inside the step loop: what it wants, how far it is, and when what happened.
import type { BlockHolding } from "./block-pool.ts";
import type { Fate } from "./fate.ts";

export interface Job {
  promptTokens: number;
  /** Tokens that will be drawn; 0 computes the prompt alone. */
  completionTokens: number;
  /**
   * Keys of the prompt's whole blocks from the beginning on. A key stands for the block and everything before it. Without keys
   * nothing is reused.
   */
  blocks?: readonly number[];
  /** A recorded reuse, taken as it is instead of a look at the memory. */
  cachedTokens?: number;
}

export type Outcome = "complete" | "failed" | "disconnected" | "cancelled";

/** Hears of one request. Must not call the loop. */
export interface SequenceListener {
  /** Returns whether it is ready for the next one; false keeps the sequence out of the steps until resume(). */
  token(sequence: Sequence): boolean;
  end(sequence: Sequence, outcome: Outcome): void;
}

/** All steps until a moment, added up: what durations are linear in. */
export interface Work {
  steps: number;
  sequences: number;
  prefillTokens: number;
  contextTokens: number;
  prompts: number;
}

export class Sequence {
  readonly job: Job;
  readonly fate: Fate;
  readonly listener: SequenceListener | undefined;
  readonly arrivedMs: number;
  /** When it is tokenised and can be chosen. */
  readonly readyMs: number;
  /** Prompt tokens that memory did not hold when it arrived. */
  readonly uncachedTokens: number;
  /** What was left of the running step when it arrived. */
  readonly stepRemainderMs: number;
  /** Steps that must have begun before it joins others. */
  readonly joinsAfterSteps: number;

  state: "waiting" | "running" | "ended" = "waiting";
  outcome: Outcome | undefined;
  /** Its reader is behind: it keeps slot and memory and is in no step. */
  isPaused = false;

  /** First choice for a step; NaN before. */
  admittedMs = Number.NaN;
  firstTokenMs = Number.NaN;
  endedMs = Number.NaN;

  /** Tokens whose state is held. */
  computedTokens = 0;
  generatedTokens = 0;
  /** Prompt tokens found in memory at the first choice. */
  cachedTokens = 0;
  preemptions = 0;
  /** Computed again after a preemption; what memory still held is not. */
  recomputedTokens = 0;
  /** Furthest it ever was; below it, computing is computing again. */
  everComputedTokens = 0;
  holding: BlockHolding | undefined;
  /** Of the step that runs. */
  scheduledTokens = 0;

  workAtAdmission: Work | undefined;
  workAtFirstToken: Work | undefined;
  workAtEnd: Work | undefined;

  constructor(job: Job, context: SequenceContext) {
    this.job = job;
    this.fate = context.fate;
    this.listener = context.listener;
    this.arrivedMs = context.arrivedMs;
    this.readyMs = context.readyMs;
    this.uncachedTokens = context.uncachedTokens;
    this.stepRemainderMs = context.stepRemainderMs;
    this.joinsAfterSteps = context.joinsAfterSteps;
  }

  /** Prompt and answer so far: all of it must be computed before the next token can be drawn. */
  get knownTokens(): number {
    return this.job.promptTokens + this.generatedTokens;
  }

  /** One token behind, and that one is of the answer. */
  get isDecoding(): boolean {
    return this.generatedTokens > 0 && this.computedTokens === this.knownTokens - 1;
  }
}

export interface SequenceContext {
  fate: Fate;
  listener: SequenceListener | undefined;
  arrivedMs: number;
  readyMs: number;
  uncachedTokens: number;
  stepRemainderMs: number;
  joinsAfterSteps: number;
}
