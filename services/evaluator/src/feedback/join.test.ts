import { create } from "@bufbuild/protobuf";
import { RequestFinishedSchema, type ScoreRecorded } from "@chimera/contracts/events";
import { describe, expect, it } from "vitest";
import { BoundedMap } from "./bounded-map.ts";
import { FeedbackJoin } from "./join.ts";

const clock = { nowMs: () => 1_700_000_000_000, monotonicMs: () => 0 };

function joining(maxWaiting?: number) {
  const published: { id: string; score: ScoreRecorded }[] = [];
  const join = new FeedbackJoin({
    publish: (event, id) => {
      if (event.kind === "scoreRecorded") published.push({ id, score: event.message });
    },
    clock,
    ...(maxWaiting !== undefined && { maxWaiting }),
  });
  return { join, published };
}

const finished = (requestId: string) =>
  create(RequestFinishedSchema, { requestId, tenant: "aster", model: "tiny", modelVersion: "v1", status: "OK" });
const right = { target: "bug", predicted: "bug" };

describe("FeedbackJoin", () => {
  it.each(["feedback first", "event first"])("scores once both halves are there: %s", (order) => {
    const { join, published } = joining();
    const halves = [() => join.feedbackGiven("r1", right), () => join.requestFinished(finished("r1"))];
    const [first, second] = order === "feedback first" ? halves : halves.toReversed();
    first?.();
    expect(published).toEqual([]);
    second?.();
    expect(published.map(({ id }) => id)).toEqual(["score.live.r1"]);
    expect(published[0]?.score).toMatchObject({
      subjectId: "r1",
      source: "live",
      tenant: "aster",
      model: "tiny",
      modelVersion: "v1",
      predicted: "bug",
      target: "bug",
      correct: true,
      runId: "",
    });
    expect(published[0]?.score.at?.seconds).toBe(1_700_000_000n);
  });

  it("keeps requests apart and scores a wrong answer as wrong", () => {
    const { join, published } = joining();
    join.requestFinished(finished("r1"));
    join.feedbackGiven("r2", right);
    expect(published).toEqual([]);
    join.feedbackGiven("r1", { target: "bug", predicted: "" });
    expect(published.map(({ score }) => [score.subjectId, score.correct])).toEqual([["r1", false]]);
  });

  it("scores a request once, even where its event is delivered again", () => {
    const { join, published } = joining();
    join.feedbackGiven("r1", right);
    join.requestFinished(finished("r1"));
    join.requestFinished(finished("r1"));
    expect(published.length).toBe(1);
  });

  it("forgets the oldest half where too many wait, and counts lost feedback", () => {
    const { join, published } = joining(2);
    for (const id of ["r1", "r2", "r3"]) join.feedbackGiven(id, right);
    for (const id of ["r1", "r2", "r3"]) join.requestFinished(finished(id));
    expect(published.map(({ score }) => score.subjectId)).toEqual(["r2", "r3"]);
    expect(join.forgottenFeedback).toBe(1);
  });

  it("keeps waiting requests through any number of refused ones", () => {
    const { join, published } = joining(2);
    join.requestFinished(finished("r1"));
    for (const id of ["x1", "x2", "x3"]) join.requestFinished({ ...finished(id), refusal: "no room" });
    join.feedbackGiven("r1", right);
    expect(published.map(({ score }) => score.subjectId)).toEqual(["r1"]);
  });
});

describe("BoundedMap", () => {
  it("never holds more than its capacity and treats a set as fresh", () => {
    const map = new BoundedMap<string, number>(2);
    map.set("a", 1);
    map.set("b", 2);
    expect(map.set("a", 3)).toBe(false);
    expect(map.set("c", 4)).toBe(true);
    expect(map.size).toBe(2);
    expect([map.take("a"), map.take("b"), map.take("c"), map.take("c")]).toEqual([3, undefined, 4, undefined]);
  });
});
