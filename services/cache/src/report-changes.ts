// Tells the mesh how the cache is doing: an event after a change, at most one a second, and one at the end.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CacheChangedSchema } from "@chimera/contracts/events";
import type { EventBus } from "@chimera/events";
import type { Clock } from "@chimera/kernel";
import type { CacheStatistics } from "./statistics.ts";

const MIN_INTERVAL_MS = 1000;

export interface ChangeReporterOptions {
  bus: Pick<EventBus, "publish">;
  clock: Clock;
  replica: string;
  statistics(): CacheStatistics;
  settingsVersion(): number;
  /** Runs something once after a delay; returns how to cancel it. */
  after?: (delayMs: number, run: () => void) => () => void;
}

export class ChangeReporter {
  readonly #options: ChangeReporterOptions;
  readonly #after: (delayMs: number, run: () => void) => () => void;
  readonly #startedAtMs: number;
  #cancelNext: (() => void) | undefined;
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #sent = 0;
  #isFinished = false;

  constructor(options: ChangeReporterOptions) {
    this.#options = options;
    this.#after = options.after ?? afterTimeout;
    this.#startedAtMs = Math.floor(options.clock.nowMs());
  }

  /** Costs nothing while an event is already due. */
  changed(): void {
    if (this.#cancelNext !== undefined || this.#isFinished) return;
    const waitMs = Math.max(0, this.#lastSentMs + MIN_INTERVAL_MS - this.#options.clock.monotonicMs());
    this.#cancelNext = this.#after(waitMs, () => this.#send());
  }

  /** The last word, sent whether something is due or not. */
  finish(): void {
    this.#isFinished = true;
    this.#cancelNext?.();
    this.#send();
  }

  #send(): void {
    this.#cancelNext = undefined;
    this.#lastSentMs = this.#options.clock.monotonicMs();
    const { replica, clock } = this.#options;
    const figures = this.#options.statistics();
    const message = create(CacheChangedSchema, {
      replica,
      at: timestampFromMs(clock.nowMs()),
      entries: BigInt(figures.entries),
      bytes: BigInt(figures.bytes),
      capacityBytes: BigInt(figures.capacityBytes),
      hits: BigInt(figures.hits),
      misses: BigInt(figures.misses),
      evictions: BigInt(figures.evictions),
      storeErrors: BigInt(figures.storeErrors),
      settingsVersion: this.#options.settingsVersion(),
    });
    this.#sent += 1;
    this.#options.bus.publish({ kind: "cacheChanged", message }, `${replica}-${this.#startedAtMs}-${this.#sent}`);
  }
}

function afterTimeout(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}
