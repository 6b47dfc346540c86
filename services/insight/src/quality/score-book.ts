// Scored answers: confusion counts per data set run, and right-or-wrong over time for live answers.
import { Confusion } from "@chimera/statistics";
import type { Window } from "../window/window.ts";
import { contains } from "../window/window.ts";

export interface Score {
  source: "live" | "dataset";
  model: string;
  modelVersion: string;
  predicted: string;
  target: string;
  correct: boolean;
  atMs: number;
  dataset: string;
  split: string;
  runId: string;
}

export interface Run {
  readonly id: string;
  readonly dataset: string;
  readonly split: string;
  /** Empty until an answer says which; an item whose request failed does not. */
  model: string;
  modelVersion: string;
  readonly confusion: Confusion;
  /** When its first and its latest item were scored. */
  firstMs: number;
  lastMs: number;
}

/** Runs kept; the one that was scored longest ago makes room. */
const MAX_RUNS = 32;
/** Live answers kept; the oldest makes room. */
const MAX_LIVE = 100_000;

export class ScoreBook {
  readonly #runs = new Map<string, Run>();
  readonly #liveAtMs = new Float64Array(MAX_LIVE);
  readonly #liveCorrect = new Uint8Array(MAX_LIVE);
  #livePushed = 0;

  push(score: Score): void {
    if (score.source === "dataset") this.#pushDataset(score);
    else this.#pushLive(score);
  }

  /**
   * The newest run of a split (and data set) as it was known at `byMs`. Quality belongs to the weights, not to the minutes a
   * report looks at, so a run from before its window counts.
   */
  latestRun(byMs: number, split: string, dataset?: string): Run | undefined {
    let latest: Run | undefined;
    for (const run of this.#runs.values()) {
      if (run.split !== split || (dataset !== undefined && run.dataset !== dataset)) continue;
      if (run.lastMs > byMs) continue;
      if (latest === undefined || run.lastMs >= latest.lastMs) latest = run;
    }
    return latest;
  }

  live(window: Window): { n: number; correct: number } {
    let n = 0;
    let correct = 0;
    for (let slot = 0; slot < Math.min(this.#livePushed, MAX_LIVE); slot += 1) {
      if (!contains(window, this.#liveAtMs[slot] ?? Number.NaN)) continue;
      n += 1;
      correct += this.#liveCorrect[slot] ?? 0;
    }
    return { n, correct };
  }

  #pushDataset(score: Score): void {
    const run = this.#runs.get(score.runId) ?? newRun(score);
    // Moved to the end, so that the first key is always the run that was scored longest ago.
    this.#runs.delete(score.runId);
    this.#runs.set(score.runId, run);
    run.confusion.add(score);
    run.model ||= score.model;
    run.modelVersion ||= score.modelVersion;
    run.firstMs = Math.min(run.firstMs, score.atMs);
    run.lastMs = Math.max(run.lastMs, score.atMs);
    if (this.#runs.size <= MAX_RUNS) return;
    const oldest = this.#runs.keys().next();
    if (!oldest.done) this.#runs.delete(oldest.value);
  }

  #pushLive(score: Score): void {
    const slot = this.#livePushed % MAX_LIVE;
    this.#liveAtMs[slot] = score.atMs;
    this.#liveCorrect[slot] = score.correct ? 1 : 0;
    this.#livePushed += 1;
  }
}

function newRun(score: Score): Run {
  const { runId: id, dataset, split, model, modelVersion, atMs } = score;
  return { id, dataset, split, model, modelVersion, confusion: new Confusion(), firstMs: atMs, lastMs: atMs };
}
