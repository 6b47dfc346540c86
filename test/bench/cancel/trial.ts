// One client that asks, leaves at a chosen moment, and one engine that is watched until it has nothing to do.
import { setTimeout as wait } from "node:timers/promises";
import { type Clock, Deferred, type Random } from "@chimera/kernel";
import type { Arrived, Door, Question } from "./doors.ts";
import type { EngineWatch } from "./engine-watch.ts";

export const MOMENTS = ["before_first", "mid"] as const;
export type Moment = (typeof MOMENTS)[number];

/** A client that leaves mid-answer has read this many pieces; where it gets none before the end, the engine has made them. */
export const LEAVES_AT_DELTA = 5;
/** Before the first token it leaves at a random time up to this after the engine began with the prompt. */
export const LATEST_LEAVE_MS = 20;

export interface TrialTools {
  engine: EngineWatch;
  /** The one the engine's times are of. */
  clock: Clock;
  random: Random;
  signal: AbortSignal;
}

/** Both counted from the client's leaving. */
export interface TrialTime {
  /** To the signal that tells the engine to stop. */
  toldMs: number;
  /** To an engine with nothing to do. */
  idleMs: number;
}

/**
 * Undefined where the moment was missed: a token came too early, or the
 * answer ended before its client left.
 */
export async function trial(
  door: Door,
  { moment, question }: { moment: Moment; question: Question },
  tools: TrialTools,
): Promise<TrialTime | undefined> {
  const { engine, clock, signal } = tools;
  await engine.untilIdle(signal);
  const before = await engine.counters();
  engine.begin();
  const openedAtMs = clock.monotonicMs();
  const arrivals = new Arrivals(engine);
  const answer = door.open(question, arrivals);
  try {
    const reached = moment === "mid" ? midAnswer(door, arrivals, tools) : beforeFirst(arrivals, tools);
    if (!(await reached)) return undefined;
    const leftAtMs = clock.monotonicMs();
    answer.leave();
    const idleAtMs = await engine.untilIdle(signal, openedAtMs);
    const after = await engine.counters();
    if (after.cancelled !== before.cancelled + 1 || after.finished !== before.finished) return undefined;
    // The engine's word may have been on its way when the client left.
    const hadText = engine.firstDeltaAtMs !== undefined && engine.firstDeltaAtMs <= leftAtMs;
    if (engine.toldAtMs === undefined || (moment === "before_first" && hadText)) return undefined;
    return { toldMs: engine.toldAtMs - leftAtMs, idleMs: idleAtMs - leftAtMs };
  } finally {
    answer.leave();
    await answer.gone;
  }
}

function midAnswer({ isStreamed }: Door, arrivals: Arrivals, { engine, signal }: TrialTools): Promise<boolean> {
  if (isStreamed) return arrivals.when(({ deltas }) => deltas >= LEAVES_AT_DELTA, signal);
  return engine.untilDeltas(LEAVES_AT_DELTA, signal, () => arrivals.ended);
}

/** Waits until the engine computes the prompt, then a random while, so that no phase of the computing is preferred. */
async function beforeFirst(arrivals: Arrivals, { engine, random, signal }: TrialTools): Promise<boolean> {
  const missed = () => arrivals.deltas > 0 || arrivals.ended;
  if (!(await engine.untilBusy(signal, missed))) return false;
  await wait(random() * LATEST_LEAVE_MS, undefined, { signal });
  return !missed();
}

/** What one answer has brought so far, to wait on. */
class Arrivals implements Arrived {
  deltas = 0;
  ended = false;
  readonly #engine: EngineWatch;
  #changed = new Deferred<void>();

  constructor(engine: EngineWatch) {
    this.#engine = engine;
  }

  onChange(): void {
    const changed = this.#changed;
    this.#changed = new Deferred();
    changed.resolve();
    // Who waits for the engine may have to stop waiting.
    this.#engine.poke();
  }

  /** False where the answer ended first. */
  async when(condition: (arrived: Arrived) => boolean, signal: AbortSignal): Promise<boolean> {
    const stop = () => this.onChange();
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (!condition(this)) {
        signal.throwIfAborted();
        if (this.ended) return false;
        await this.#changed.promise;
      }
      return true;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
