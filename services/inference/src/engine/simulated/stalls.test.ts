import { describe, expect, it } from "vitest";
import { Stalls } from "./stalls.ts";

describe("Stalls", () => {
  it("take the time they are told, whatever the steps are long", () => {
    for (const stepMs of [0.5, 30]) {
      const stalls = new Stalls({ stallEveryMs: 50, stallMs: 4 }, 7);
      let lostMs = 0;
      for (let workMs = 0; workMs < 200_000; workMs += stepMs) lostMs += stalls.during(stepMs);
      // 4 ms in 50.
      expect(lostMs / 200_000).toBeGreaterThan(0.072);
      expect(lostMs / 200_000).toBeLessThan(0.088);
    }
  });

  it("do not happen where they are off", () => {
    expect(new Stalls({ stallEveryMs: 0, stallMs: 4 }, 7).during(1e9)).toBe(0);
    expect(new Stalls({ stallEveryMs: 50, stallMs: 0 }, 7).during(1e9)).toBe(0);
  });
});
