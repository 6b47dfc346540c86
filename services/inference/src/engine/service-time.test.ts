import { describe, expect, it } from "vitest";
import { ServiceTime } from "./service-time.ts";

describe("ServiceTime", () => {
  it("grows with the queue and shrinks with the slots", () => {
    const time = new ServiceTime();
    time.record(100);
    expect(time.waitMs(9, 1)).toBe(1000);
    expect(time.waitMs(9, 8)).toBe(125);
  });

  it("follows the latest answers and stays within its bounds", () => {
    const time = new ServiceTime();
    time.record(600);
    expect(time.waitMs(0, 1)).toBe(200);
    for (let i = 0; i < 100; i++) time.record(1e9);
    expect(time.waitMs(100, 1)).toBe(10_000);
    for (let i = 0; i < 200; i++) time.record(0);
    expect(time.waitMs(0, 1)).toBe(10);
  });
});
