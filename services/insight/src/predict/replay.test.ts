import { describe, expect, it } from "vitest";
import { requestFinished, START_MS } from "../testing/events.ts";
import type { LoggedRequest } from "./observed.ts";
import { chooseWarmSet, replayHits, unboundedCache } from "./replay.ts";
import { loggedRequest, RequestLog } from "./request-log.ts";

const LIMITS = { maxAnswers: 10, tokenBudget: 1000 };

function asked(keys: string): LoggedRequest[] {
  return [...keys].map((key, arrivedMs) => ({
    ...{ arrivedMs, key: key === "-" ? "" : key, cache: "miss", ttftMs: 100, engine: undefined },
    ...{ promptTokens: 8, completionTokens: 2, answerBytes: 50 },
  }));
}

const marks = (hits: readonly boolean[]) => hits.map((hit) => (hit ? "h" : ".")).join("");

describe("a warm set", () => {
  it("has what was asked more than once, the most asked first", () => {
    const { answers, tokens } = chooseWarmSet(asked("abcbcc-d-"), LIMITS);
    expect(answers.map(({ key }) => key)).toEqual(["c", "b"]);
    expect(tokens).toBe(20);
  });

  it("keeps to its number and its tokens", () => {
    expect(chooseWarmSet(asked("aabbcc"), { ...LIMITS, maxAnswers: 2 }).answers).toHaveLength(2);
    expect(chooseWarmSet(asked("aabbcc"), { ...LIMITS, tokenBudget: 15 }).answers).toHaveLength(1);
  });
});

describe("a replay", () => {
  const options = { create: unboundedCache, capacityBytes: 1e6, before: [] };

  it("hits from the second request on, and with warm answers from the first", () => {
    const warm = chooseWarmSet(asked("aab"), LIMITS);
    expect(marks(replayHits(asked("aabab-"), options))).toBe(".h.hh.");
    expect(marks(replayHits(asked("aabab-"), { ...options, warm }))).toBe("hh.hh.");
  });

  it("begins on what the requests before left", () => {
    expect(marks(replayHits(asked("ab"), { ...options, before: asked("a") }))).toBe("h.");
  });
});

describe("the request log", () => {
  const logged = (fields: Parameters<typeof requestFinished>[1]) => {
    const event = requestFinished(START_MS, fields);
    return event.kind === "requestFinished" ? loggedRequest(event.message) : undefined;
  };

  it("tells the wait of a request from the time it held a slot", () => {
    const request = logged({ ttftMs: 50, turnMs: 200, queueMs: 10, engine: { queueMs: 15 }, cacheKey: "k" });
    expect(request).toMatchObject({ arrivedMs: START_MS, key: "k", cache: "miss" });
    expect(request?.engine).toEqual({ waitMs: 25, firstTokenMs: 25, serviceMs: 175 });
  });

  it("leaves out what is no traffic or has no usable time", () => {
    expect(logged({ workload: "evaluation" })).toBeUndefined();
    expect(logged({ turnMs: Number.NaN })).toBeUndefined();
    expect(logged({ engine: undefined })?.engine).toBeUndefined();
  });

  it("lets go of the oldest, and gives a window by arrival", () => {
    const log = new RequestLog(3);
    for (const offsetMs of [0, 5, 40, 30, 20]) {
      const event = requestFinished(START_MS + offsetMs);
      if (event.kind === "requestFinished") log.take(event.message);
    }
    const arrivals = log.in({ fromMs: START_MS, toMs: START_MS + 35 }).map(({ arrivedMs }) => arrivedMs - START_MS);
    expect(arrivals).toEqual([20, 30]);
  });
});
