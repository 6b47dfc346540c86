// One client that asks, leaves at a chosen moment, and one engine that is watched until it has nothing to do.
import { setTimeout as wait } from "node:timers/promises";
import { type Clock, Deferred, type Random } from "@chimera/kernel";
import type { Arrived, Door, Question } from "./doors.ts";
import type { EngineWatch } from "./engine-watch.ts";

export const MOMENTS = ["before_first", "mid"] as const;
export type Moment = (typeof MOMENTS)[number];

/** A client that leaves mid-answer has read this many pieces. */
export const LEAVES_AT_DELTA = 5;
/** Before the first token it leaves at a random time up to this after the engine began with the prompt. */
export const LATEST_LEAVE_MS = 20;

export interface TrialTools {
  engine: EngineWatch;
  clock: Clock;
  random: Random;
  signal: AbortSignal;
}

export interface TrialTime {
  /** Client left to engine seen idle: an upper bound. */
  engineMs: number;
  /** How much shorter it may have been. */
  resolutionMs: number;
}

/** Undefined where the moment was missed: a token came too early, or the answer ended before its client left. */
export async function trial(
  door: Door,
  { moment, question }: { moment: Moment; question: Question },
  tools: TrialTools,
): Promise<TrialTime | undefined> {
  const { engine, clock, signal } = tools;
  await engine.untilIdle(signal);
  const before = await engine.counters();
  const arrivals = new Arrivals();
  const answer = door.open(question, arrivals);
  try {
    const reached = await (moment === "mid"
      ? arrivals.when(({ deltas }) => deltas >= LEAVES_AT_DELTA, signal)
      : beforeFirst(arrivals, tools));
    if (!reached) return undefined;
    const leftAtMs = clock.monotonicMs();
    answer.leave();
    const idle = await engine.untilIdle(signal);
    const after = await engine.counters();
    if (after.cancelled !== before.cancelled + 1 || after.finished !== before.finished) return undefined;
    return { engineMs: idle.notAfterMs - leftAtMs, resolutionMs: idle.notAfterMs - idle.notBeforeMs };
  } finally {
    answer.leave();
    await answer.gone;
  }
}

/** Waits until the engine computes the prompt, then a random while, so that no phase of the computing is preferred. */
async function beforeFirst(arrivals: Arrivals, { engine, random, signal }: TrialTools): Promise<boolean> {
  if (!(await arrivals.when(({ accepted }) => accepted, signal))) return false;
  const missed = () => arrivals.deltas > 0 || arrivals.ended;
  if (!(await engine.untilBusy(signal, missed))) return false;
  await wait(random() * LATEST_LEAVE_MS, undefined, { signal });
  return !missed();
}

/** What one answer has brought so far, to wait on. */
class Arrivals implements Arrived {
  accepted = false;
  deltas = 0;
  ended = false;
  #changed = new Deferred<void>();

  onChange(): void {
    const changed = this.#changed;
    this.#changed = new Deferred();
    changed.resolve();
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
