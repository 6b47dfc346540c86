import { describe, expect, it } from "vitest";
import { ConcurrencyLimit } from "./concurrency-limit.ts";

function limitWith(slots: number, maxQueued: number): ConcurrencyLimit {
  const limit = new ConcurrencyLimit();
  limit.setBounds({ slots, maxQueued });
  return limit;
}

/** First tokens of requests that find the replica as full as its limit allows. */
function run(limit: ConcurrencyLimit, samples: number, msPerToken: (outstanding: number) => number): void {
  for (let i = 0; i < samples; i++) {
    for (const outstanding of [Math.floor(limit.slots / 2), limit.value]) {
      limit.record({ msPerToken: msPerToken(outstanding), outstanding });
    }
  }
}

describe("ConcurrencyLimit", () => {
  it("starts a little above the slots, so that none is ever empty", () => {
    expect(limitWith(8, 256).value).toBe(9);
    expect(limitWith(64, 256).value).toBe(72);
    expect(limitWith(1024, 256).value).toBe(1032);
  });

  it("goes down to the slots, and no further, where a queue at the replica makes callers wait", () => {
    const limit = limitWith(16, 256);
    run(limit, 500, (outstanding) => 1 + Math.max(0, outstanding - 16) * 5);
    expect(limit.value).toBe(16);
  });

  it("rises where a longer queue costs next to nothing, and settles where it begins to cost", () => {
    const limit = limitWith(16, 256);
    run(limit, 500, (outstanding) => 1 + Math.max(0, outstanding - 60) * 0.2);
    expect(limit.value).toBeGreaterThan(40);
    expect(limit.value).toBeLessThan(80);
  });

  it("never goes beyond what the replica takes", () => {
    const limit = limitWith(4, 10);
    run(limit, 500, () => 1);
    expect(limit.value).toBe(14);
    expect(limitWith(4, 0).value).toBe(4);
  });

  it("does not take a queue that stays for what is normal", () => {
    const limit = limitWith(16, 256);
    run(limit, 50, () => 1);
    for (let i = 0; i < 5000; i++) limit.record({ msPerToken: 10, outstanding: 40 });
    expect(limit.value).toBe(16);
  });

  it("is not moved while it is not in use", () => {
    const limit = limitWith(32, 256);
    for (let i = 0; i < 500; i++) limit.record({ msPerToken: 1, outstanding: 2 });
    expect(limit.value).toBe(36);
  });

  it("gives way at a refusal", () => {
    const limit = limitWith(16, 256);
    run(limit, 200, () => 1);
    const before = limit.value;
    limit.refused();
    expect(limit.value).toBeLessThanOrEqual(Math.ceil(before * 0.9));
    for (let i = 0; i < 100; i++) limit.refused();
    expect(limit.value).toBe(16);
  });

  it("follows slots that change while the replica runs", () => {
    const limit = limitWith(8, 256);
    limit.setBounds({ slots: 16, maxQueued: 256 });
    expect(limit.value).toBe(18);
    limit.setBounds({ slots: 1, maxQueued: 256 });
    expect(limit.value).toBe(2);
    // A replica that does not say leaves it as it is.
    limit.setBounds({ slots: 0, maxQueued: 0 });
    expect(limit.value).toBe(2);
  });

  it("keeps no request standing by where slots get free far more rarely than a hop takes, and some where they do not", () => {
    const limit = limitWith(8, 256);
    limit.noteTurn(400);
    expect(limit.value).toBe(8);
    limit.noteTurn(20);
    expect(limit.value).toBe(9);
    const wide = limitWith(64, 256);
    wide.noteTurn(40);
    expect(wide.value).toBe(69);
  });
});
