// A queue within this process, for an evaluator without NATS: runs go as they always do, but nobody shares the work and what is
// broken off starts anew.
import { BoundedQueue, type Clock, FailedPreconditionError } from "@chimera/kernel";
import type { BatchHandler, Claim, ClaimEvent, RunIntent, RunQueue, RunRecord, Unit } from "./queue.ts";

/** Results not yet read: what a coordinator hands out at a time is far less. */
const MAX_UNREAD = 16_384;

export interface LocalQueueOptions {
  handle: BatchHandler;
  clock: Clock;
}

export class LocalRunQueue implements RunQueue {
  readonly #options: LocalQueueOptions;
  /** One entry per run; evaluations at a time are bounded where they are accepted. */
  readonly #runs = new Map<string, LocalClaim>();

  constructor(options: LocalQueueOptions) {
    this.#options = options;
  }

  async claim(run: string, intent: RunIntent): Promise<Claim> {
    if (this.#runs.has(run)) throw new FailedPreconditionError(`the run ${run} goes on here already`);
    const record: RunRecord = { ...intent, epoch: 1, state: "running" };
    const claim = new LocalClaim(run, record, { ...this.#options, onEnd: () => this.#runs.delete(run) });
    this.#runs.set(run, claim);
    return claim;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#runs.values()].map((claim) => claim.end()));
  }
}

class LocalClaim implements Claim {
  readonly epoch = 1;
  readonly #run: string;
  readonly #record: RunRecord;
  readonly #options: LocalQueueOptions & { onEnd(): void };
  readonly #stop = new AbortController();
  readonly #fault = new AbortController();
  readonly #busy = new Set<Promise<void>>();
  readonly #events = new BoundedQueue<ClaimEvent>(MAX_UNREAD);
  readonly #stored = new Set<number>();

  constructor(run: string, record: RunRecord, options: LocalQueueOptions & { onEnd(): void }) {
    this.#run = run;
    this.#record = record;
    this.#options = options;
    this.#events.push({ kind: "caught-up" });
  }

  /** Nobody can take it away; a defect of the work ends it. */
  get lost(): AbortSignal {
    return this.#fault.signal;
  }

  async *results(signal: AbortSignal): AsyncGenerator<ClaimEvent, void, undefined> {
    const close = () => this.#events.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      for await (const event of this.#events) {
        signal.throwIfAborted();
        yield event;
      }
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  async enqueue(units: readonly Unit[]): Promise<void> {
    const working = this.#work(units).finally(() => this.#busy.delete(working));
    this.#busy.add(working);
  }

  async queued(): Promise<number> {
    return this.#busy.size;
  }

  async discardResults(): Promise<void> {}

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#busy);
    this.#options.onEnd();
  }

  async #work(units: readonly Unit[]): Promise<void> {
    const { signal } = this.#stop;
    try {
      await this.#options.handle({
        record: this.#record,
        batch: { run: this.#run, epoch: this.epoch, units: [...units] },
        deliveries: 1,
        signal,
        isStored: async (unit) => this.#stored.has(unit),
        store: async (result) => {
          if (this.#stored.has(result.unit)) return;
          this.#stored.add(result.unit);
          this.#events.push({ kind: "result", result, storedAtMs: this.#options.clock.nowMs() });
        },
      });
    } catch (error) {
      if (!signal.aborted) this.#fault.abort(error);
    }
  }
}
