import { describe, expect, it } from "vitest";
import { ServiceTime } from "./service-time.ts";

describe("ServiceTime", () => {
  it("grows with the queue and shrinks with the slots", () => {
    const [few, many] = [new ServiceTime(1), new ServiceTime(8)];
    for (const each of [few, many]) each.record(100);
    expect(few.waitMs(9)).toBe(1000);
    expect(many.waitMs(9)).toBe(125);
  });

  it("follows the latest answers and stays within its bounds", () => {
    const time = new ServiceTime(1);
    time.record(600);
    expect(time.waitMs(0)).toBe(200);
    for (let i = 0; i < 100; i++) time.record(1e9);
    expect(time.waitMs(100)).toBe(10_000);
    for (let i = 0; i < 200; i++) time.record(0);
    expect(time.waitMs(0)).toBe(10);
  });
});
