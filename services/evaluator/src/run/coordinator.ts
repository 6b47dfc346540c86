// One run from its first batch to its last result, on the replica that got the call. It hands out a batch per request that may be
// in flight, so the bound holds however many replicas work, and keeps nothing that a later call could not find again.
import { type Clock, UnavailableError } from "@chimera/kernel";
import type { Claim, ClaimEvent, Unit, UnitResult } from "../queue/queue.ts";
import type { RunPlan } from "./plan.ts";

export interface ConductOptions {
  claim: Claim;
  plan: Pick<RunPlan, "total" | "arms" | "unit">;
  /** Requests in flight at a time, over all replicas. */
  concurrency: number;
  /** Once per result, in the order they come. */
  onResult(result: UnitResult, storedAtMs: number): void;
  /** Asked after every result; the run ends early where it says so. */
  isDecided?(): boolean;
  clock: Clock;
  signal: AbortSignal;
}

export interface RunProgress {
  done: number;
  total: number;
  failed: number;
  /** Of `done`: found at the start. */
  resumed: number;
}

export type RunEvent = { kind: "progress"; progress: RunProgress } | { kind: "item"; result: UnitResult };

const PROGRESS_EVERY_MS = 200;
/** Small ones lose little when a worker dies; large ones cost fewer messages. */
const MAX_BATCH = 16;
/** A request's share of the run is cut into at least so many batches, so that replicas end at about the same time. */
const BATCHES_PER_LANE = 4;
const MAX_BATCH_BYTES = 256 * 1024;
/** Where nothing at all comes back, the run ends here: it would measure the outage, not the model. */
const FAILURES_WITHOUT_ANSWER = 20;
const CHECK_EVERY_MS = 5000;
/** Checks without a result in between, after which lost batches are handed out again, and after which the run ends. */
const CHECKS_BEFORE_REPAIR = 2;
const CHECKS_BEFORE_END = 60;
const MAX_REPAIRS = 3;

/**
 * Ends when every question has its result. Leaving the iteration, or the signal, stops the work everywhere and leaves it to be
 * taken up again.
 */
export async function* conduct(options: ConductOptions): AsyncGenerator<RunEvent, void, undefined> {
  const conductor = new Conductor(options);
  let state: "stopped" | "done" = "stopped";
  try {
    yield* conductor.run();
    state = "done";
  } finally {
    await conductor.stop(state);
  }
}

class Conductor {
  readonly #options: ConductOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #done: Uint8Array;
  readonly #batchOf = new Map<number, Set<number>>();
  readonly #outstanding = new Set<Set<number>>();
  readonly #batchSize: number;
  readonly #progress: RunProgress;
  #next = 0;
  #lastFailure = "";
  #caughtUp = false;
  #reportedMs = Number.NEGATIVE_INFINITY;
  #idleChecks = 0;
  #repairs = 0;
  #checking: NodeJS.Timeout | undefined;

  constructor(options: ConductOptions) {
    this.#options = options;
    const { claim, plan, signal, concurrency } = options;
    this.#signal = AbortSignal.any([signal, claim.lost, this.#stop.signal]);
    this.#done = new Uint8Array(plan.total);
    this.#progress = { done: 0, total: plan.total, failed: 0, resumed: 0 };
    const share = Math.ceil(plan.total / (concurrency * BATCHES_PER_LANE));
    const size = Math.min(MAX_BATCH, Math.max(1, share));
    this.#batchSize = Math.ceil(size / plan.arms) * plan.arms;
  }

