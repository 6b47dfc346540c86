// The engine as a discrete-event simulation: requests arrive, steps begin and end, nothing waits for a real clock. Each step
// has a token budget: running answers first, one token each, then prompts in order of arrival, in chunks. The same code runs
// whole traces at once (simulate.ts) and, on a timer, behind the engine's door (driver.ts).
import { assert } from "@chimera/kernel";
import type { BlockPool } from "./block-pool.ts";
import { Drift } from "./drift.ts";
import { fateOf, mixSeeds } from "./fate.ts";
import { KvMemory } from "./kv-memory.ts";
import { checkParameters, type SimulationParameters, stepDurationMs } from "./parameters.ts";
import { type Job, type Outcome, Sequence, type SequenceListener, type Work } from "./sequence.ts";
import { Stalls } from "./stalls.ts";

export type Refusal = "queue-full" | "too-long";

/** What ran, for whoever measures; called when a step ends. */
export interface StepReport {
  durationMs: number;
  sequences: number;
  prefillTokens: number;
}

/** A step that is about to run. */
export interface PlannedStep {
  startMs: number;
  endMs: number;
  /** Each with what it will compute in scheduledTokens. */
  sequences: readonly Sequence[];
}

export interface StepLoopOptions {
  seed: number;
  /** Knows better than the costs when a step ends, as a recording does. */
  endOfStep?(step: PlannedStep): number;
  onStep?(report: StepReport): void;
}

const DRIFT_STREAM = 0x0d1f7;
const STALL_STREAM = 0x57a11;

export class StepLoop {
  readonly parameters: SimulationParameters;
  readonly #options: StepLoopOptions;
  readonly #memory: KvMemory;
  readonly #drift: Drift;
  readonly #stalls: Stalls;
  #slots: number;
  #maxQueued: number;

  /** In order of admission; bounded by the slots. */
  readonly #running: Sequence[] = [];
  /** In order of arrival; bounded by slots + maxQueued. */
  readonly #waiting: Sequence[] = [];
  /** Preempted ones, the oldest last: they go before all that wait. Bounded by the slots. */
  readonly #preempted: Sequence[] = [];
  #pausedRunning = 0;
  #arrivals = 0;
  #preemptions = 0;
  #recomputedTokens = 0;

  #nowMs = 0;
  #tokeniserFreeMs = 0;
  /** Cleaning up after requests that ended; no step begins before it is over. */
  #cleanUntilMs = 0;
  /** The step that runs; its sequences are in #scheduled. */
  #stepEndMs: number | undefined;
  #stepDurationMs = 0;
  #stepPrefillTokens = 0;
  readonly #scheduled: Sequence[] = [];
  /** Nothing can run until something changes from outside. */
  #isStalled = false;
  /** The pool's revision when its memory was too short for the next request. */
  #shortAtRevision = -1;
  readonly #work: Work = { steps: 0, sequences: 0, prefillTokens: 0, contextTokens: 0, prompts: 0 };

  /** Throws InvalidRequestError for parameters that no engine can have. */
  constructor(parameters: SimulationParameters, options: StepLoopOptions) {
    checkParameters(parameters);
    this.parameters = parameters;
    this.#options = options;
    this.#slots = parameters.slots;
    this.#maxQueued = parameters.maxQueued;
    this.#memory = new KvMemory(parameters);
    const { driftSd: sd, driftTimeMs: timeMs } = parameters;
    this.#drift = new Drift({ sd, timeMs, seed: mixSeeds(options.seed, DRIFT_STREAM) });
    this.#stalls = new Stalls(parameters, mixSeeds(options.seed, STALL_STREAM));
  }

  get pool(): BlockPool {
    return this.#memory.pool;
  }

  get slots(): number {
    return this.#slots;
  }

  get maxQueued(): number {
    return this.#maxQueued;
  }

  get runningCount(): number {
    return this.#running.length;
  }

  get queuedCount(): number {
    return this.#waiting.length + this.#preempted.length;
  }

  get preemptions(): number {
    return this.#preemptions;
  }

  get recomputedTokens(): number {
    return this.#recomputedTokens;
  }

  get work(): Readonly<Work> {
    return this.#work;
  }

