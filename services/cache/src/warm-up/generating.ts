// Has the planned answers made, a few at a time, within the budget, in the order of the plan.
import { ChimeraError, type Clock, type Random, UnavailableError } from "@chimera/kernel";
import type { LoggedText } from "./logged-text.ts";
import { type Generate, makeAnswer } from "./make-answer.ts";
import { Patience } from "./patience.ts";
import type { Candidate } from "./plan.ts";
import type { Progress } from "./progress.ts";
import type { TokenBudget } from "./token-budget.ts";
import type { WarmingKeys } from "./warming-keys.ts";

/** The router stores an answer right behind its last part. */
const STORE_WAIT_MS = 5000;
const MAX_FAILURE_KINDS = 16;

export interface GeneratingOptions {
  candidates: readonly Candidate[];
  concurrency: number;
  budget: TokenBudget;
  textAt(sequence: number): Promise<LoggedText | undefined>;
  isResident(storeKey: string): boolean;
  /** Its turn has come, whatever becomes of it. */
  onBegun(candidate: Candidate): void;
  onStored(candidate: Candidate): void;
  generate: Generate;
  warming: WarmingKeys;
  progress: Progress;
  clock: Pick<Clock, "monotonicMs">;
  random: Random;
  pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  signal: AbortSignal;
}

export interface Generated {
  /** Why it ended before the last candidate; empty where it did not. */
  ended: string;
  /** What went wrong, and how often. */
  failures: ReadonlyMap<string, number>;
}

/** Resolves when nothing is being made any more. Throws the signal's reason. */
export async function generateAnswers(options: GeneratingOptions): Promise<Generated> {
  return new Generating(options).run();
}

class Generating {
  readonly #options: GeneratingOptions;
  readonly #patience: Patience;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  /** One entry per kind of failure that was met, at most MAX_FAILURE_KINDS. */
  readonly #failures = new Map<string, number>();
  /** Tenants that the router does not serve now. */
  readonly #skipped = new Set<string>();
  #next = 0;
  #ended = "";

  constructor(options: GeneratingOptions) {
    this.#options = options;
    this.#patience = new Patience(options);
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
  }

  async run(): Promise<Generated> {
    const { candidates, concurrency, signal } = this.#options;
    const lanes = Array.from({ length: Math.min(concurrency, candidates.length) }, () => this.#lane());
    const results = await Promise.allSettled(lanes);
    signal.throwIfAborted();
    for (const result of results) if (result.status === "rejected" && this.#ended === "") throw result.reason;
    return { ended: this.#ended, failures: this.#failures };
  }

  async #lane(): Promise<void> {
    const { candidates } = this.#options;
    while (this.#next < candidates.length && this.#ended === "") {
      this.#signal.throwIfAborted();
      const candidate = candidates[this.#next++];
      if (candidate === undefined) return;
      this.#options.onBegun(candidate);
      try {
        await this.#take(candidate);
      } catch (error) {
        // The others stop with it.
        this.#stop.abort(error);
        throw error;
      }
    }
  }

  async #take(candidate: Candidate): Promise<void> {
    const { textAt, isResident, progress } = this.#options;
    const { tenant, textAt: sequence } = candidate.asked;
    if (this.#skipped.has(tenant)) return this.#failed(`${tenant} is not served now`);
    const text = await textAt(sequence);
    if (text === undefined) return progress.add("withoutText");
    if (isResident(text.storeKey)) return progress.add("resident");
    await this.#make(candidate, text);
  }

  /** Again and again while the router turns it away. */
  async #make(candidate: Candidate, text: LoggedText): Promise<void> {
    for (;;) {
      try {
        await this.#makeOnce(candidate, text);
        return this.#patience.served();
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!(error instanceof ChimeraError)) throw error;
        if (!error.isRetryable) return this.#refusedForGood(candidate, error);
        if (!(await this.#mayTryAgain(error))) return this.#failed(error.message);
      }
    }
  }

  async #makeOnce(candidate: Candidate, { input, control, storeKey }: LoggedText): Promise<void> {
    const { budget, generate, warming, progress } = this.#options;
    const spending = budget.begin(candidate.tokens);
    if (spending === undefined) {
      this.#ended ||= "the token budget is spent";
      return;
    }
    const { verdict, forget } = warming.expect(storeKey);
    try {
      const { promptTokens } = candidate.asked;
      await makeAnswer(generate, { input, control, promptTokens, spending, budget, signal: this.#signal });
      const { stored, reason } = await within(verdict, STORE_WAIT_MS);
      if (!stored) return this.#failed(reason);
      this.#options.onStored(candidate);
      progress.add("generated");
    } finally {
      forget();
      spending.end();
      progress.set({ tokensSpent: BigInt(budget.spent) });
    }
  }

  async #mayTryAgain(error: ChimeraError): Promise<boolean> {
    try {
      await this.#patience.refused(error, this.#signal);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof UnavailableError)) throw thrown;
      this.#ended ||= thrown.message;
      return false;
    }
  }

  #refusedForGood({ asked: { tenant } }: Candidate, error: ChimeraError): void {
    if (error.kind === "unauthenticated" || error.kind === "quota-exceeded") this.#skipped.add(tenant);
    this.#failed(error.message);
  }

  #failed(why: string): void {
    this.#options.progress.add("failed");
    if (this.#failures.size < MAX_FAILURE_KINDS || this.#failures.has(why)) {
      this.#failures.set(why, (this.#failures.get(why) ?? 0) + 1);
    }
  }
}

async function within<T extends { stored: boolean; reason: string }>(
  verdict: Promise<T>,
  ms: number,
): Promise<T | { stored: false; reason: string }> {
  const late = Promise.withResolvers<{ stored: false; reason: string }>();
  const reason = "it did not come to be stored here";
  const timer = setTimeout(() => late.resolve({ stored: false, reason }), ms);
  try {
    return await Promise.race([verdict, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
