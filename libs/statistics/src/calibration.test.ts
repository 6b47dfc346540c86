import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { Reliability } from "./calibration.ts";

describe("Reliability", () => {
  it.each(["equal-width", "equal-mass"] as const)("finds calibrated answers calibrated, by bins of %s", (binning) => {
    const random = seededRandom(1);
    const reliability = new Reliability();
    for (let i = 0; i < 20_000; i++) {
      const confidence = random() ** 2;
      reliability.add(confidence, random() < confidence);
    }
    expect(reliability.expectedCalibrationError(10, binning)).toBeLessThan(0.02);
    expect(reliability.diagram(10, binning).length).toBe(10);
  });

  it("measures how far confidence is from what was right", () => {
    const reliability = new Reliability();
    for (let i = 0; i < 10; i++) reliability.add(0.95, i < 6);
    for (let i = 0; i < 10; i++) reliability.add(0.55, i < 5);
    expect(reliability.expectedCalibrationError(10, "equal-width")).toBeCloseTo((0.35 + 0.05) / 2, 12);
    expect(reliability.diagram(10, "equal-width").map(({ n }) => n)).toEqual([10, 10]);
  });

  it("puts as many answers into each bin of equal mass", () => {
    const reliability = new Reliability();
    for (let i = 0; i < 1000; i++) reliability.add(0.8 + (0.2 * i) / 1000, true);
    for (const { n } of reliability.diagram(5, "equal-mass")) expect(Math.abs(n - 200)).toBeLessThanOrEqual(5);
  });

  it("knows nothing before the first answer and takes both ends", () => {
    const reliability = new Reliability();
    expect(reliability.expectedCalibrationError(10, "equal-mass")).toBeNaN();
    reliability.add(0, false);
    reliability.add(1, true);
    expect(reliability.expectedCalibrationError(10, "equal-width")).toBe(0);
  });
});