  async *run(): AsyncGenerator<RunEvent, void, undefined> {
    this.#checking = setInterval(() => void this.#check(), CHECK_EVERY_MS);
    for await (const event of this.#options.claim.results(this.#signal)) {
      const isNew = this.#take(event);
      if (isNew && event.kind === "result") yield { kind: "item", result: event.result };
      await this.#handOut();
      const { done, total } = this.#progress;
      const isOver = this.#caughtUp && (done === total || (this.#options.isDecided?.() ?? false));
      if (this.#isReportDue() || isOver) yield { kind: "progress", progress: { ...this.#progress } };
      if (isOver) return;
    }
    this.#signal.throwIfAborted();
  }

  async stop(state: "stopped" | "done"): Promise<void> {
    clearInterval(this.#checking);
    this.#stop.abort();
    await this.#options.claim.end(state);
  }

  /** Whether it is a result that was not there yet. */
  #take(event: ClaimEvent): boolean {
    if (event.kind === "caught-up") {
      this.#caughtUp = true;
      return false;
    }
    const { result, storedAtMs } = event;
    if (result.unit >= this.#done.length || this.#done[result.unit] === 1) return false;
    this.#done[result.unit] = 1;
    this.#idleChecks = 0;
    this.#progress.done += 1;
    if (!this.#caughtUp) this.#progress.resumed += 1;
    if (result.status !== "OK") {
      this.#progress.failed += 1;
      this.#lastFailure = result.message;
    }
    this.#settle(result.unit);
    this.#options.onResult(result, storedAtMs);
    return true;
  }

  #settle(unit: number): void {
    const batch = this.#batchOf.get(unit);
    this.#batchOf.delete(unit);
    batch?.delete(unit);
    if (batch?.size === 0) this.#outstanding.delete(batch);
  }

  async #handOut(): Promise<void> {
    if (!this.#caughtUp) return;
    await this.#endWithoutAnswers();
    while (this.#outstanding.size < this.#options.concurrency) {
      const units = this.#nextBatch();
      if (units.length === 0) return;
      const batch = new Set(units.map(({ unit }) => unit));
      for (const unit of batch) this.#batchOf.set(unit, batch);
      this.#outstanding.add(batch);
      await this.#options.claim.enqueue(units);
    }
  }

  #nextBatch(): Unit[] {
    const units: Unit[] = [];
    let bytes = 0;
    for (; this.#next < this.#done.length && units.length < this.#batchSize && bytes < MAX_BATCH_BYTES; this.#next++) {
      if (this.#done[this.#next] === 1) continue;
      const unit = this.#options.plan.unit(this.#next);
      const texts = [...unit.messages.map(({ content }) => content), ...(unit.accepted ?? [unit.target])];
      bytes += texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      units.push(unit);
    }
    return units;
  }

  /** Nothing is left of such a run: it would be resumed as one that failed. */
  async #endWithoutAnswers(): Promise<void> {
    const { done, failed } = this.#progress;
    if (failed < FAILURES_WITHOUT_ANSWER || failed !== done) return;
    await this.#options.claim.discardResults().catch(() => undefined);
    throw new UnavailableError(`the first ${failed} requests all failed, the last with: ${this.#lastFailure}`);
  }

  #isReportDue(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#reportedMs < PROGRESS_EVERY_MS) return false;
    this.#reportedMs = nowMs;
    return true;
  }

  /** Batches can be lost: NATS may forget its stream, or give up on one that ended many workers. */
  async #check(): Promise<void> {
    this.#idleChecks += 1;
    if (this.#idleChecks >= CHECKS_BEFORE_END) {
      const seconds = (CHECKS_BEFORE_END * CHECK_EVERY_MS) / 1000;
      this.#stop.abort(new UnavailableError(`no result for ${seconds} s: the run is kept and can be taken up again`));
      return;
    }
    if (this.#idleChecks % CHECKS_BEFORE_REPAIR !== 0 || this.#outstanding.size === 0 || this.#repairs >= MAX_REPAIRS)
      return;
    try {
      if ((await this.#options.claim.queued()) > 0) return;
      this.#repairs += 1;
      for (const batch of this.#outstanding)
        await this.#options.claim.enqueue([...batch].map((unit) => this.#options.plan.unit(unit)));
    } catch {
      // NATS is away: the next check asks again.
    }
  }
}
