import { describe, expect, it } from "vitest";
import { type Score, ScoreBook } from "./score-book.ts";

const score: Score = {
  source: "dataset",
  model: "tiny",
  modelVersion: "v1",
  predicted: "a",
  target: "a",
  correct: true,
  atMs: 100,
  dataset: "tickets",
  split: "holdout",
  runId: "run",
};

describe("ScoreBook", () => {
  it("finds the run of a split that was scored last, by time and not by name", () => {
    const book = new ScoreBook();
    book.push({ ...score, runId: "z", atMs: 100 });
    book.push({ ...score, runId: "a", atMs: 300 });
    book.push({ ...score, runId: "m", atMs: 200 });
    book.push({ ...score, runId: "v", atMs: 400, split: "validation" });
    expect(book.latestRun(1000, "holdout")?.id).toBe("a");
    expect(book.latestRun(250, "holdout")?.id).toBe("m");
    expect(book.latestRun(1000, "holdout", "other")).toBeUndefined();
  });

  it("keeps runs apart", () => {
    const book = new ScoreBook();
    book.push({ ...score, runId: "x", correct: true });
    book.push({ ...score, runId: "y", correct: false, atMs: 200 });
    const latest = book.latestRun(1000, "holdout");
    expect([latest?.confusion.n, latest?.confusion.correct]).toEqual([1, 0]);
  });

  it("remembers the runs scored last, no more than 32", () => {
    const book = new ScoreBook();
    for (let run = 0; run < 40; run += 1) book.push({ ...score, runId: `run-${run}`, atMs: run });
    expect(book.latestRun(7, "holdout")).toBeUndefined();
    expect(book.latestRun(8, "holdout")?.id).toBe("run-8");
  });

  it("counts live answers inside the window only", () => {
    const book = new ScoreBook();
    for (let at = 0; at < 10; at += 1) book.push({ ...score, source: "live", atMs: at, correct: at % 2 === 0 });
    expect(book.live({ fromMs: 2, toMs: 6 })).toEqual({ n: 5, correct: 3 });
  });
});
