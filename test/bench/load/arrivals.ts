// When tokens come into being. Proxies cost most where every token comes alone, and least where many come together.
import type { Clock } from "@chimera/kernel";

export type Arrivals =
  /** All streams together, as from the steps of a batching engine. */
  | { kind: "step"; everyMs: number }
  /** Each stream at its own phase: every token alone. */
  | { kind: "jitter"; everyMs: number }
  /** All tokens of a stream at once, as from a cache. */
  | { kind: "burst" }
  /** Each stream by itself, counted from its request. */
  | { kind: "paced"; firstMs: number; everyMs: number };

/** Odd and no divisor of a usual cycle, so that streams that follow each other do not get neighbouring phases. */
const PHASE_STRIDE = 7;

/** Streams that emit once per cycle, each at its phase in whole milliseconds. */
export class PhaseWheel<T> {
  readonly #phases: readonly Set<T>[];
  readonly #stride: number;
  #nextPhase = 0;
  #turnedToMs: number;

  /** `spread`: each at its own phase, else all at the first. */
  constructor(everyMs: number, { spread, nowMs }: { spread: boolean; nowMs: number }) {
    this.#phases = Array.from({ length: everyMs }, () => new Set<T>());
    this.#stride = spread ? PHASE_STRIDE : 0;
    this.#turnedToMs = Math.floor(nowMs);
  }

  /** Returns how to take it off again. */
  add(item: T): () => void {
    const phase = this.#phases[this.#nextPhase];
    this.#nextPhase = (this.#nextPhase + this.#stride) % this.#phases.length;
    phase?.add(item);
    return () => phase?.delete(item);
  }

  /** Whose phase has come since the last turn, as often as it has. */
  *turnTo(nowMs: number): Generator<T, void, undefined> {
    for (const until = Math.floor(nowMs); this.#turnedToMs < until; ) {
      this.#turnedToMs += 1;
      yield* this.#phases[this.#turnedToMs % this.#phases.length] ?? [];
    }
  }
}

export interface Pace {
  firstMs: number;
  everyMs: number;
  count: number;
}

/** How many of a paced stream are due after so long. */
export function dueAfter({ firstMs, everyMs, count }: Pace, elapsedMs: number): number {
  if (elapsedMs < firstMs) return 0;
  return Math.min(count, everyMs === 0 ? count : 1 + Math.floor((elapsedMs - firstMs) / everyMs));
}

/** Calls `emit` for each when it is due. A timer that comes late does not delay those after it. Returns how to stop. */
export function emitPaced(pace: Pace, emit: (index: number) => void, clock: Clock): () => void {
  const startedAtMs = clock.monotonicMs();
  let next = 0;
  let timer: NodeJS.Timeout;
  const schedule = () => {
    const dueMs = pace.firstMs + next * pace.everyMs;
    timer = setTimeout(run, Math.max(0, dueMs - (clock.monotonicMs() - startedAtMs)));
  };
  const run = () => {
    for (const due = dueAfter(pace, clock.monotonicMs() - startedAtMs); next < due; ) emit(next++);
    if (next < pace.count) schedule();
  };
  schedule();
  return () => clearTimeout(timer);
}
