import { describe, expect, it } from "vitest";
import { SequenceCheck } from "./sequence-check.ts";

const LATER = 60_000;

describe("SequenceCheck", () => {
  it("finds nothing missing where every number came, in whatever order", () => {
    const check = new SequenceCheck();
    for (const sequence of [3, 1, 2, 5, 4]) check.arrived(sequence, 1000, 1000);
    expect(check.missing(LATER)).toBe(0);
  });

  it("counts numbers that never came, once they had time to", () => {
    const check = new SequenceCheck();
    for (const sequence of [1, 2, 5, 6]) check.arrived(sequence, 1000, 1000);
    expect(check.missing(2000)).toBe(0);
    expect(check.missing(LATER)).toBe(2);
  });

  it("does not miss what the stream let go before insight came", () => {
    const check = new SequenceCheck();
    check.arrived(501, 1000, 1000);
    check.arrived(502, 1000, 1000);
    expect(check.missing(LATER)).toBe(0);
  });

  it("says nothing while history is still coming in", () => {
    const check = new SequenceCheck();
    check.arrived(9, 1000, LATER);
    expect(check.missing(LATER)).toBeUndefined();
    for (let sequence = 1; sequence < 9; sequence += 1) check.arrived(sequence, 900, LATER + 100);
    expect(check.missing(LATER + 100)).toBeUndefined();
    expect(check.missing(2 * LATER)).toBe(0);
  });

  it("keeps its count when the stream is made anew", () => {
    const check = new SequenceCheck();
    for (const sequence of [1, 3]) check.arrived(sequence, 1000, 1000);
    expect(check.missing(LATER)).toBe(1);
    check.arrived(1, LATER, LATER);
    check.arrived(2, LATER, LATER);
    expect(check.missing(2 * LATER)).toBe(1);
  });
});