  /** Prompt tokens of what waits that memory did not hold when it came, and all of what was preempted. */
  get queuedUncachedTokens(): number {
    const waiting = this.#waiting.reduce((sum, { uncachedTokens }) => sum + uncachedTokens, 0);
    return this.#preempted.reduce((sum, { knownTokens }) => sum + knownTokens, waiting);
  }

  /** When advanceTo() has something to do next; undefined while nothing runs or waits. */
  get wakeAtMs(): number | undefined {
    return this.#stepEndMs ?? this.#nextStartMs();
  }

  /**
   * Runs all steps that end by `nowMs`, and begins those that can begin before it. At `nowMs` itself a step begins only where
   * `begins`: so that all requests of one moment are there first.
   */
  advanceTo(nowMs: number, { begins }: { begins: boolean }): void {
    for (;;) {
      if (this.#stepEndMs !== undefined) {
        if (this.#stepEndMs > nowMs) break;
        this.#finishStep(this.#stepEndMs);
        continue;
      }
      const startMs = this.#nextStartMs();
      if (startMs === undefined || startMs > nowMs || (startMs === nowMs && !begins)) break;
      this.#beginStep(startMs);
    }
    if (this.#stepEndMs === undefined && nowMs > this.#nowMs && Number.isFinite(nowMs)) this.#nowMs = nowMs;
  }

  /** A request arrives. Times must not go back. */
  submit(job: Job, nowMs: number, listener?: SequenceListener): Sequence | Refusal {
    this.advanceTo(nowMs, { begins: false });
    if (!this.#memory.canEverHold(job)) return "too-long";
    if (this.runningCount + this.queuedCount >= this.#slots + this.#maxQueued) return "queue-full";
    const { tokeniseMs, tokeniseTokenMs } = this.parameters;
    const { completionTokens, promptTokens } = job;
    this.#tokeniserFreeMs = Math.max(this.#tokeniserFreeMs, nowMs) + tokeniseMs + tokeniseTokenMs * promptTokens;
    const sequence = new Sequence(job, {
      fate: fateOf(this.parameters, { seed: this.#options.seed, arrival: this.#arrivals++, completionTokens }),
      listener,
      arrivedMs: nowMs,
      readyMs: this.#tokeniserFreeMs,
      uncachedTokens: promptTokens - this.#memory.cachedTokens(job, promptTokens),
      stepRemainderMs: Math.max(0, (this.#stepEndMs ?? nowMs) - this.#tokeniserFreeMs),
      joinsAfterSteps: this.#stepEndMs === undefined ? 0 : this.#work.steps + this.parameters.joinDelaySteps,
    });
    this.#waiting.push(sequence);
    this.#isStalled = false;
    return sequence;
  }

  /** Ends a request wherever it is; what it holds is free at once. */
  cancel(sequence: Sequence, nowMs: number): void {
    this.advanceTo(nowMs, { begins: false });
    if (sequence.state === "ended") return;
    if (sequence.state === "running") this.#leaveRunning(sequence);
    else {
      const queue = this.#preempted.includes(sequence) ? this.#preempted : this.#waiting;
      queue.splice(queue.indexOf(sequence), 1);
    }
    this.#isStalled = false;
    this.#shortAtRevision = -1;
    this.#end(sequence, "cancelled", nowMs);
  }

  /** Takes a sequence whose listener was not ready into the steps again. */
  resume(sequence: Sequence, nowMs: number): void {
    this.advanceTo(nowMs, { begins: false });
    if (!sequence.isPaused) return;
    sequence.isPaused = false;
    if (sequence.state === "running") this.#pausedRunning--;
    this.#isStalled = false;
  }

  /** From the next step on. What waits goes on waiting, also where the queue is shorter now. */
  setLimits(limits: { slots: number; maxQueued: number }, nowMs: number): void {
    assert(limits.slots >= 1 && limits.slots <= this.parameters.stepTokens, "slots must fit into a step");
    this.advanceTo(nowMs, { begins: false });
    this.#slots = limits.slots;
    this.#maxQueued = limits.maxQueued;
    this.#isStalled = false;
  }

  #nextStartMs(): number | undefined {
    if (this.#isStalled) return undefined;
    const earliestMs = Math.max(this.#nowMs, this.parameters.coldStartMs, this.#cleanUntilMs);
    if (this.#running.length > this.#pausedRunning) return earliestMs;
    if (this.#preempted.some((sequence) => !sequence.isPaused)) return earliestMs;
    const next = this.#waiting[0];
    return next && Math.max(earliestMs, next.readyMs);
  }

  #beginStep(startMs: number): void {
    this.#nowMs = startMs;
    const { stepTokens: budgetTokens } = this.parameters;
    const step: StepPlan = { budgetTokens, prefillTokens: 0, contextTokens: 0, prompts: 0, drawnTokens: 0 };
    this.#scheduled.length = 0;
    const hadPreemption = this.#scheduleAnswers(step);
    this.#schedulePrompts(step);
    // What was just sent away for lack of memory must not come back for the same memory.
    if (!hadPreemption) this.#admit(step);
    if (this.#scheduled.length === 0) {
      this.#isStalled = true;
      return;
    }
    const { prefillTokens, contextTokens, prompts, drawnTokens } = step;
    const sequences = this.#scheduled.length;
    const computeMs = stepDurationMs(this.parameters.cost, { sequences, prefillTokens, contextTokens, prompts });
    const workMs = computeMs * this.#drift.factorAt(startMs) + this.parameters.serialiseTokenMs * drawnTokens;
    const durationMs = workMs + this.#stalls.during(workMs);
    this.#work.steps++;
    this.#work.sequences += sequences;
    this.#work.prefillTokens += prefillTokens;
    this.#work.contextTokens += contextTokens;
    this.#work.prompts += prompts;
    const planned = { startMs, endMs: startMs + durationMs, sequences: this.#scheduled };
    this.#stepEndMs = this.#options.endOfStep?.(planned) ?? planned.endMs;
    this.#stepDurationMs = this.#stepEndMs - startMs;
    this.#stepPrefillTokens = prefillTokens;
  }

  /** Every running answer that is not paused: one token each. True where memory was short. */
  #scheduleAnswers(step: StepPlan): boolean {
    let hadPreemption = false;
    for (let i = 0; i < this.#running.length; i++) {
      const sequence = this.#running[i];
      if (sequence === undefined || sequence.isPaused || !sequence.isDecoding || step.budgetTokens === 0) continue;
      while (!this.#memory.growForNext(sequence)) {
        hadPreemption = true;
        if (this.#preemptYoungest() === sequence) break;
      }
      if (sequence.state === "running") this.#schedule(sequence, 1, step);
    }
    return hadPreemption;
  }

  #schedulePrompts(step: StepPlan): void {
    for (const sequence of this.#running) {
      if (step.budgetTokens === 0) return;
      if (sequence.isPaused || sequence.isDecoding) continue;
      this.#schedule(sequence, Math.min(sequence.knownTokens - sequence.computedTokens, step.budgetTokens), step);
    }
  }

  /** In order, without overtaking: preempted ones first, then by arrival. */
  #admit(step: StepPlan): void {
    while (step.budgetTokens > 0 && this.#running.length < this.#slots) {
      const preemptedIndex = this.#preempted.findLastIndex((each) => !each.isPaused);
      const sequence = preemptedIndex < 0 ? this.#waiting[0] : this.#preempted[preemptedIndex];
      if (sequence === undefined || sequence.readyMs > this.#nowMs) return;
      if (this.#scheduled.length > 0 && this.#work.steps < sequence.joinsAfterSteps) return;
      if (!this.#allocate(sequence)) return;
      if (preemptedIndex < 0) this.#waiting.shift();
      else this.#preempted.splice(preemptedIndex, 1);
      sequence.state = "running";
      this.#running.push(sequence);
      if (Number.isNaN(sequence.admittedMs)) {
        step.prompts++;
        sequence.admittedMs = this.#nowMs;
        sequence.cachedTokens = sequence.computedTokens;
        sequence.everComputedTokens = sequence.computedTokens;
        sequence.workAtAdmission = { ...this.#work };
      }
      this.#schedule(sequence, Math.min(sequence.knownTokens - sequence.computedTokens, step.budgetTokens), step);
    }
  }

  #schedule(sequence: Sequence, tokens: number, step: StepPlan): void {
    sequence.scheduledTokens = tokens;
    this.#scheduled.push(sequence);
    step.budgetTokens -= tokens;
    step.contextTokens += sequence.computedTokens;
    if (!sequence.isDecoding) step.prefillTokens += tokens;
    const isWhole = sequence.computedTokens + tokens === sequence.knownTokens;
    if (isWhole && sequence.job.completionTokens > 0) step.drawnTokens++;
  }

  #allocate(sequence: Sequence): boolean {
    if (this.#shortAtRevision === this.pool.revision) return false;
    if (this.#memory.allocate(sequence)) return true;
    this.#shortAtRevision = this.pool.revision;
    return false;
  }

  #preemptYoungest(): Sequence {
    const youngest = this.#running.at(-1);
    assert(youngest !== undefined, "memory that is short is held by somebody");
    this.#leaveRunning(youngest);
    youngest.state = "waiting";
    youngest.preemptions++;
    youngest.computedTokens = 0;
    this.#preemptions++;
    this.#preempted.push(youngest);
    return youngest;
  }

  #finishStep(endMs: number): void {
    this.#nowMs = endMs;
    this.#stepEndMs = undefined;
    this.#isStalled = false;
    for (const sequence of this.#scheduled) if (sequence.state === "running") this.#settle(sequence, endMs);
    this.#options.onStep?.({
      durationMs: this.#stepDurationMs,
      sequences: this.#scheduled.length,
      prefillTokens: this.#stepPrefillTokens,
    });
    this.#scheduled.length = 0;
  }

  /** What the step did for one of its sequences. */
  #settle(sequence: Sequence, endMs: number): void {
    this.#countComputed(sequence);
    if (sequence.computedTokens < sequence.knownTokens) return;
    if (sequence.fate.fails) {
      this.#finish(sequence, "failed", endMs);
      return;
    }
    if (sequence.job.completionTokens > 0) {
      if (++sequence.generatedTokens === 1) {
        sequence.firstTokenMs = endMs;
        sequence.workAtFirstToken = { ...this.#work };
      }
      if (sequence.listener && !sequence.listener.token(sequence)) {
        sequence.isPaused = true;
        this.#pausedRunning++;
      }
    }
    if (sequence.generatedTokens >= sequence.job.completionTokens) this.#finish(sequence, "complete", endMs);
    else if (sequence.generatedTokens >= sequence.fate.breaksAfterTokens) this.#finish(sequence, "disconnected", endMs);
  }

  #countComputed(sequence: Sequence): void {
    const from = sequence.computedTokens;
    sequence.computedTokens += sequence.scheduledTokens;
    const again = Math.min(sequence.computedTokens, sequence.everComputedTokens) - from;
    if (again > 0) {
      sequence.recomputedTokens += again;
      this.#recomputedTokens += again;
    }
    if (sequence.computedTokens > sequence.everComputedTokens) sequence.everComputedTokens = sequence.computedTokens;
    if (from < sequence.job.promptTokens) this.#memory.publish(sequence);
  }

  #finish(sequence: Sequence, outcome: Outcome, endMs: number): void {
    this.#leaveRunning(sequence);
    this.#end(sequence, outcome, endMs);
  }

  #end(sequence: Sequence, outcome: Outcome, endMs: number): void {
    sequence.state = "ended";
    sequence.outcome = outcome;
    sequence.endedMs = endMs;
    this.#cleanUntilMs = Math.max(this.#cleanUntilMs, endMs) + this.parameters.cleanUpMs;
    sequence.workAtEnd = { ...this.#work };
    sequence.listener?.end(sequence, outcome);
  }

  /** Takes slot and memory from a running sequence. */
  #leaveRunning(sequence: Sequence): void {
    if (sequence.isPaused) this.#pausedRunning--;
    this.#running.splice(this.#running.lastIndexOf(sequence), 1);
    this.#memory.release(sequence);
  }
}

interface StepPlan {
  budgetTokens: number;
  prefillTokens: number;
  contextTokens: number;
  prompts: number;
  drawnTokens: number;
}
