import { describe, expect, it } from "vitest";
import { linearScale, logScale } from "./scale.ts";

describe("linearScale", () => {
  it("maps the ends to the ends", () => {
    const scale = linearScale({ from: 10, to: 30, start: 100, end: 0 });
    expect([scale.at(10), scale.at(20), scale.at(30)]).toEqual([100, 50, 0]);
  });

  it("has round ticks inside the axis", () => {
    expect(linearScale({ from: 0, to: 1, start: 0, end: 1 }).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(linearScale({ from: 0, to: 47, start: 0, end: 1 }).ticks).toEqual([0, 10, 20, 30, 40]);
    expect(linearScale({ from: 0.7, to: 1, start: 0, end: 1 }, 3).ticks).toEqual([0.7, 0.8, 0.9, 1]);
  });

  it("survives an axis without length", () => {
    expect(Number.isFinite(linearScale({ from: 5, to: 5, start: 0, end: 10 }).at(5))).toBe(true);
  });
});

describe("logScale", () => {
  it("gives every decade the same room", () => {
    const scale = logScale({ from: 1, to: 100, start: 0, end: 200 });
    expect(scale.at(10)).toBeCloseTo(100, 9);
    expect(scale.ticks).toEqual([1, 2, 5, 10, 20, 50, 100]);
  });

  it("puts a zero at the start instead of nowhere", () => {
    expect(logScale({ from: 0.5, to: 50, start: 56, end: 700 }).at(0)).toBe(56);
  });
});
