// Invalidation: at once for everything that asks, in slices for what is resident, and over NATS in every other cache.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { type CacheInvalidated, CacheInvalidatedSchema } from "@chimera/contracts/events";
import type { EventBus } from "@chimera/events";
import { type Clock, OverloadedError } from "@chimera/kernel";
import type { Answers } from "./answers.ts";
import type { Entry } from "./index/entry.ts";
import type { EntryIndex } from "./index/entry-index.ts";
import { fitsScope, type Invalidation, type InvalidationScope } from "./invalidations.ts";
import { inSlices } from "./slices.ts";

/** Clocks of two caches may differ by so much: what one of them stored shortly after counts as stored before. */
const SKEW_MS = 1000;
/** Waiting for the next pass over the entries; a further one is refused, or waits in the stream. */
const MAX_WAITING = 1024;
/** Dropped entries after which the byte store is waited for. */
const MAX_UNWRITTEN = 8192;
const RETRY_AFTER_MS = 1000;

export interface InvalidatorOptions {
  answers: Answers;
  index: Pick<EntryIndex, "entries">;
  clock: Clock;
  bus: Pick<EventBus, "publish">;
  /** Name of this cache. */
  replica: string;
  /** Other caches write to the byte store as well, by their own clocks. */
  isStoreShared: boolean;
}

export interface Dropped {
  entries: number;
  bytes: number;
}

interface Waiting extends Dropped {
  invalidation: Invalidation;
  done: PromiseWithResolvers<void>;
}

export class Invalidator {
  readonly #options: InvalidatorOptions;
  #published = 0;
  /** At most MAX_WAITING. */
  #waiting: Waiting[] = [];
  #sweeping: Promise<void> | undefined;

  constructor(options: InvalidatorOptions) {
    this.#options = options;
  }

  /** Covered from here on; resolves when nothing that is resident fits any more. At least one name is set. */
  async invalidate(scope: InvalidationScope): Promise<Dropped> {
    if (this.#waiting.length >= MAX_WAITING) {
      throw new OverloadedError(`${MAX_WAITING} invalidations wait already`, RETRY_AFTER_MS);
    }
    const { clock, replica, bus } = this.#options;
    const atMs = Math.floor(clock.nowMs());
    this.#published += 1;
    const id = `${replica}-invalidated-${atMs}-${this.#published}`;
    const dropped = this.#apply({ id, ...scope, untilMs: atMs + this.#skewMs(replica) });
    const message = create(CacheInvalidatedSchema, { ...scope, at: timestampFromMs(atMs), replica });
    bus.publish({ kind: "cacheInvalidated", message }, id);
    return dropped;
  }

  /** One that another cache, or an earlier process of this one, was asked for. Resolves when the next may come. */
  async heard({ tenant, model, tag, at, replica }: CacheInvalidated, id: string): Promise<void> {
    const untilMs = (at === undefined ? this.#options.clock.nowMs() : timestampMs(at)) + this.#skewMs(replica);
    // Names that are all empty fit everything: nobody asks for that, so nobody is obeyed.
    if (tenant === "" && model === "" && tag === "") return;
    if (this.#waiting.length >= MAX_WAITING) await this.#sweeping;
    // Not waited for: history is then applied in one pass instead of one for each.
    void this.#apply({ id, tenant, model, tag, untilMs });
  }

  /** What may lie between the clock an invalidation was timed by and those that answers are. */
  #skewMs(replica: string): number {
    return replica === this.#options.replica && !this.#options.isStoreShared ? 0 : SKEW_MS;
  }

  async #apply(invalidation: Invalidation): Promise<Dropped> {
    if (!this.#options.answers.invalidations.add(invalidation)) return { entries: 0, bytes: 0 };
    const waiting: Waiting = { invalidation, entries: 0, bytes: 0, done: Promise.withResolvers() };
    this.#waiting.push(waiting);
    this.#sweeping ??= this.#sweepAll().finally(() => {
      this.#sweeping = undefined;
    });
    await waiting.done.promise;
    return { entries: waiting.entries, bytes: waiting.bytes };
  }

  async #sweepAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const pass = this.#waiting;
      this.#waiting = [];
      await this.#sweep(pass);
      for (const { invalidation, done } of pass) {
        this.#options.answers.invalidations.swept(invalidation);
        done.resolve();
      }
    }
  }

  async #sweep(pass: readonly Waiting[]): Promise<void> {
    const { answers, index, clock } = this.#options;
    let unwritten = 0;
    const visit = (entry: Entry) => {
      const fitting = pass.find(
        ({ invalidation }) => entry.storedAtMs <= invalidation.untilMs && fitsScope(invalidation, entry),
      );
      if (fitting === undefined || !answers.drop(entry, "invalidated")) return;
      fitting.entries += 1;
      fitting.bytes += entry.bytes;
      unwritten += 1;
    };
    const afterSlice = async () => {
      if (unwritten < MAX_UNWRITTEN) return;
      unwritten = 0;
      await answers.written();
    };
    await inSlices(index.entries(), visit, { clock, afterSlice });
    const visitPruned = (entry: Entry) => {
      if (!answers.invalidations.covers(entry, entry.storedAtMs)) return;
      answers.undo.take(entry.key);
      answers.departures.note({ key: entry.key, reason: "invalidated", atMs: Math.floor(clock.nowMs()) });
      answers.deleteParked(entry);
      unwritten += 1;
    };
    await inSlices(answers.undo.values(), visitPruned, { clock, afterSlice });
  }
}
