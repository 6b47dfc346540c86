// The queue that all replicas share, over NATS: whoever is free takes the next batch, and what a killed worker had is given to
// another one. A run's record says whether it is still wanted; every replica watches all of them.
import type { Task, WorkQueue } from "@chimera/events";
import { CancelledError, FailedPreconditionError, UnavailableError } from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";
import { BoundedMap } from "../feedback/bounded-map.ts";
import {
  type Batch,
  type BatchHandler,
  type Claim,
  type ClaimEvent,
  decodeBatch,
  decodeRecord,
  decodeResult,
  encode,
  type RunIntent,
  type RunQueue,
  type RunRecord,
  type Unit,
  type UnitResult,
} from "./queue.ts";

export interface SharedQueueOptions {
  work: WorkQueue;
  handle: BatchHandler;
  /** Batches worked on at a time in this process. */
  lanes: number;
  logger: Pick<Logger, "info" | "warn">;
}

/** Records known here; older ones are asked for again when work on them comes. */
const MAX_RECORDS = 1024;
/** Tries for what must not be lost while NATS is away, a second apart: half a minute, as each waits for NATS as well. */
const STORE_TRIES = 8;
const STORE_PAUSE_MS = 1000;

type Watcher = (record: RunRecord) => void;

export class SharedRunQueue implements RunQueue {
  readonly #options: SharedQueueOptions;
  readonly #records = new BoundedMap<string, RunRecord>(MAX_RECORDS);
  /** One entry per claim of this process and per batch it works on. */
  readonly #watchers = new Map<string, Set<Watcher>>();

  constructor(options: SharedQueueOptions) {
    this.#options = options;
    options.work.watchRecords(({ run, payload }) => this.#noteRecord(run, payload));
    options.work.work({ lanes: options.lanes, handle: (task) => this.#take(task) });
  }

  async claim(run: string, intent: RunIntent): Promise<Claim> {
    const { work } = this.#options;
    const before = await work.record(run);
    const known = before && decodeRecord(before.payload);
    if (known && known.fingerprint !== intent.fingerprint) {
      throw new FailedPreconditionError(
        `the run ${run} exists with other settings or other items: use another run id, or the same request as before`,
      );
    }
    const record: RunRecord = { ...intent, epoch: (known?.epoch ?? 0) + 1, state: "running" };
    const revision = await work.writeRecord({ run, payload: encode(record), revision: before?.revision ?? 0 });
    // What the last coordinator handed out is void by its epoch; taking it back saves looking at it.
    await work.discard(run);
    return new SharedClaim(run, { work, record, revision, watch: (watcher) => this.#watch(run, watcher) });
  }

  async close(): Promise<void> {
    await this.#options.work.close();
  }

  #noteRecord(run: string, payload: Uint8Array): void {
    try {
      const record = decodeRecord(payload);
      const known = this.#records.get(run);
      if (known && known.epoch > record.epoch) return;
      this.#records.set(run, record);
      for (const watcher of this.#watchers.get(run) ?? []) watcher(record);
    } catch (error) {
      this.#options.logger.warn({ err: error, run }, "a run's record can not be read");
    }
  }

  #watch(run: string, watcher: Watcher): () => void {
    const watchers = this.#watchers.get(run) ?? new Set();
    this.#watchers.set(run, watchers);
    watchers.add(watcher);
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(run) === watchers) this.#watchers.delete(run);
    };
  }

  async #take(task: Task): Promise<void> {
    const batch = decodeBatch(task.payload);
    const record = await this.#recordFor(batch);
    if (record === undefined || isVoid(record, batch)) return;
    const unwanted = new AbortController();
    const release = this.#watch(batch.run, (now) => {
      if (isVoid(now, batch)) unwanted.abort(new CancelledError(`the run ${batch.run} was ended`));
    });
    const signal = AbortSignal.any([task.signal, unwanted.signal]);
    const { work, handle } = this.#options;
    try {
      await handle({
        record,
        batch,
        deliveries: task.deliveries,
        signal,
        isStored: (unit) => work.isStored(batch.run, `${unit}`),
        store: (result) => this.#store(batch.run, result, signal),
      });
    } catch (error) {
      if (!unwanted.signal.aborted) throw error;
    } finally {
      release();
    }
  }

  /** The watch may be behind a batch; it is never ahead by more than the epoch says. */
  async #recordFor({ run, epoch }: Batch): Promise<RunRecord | undefined> {
    const known = this.#records.get(run);
    if (known && known.epoch >= epoch) return known;
    const stored = await this.#options.work.record(run);
    if (stored) this.#noteRecord(run, stored.payload);
    return this.#records.get(run);
  }

  async #store(run: string, result: UnitResult, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#options.work.store(run, `${result.unit}`, encode(result));
        return;
      } catch (error) {
        if (signal.aborted || attempt === STORE_TRIES || !(error instanceof UnavailableError)) throw error;
        await new Promise((resolve) => setTimeout(resolve, STORE_PAUSE_MS));
      }
    }
  }
}

function isVoid(record: RunRecord, { epoch }: Batch): boolean {
  return record.epoch !== epoch || record.state !== "running";
}

interface ClaimOptions {
  work: WorkQueue;
  record: RunRecord;
  revision: number;
  watch(watcher: Watcher): () => void;
}

class SharedClaim implements Claim {
  readonly #run: string;
  readonly #options: ClaimOptions;
  readonly #lost = new AbortController();
  readonly #release: () => void;

  constructor(run: string, options: ClaimOptions) {
    this.#run = run;
    this.#options = options;
    this.#release = options.watch(({ epoch, coordinator }) => {
      if (epoch > this.epoch) {
        this.#lost.abort(
          new FailedPreconditionError(`the run ${run} goes on at ${coordinator}, which was asked for it later`),
        );
      }
    });
  }

  get epoch(): number {
    return this.#options.record.epoch;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async *results(signal: AbortSignal): AsyncGenerator<ClaimEvent, void, undefined> {
    for await (const event of this.#options.work.results(this.#run, signal)) {
      if (event.kind === "caught-up") yield event;
      else yield { kind: "result", result: decodeResult(event.result.payload), storedAtMs: event.result.storedAtMs };
    }
  }

  async enqueue(units: readonly Unit[]): Promise<void> {
    await this.#options.work.enqueue(this.#run, encode({ run: this.#run, epoch: this.epoch, units: [...units] }));
  }

  queued(): Promise<number> {
    return this.#options.work.queued(this.#run);
  }

  discardResults(): Promise<void> {
    return this.#options.work.discardResults(this.#run);
  }

  async end(state: "stopped" | "done"): Promise<void> {
    this.#release();
    if (this.#lost.signal.aborted) return;
    const { work, record, revision } = this.#options;
    try {
      await work.writeRecord({ run: this.#run, payload: encode({ ...record, state }), revision });
      await work.discard(this.#run);
    } catch {
      // Another evaluator has it by now, or NATS is away: then no new batch is handed out, and those under way end by themselves.
    }
  }
}
