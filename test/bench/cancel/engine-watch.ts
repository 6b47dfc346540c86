// What the engine says about itself, from its own process, with the times at which it was so.
import { Deferred } from "@chimera/kernel";
import type { Worker } from "../load/worker.ts";
import type { EngineNote, InferenceCommands } from "./inference-process.ts";

/** An engine that is busy for so long after its client left was not told. */
const GIVE_UP_MS = 5000;

export interface EngineCounters {
  finished: number;
  cancelled: number;
}

export interface EngineWatch {
  counters(): Promise<EngineCounters>;
  /** Forgets the generation before. */
  begin(): void;
  /** Machine time of the first text of the generation that began last. */
  readonly firstDeltaAtMs: number | undefined;
  /** Machine time at which that generation was told to stop. */
  readonly toldAtMs: number | undefined;
  /** False where `over` became true first. */
  untilBusy(signal: AbortSignal, over: () => boolean): Promise<boolean>;
  /** That many pieces of text; false where `over` became true first. */
  untilDeltas(count: number, signal: AbortSignal, over: () => boolean): Promise<boolean>;
  /** Machine time at which it fell idle, at `afterMs` or later. Throws when that does not happen within 5 s. */
  untilIdle(signal: AbortSignal, afterMs?: number): Promise<number>;
  /** Looks again whether a wait is over. */
  poke(): void;
}

export function watchEngine(inference: Pick<Worker<InferenceCommands>, "ask" | "onNote">): EngineWatch {
  let isBusy = false;
  let idleSinceMs = Number.NEGATIVE_INFINITY;
  let deltas = 0;
  let firstDeltaAtMs: number | undefined;
  let toldAtMs: number | undefined;
  let changed = new Deferred<void>();
  const poke = () => {
    const before = changed;
    changed = new Deferred();
    before.resolve();
  };
  inference.onNote((said) => {
    const note = said as EngineNote;
    if (note.kind === "delta") {
      deltas = note.count;
      if (note.count === 1) firstDeltaAtMs = note.atMs;
    } else if (note.kind === "told") {
      toldAtMs ??= note.atMs;
    } else {
      isBusy = note.isBusy;
      if (!note.isBusy) idleSinceMs = note.atMs;
    }
    poke();
  });
  const until = async (condition: () => boolean, signal: AbortSignal) => {
    signal.addEventListener("abort", poke, { once: true });
    try {
      while (!condition()) {
        signal.throwIfAborted();
        await changed.promise;
      }
    } finally {
      signal.removeEventListener("abort", poke);
    }
  };
  return {
    counters: () => inference.ask("counters", undefined),
    begin() {
      deltas = 0;
      firstDeltaAtMs = undefined;
      toldAtMs = undefined;
    },
    get firstDeltaAtMs() {
      return firstDeltaAtMs;
    },
    get toldAtMs() {
      return toldAtMs;
    },
    async untilBusy(signal, over) {
      await until(() => isBusy || over(), signal);
      return !over();
    },
    async untilDeltas(count, signal, over) {
      await until(() => deltas >= count || over(), signal);
      return deltas >= count;
    },
    async untilIdle(signal, afterMs = Number.NEGATIVE_INFINITY) {
      const late = AbortSignal.timeout(GIVE_UP_MS);
      try {
        await until(() => !isBusy && idleSinceMs >= afterMs, AbortSignal.any([signal, late]));
      } catch (cause) {
        signal.throwIfAborted();
        const message = `the engine was still busy ${GIVE_UP_MS / 1000} s after its client had left`;
        throw new Error(message, { cause });
      }
      return idleSinceMs;
    },
    poke,
  };
}
