import { systemClock } from "@chimera/kernel";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TokenBucket } from "./token-bucket.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const bucket = (perS: number, burst: number) => new TokenBucket(systemClock, { perS, burst });

describe("TokenBucket", () => {
  it("gives its burst at once, then its rate, and never more than the burst for having waited", () => {
    const tokens = bucket(10, 3);
    expect([1, 2, 3, 4].map(() => tokens.take(1))).toEqual([1, 1, 1, undefined]);
    expect(tokens.waitMs(1)).toBe(100);
    vi.advanceTimersByTime(99);
    expect(tokens.take(1)).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(tokens.take(1)).toBe(1);
    vi.advanceTimersByTime(60_000);
    expect(tokens.level).toBe(3);
  });

  it("gives back what an estimate was too much, and takes later what it was too little", () => {
    const tokens = bucket(10, 100);
    tokens.take(80);
    tokens.correct(30 - 80);
    expect(tokens.level).toBe(70);
    tokens.correct(120);
    expect(tokens.level).toBe(-50);
    expect(tokens.waitMs(10)).toBe(6000);
    vi.advanceTimersByTime(6000);
    expect(tokens.take(10)).toBe(10);
  });

  it("lets what is larger than itself wait for a full one, and lends the rest", () => {
    const tokens = bucket(10, 100);
    tokens.take(1);
    expect(tokens.take(500)).toBeUndefined();
    vi.advanceTimersByTime(100);
    expect(tokens.take(500)).toBe(500);
    expect(tokens.level).toBe(-400);
  });

  it("lends what comes back within a minute, and no more; what was not lent is not given back", () => {
    const tokens = bucket(10, 100);
    const taken = tokens.take(5000);
    expect(tokens.level).toBe(-600);
    expect(taken).toBe(700);
    tokens.correct(20 - (taken ?? 0));
    expect(tokens.level).toBe(80);
  });

  it("takes another shape without giving what is missing", () => {
    const tokens = bucket(10, 100);
    tokens.take(60);
    tokens.reshape({ perS: 1, burst: 50 });
    expect(tokens.level).toBe(-10);
    expect(tokens.waitMs(1)).toBe(11_000);
  });
});
