// How long to wait before the next attempt, and when there is none.

import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { ChimeraClientError } from "./error.ts";
import { RetryPolicy, toRetrySettings } from "./retry.ts";

const unavailable = (retryAfterMs?: number) => ({
  error: new ChimeraClientError("UNAVAILABLE", "busy", { retryAfterMs }),
  isFinal: false,
});

describe("the wait", () => {
  it("is drawn from zero to an end that doubles up to its bound", () => {
    const settings = toRetrySettings({
      maxAttempts: 5,
      initialBackoffMs: 100,
      maxBackoffMs: 300,
      budget: { maxTokens: 1e9 },
    });
    const policy = new RetryPolicy(settings, seededRandom(7));
    const draws = (attempt: number) => Array.from({ length: 2000 }, () => policy.delayMs(unavailable(), attempt) ?? -1);
    for (const [attempt, end] of [
      [1, 100],
      [2, 200],
      [3, 300],
      [4, 300],
    ] as const) {
      const waits = draws(attempt);
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(0);
      expect(Math.min(...waits)).toBeLessThan(end * 0.05);
      expect(Math.max(...waits)).toBeLessThan(end);
      expect(Math.max(...waits)).toBeGreaterThan(end * 0.95);
    }
    expect(policy.delayMs(unavailable(), 5)).toBeUndefined();
  });

  it("begins when the server says, and jitter keeps callers apart that were told the same", () => {
    const policy = new RetryPolicy(toRetrySettings({ budget: { maxTokens: 1e9 } }), seededRandom(7));
    const waits = Array.from({ length: 100 }, () => policy.delayMs(unavailable(500), 1) ?? -1);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(500);
    expect(new Set(waits).size).toBe(100);
  });

  it("that the server wants longer than the bound is none", () => {
    const policy = new RetryPolicy(toRetrySettings({ maxServerDelayMs: 1000 }), seededRandom(7));
    expect(policy.delayMs(unavailable(1001), 1)).toBeUndefined();
    expect(policy.delayMs(unavailable(1000), 1)).toBeGreaterThanOrEqual(1000);
  });
});

describe("the budget", () => {
  it("stops retries below half, and comes back with calls that succeed", () => {
    const policy = new RetryPolicy(toRetrySettings({ budget: { maxTokens: 4, tokenRatio: 0.5 } }), seededRandom(7));
    expect(policy.delayMs(unavailable(), 1)).toBeDefined();
    expect(policy.delayMs(unavailable(), 1)).toBeUndefined();
    for (let success = 0; success < 3; success += 1) policy.succeeded();
    expect(policy.delayMs(unavailable(), 1)).toBeDefined();
  });

  it("is not touched by failures that are nobody's overload", () => {
    const policy = new RetryPolicy(toRetrySettings({ budget: { maxTokens: 4 } }), seededRandom(7));
    const refused = { error: new ChimeraClientError("INVALID_ARGUMENT", "no"), isFinal: false };
    for (let call = 0; call < 10; call += 1) expect(policy.delayMs(refused, 1)).toBeUndefined();
    expect(policy.delayMs(unavailable(), 1)).toBeDefined();
  });
});
