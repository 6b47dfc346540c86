import { type Random, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { ConfidenceSequence, Msprt } from "./confidence-sequence.ts";

function difference(random: Random, gain: number): number {
  return (random() < 0.9 + gain ? 1 : 0) - (random() < 0.9 ? 1 : 0);
}

/** Looks after every 100 of 3,000 pairs; true where one of them excludes 0. */
function finds(random: Random, gain: number): { sequence: boolean; msprt: boolean } {
  const sequence = new ConfidenceSequence();
  const msprt = new Msprt();
  const found = { sequence: false, msprt: false };
  for (let pair = 1; pair <= 3000; pair++) {
    const value = difference(random, gain);
    sequence.add(value);
    msprt.add(value);
    if (pair % 100 !== 0) continue;
    const { low, high } = sequence.interval();
    found.sequence ||= low > 0 || high < 0;
    found.msprt ||= msprt.look().rejected;
  }
  return found;
}

function counts(gain: number): { sequence: number; msprt: number } {
  const random = seededRandom(21);
  const all = Array.from({ length: 200 }, () => finds(random, gain));
  return { sequence: all.filter((each) => each.sequence).length, msprt: all.filter((each) => each.msprt).length };
}

describe("looking at every hundredth pair", () => {
  it("raises no more false alarms than promised", () => {
    const { sequence, msprt } = counts(0);
    // At most 10 expected of 200.
    expect(sequence).toBeLessThanOrEqual(14);
    expect(msprt).toBeLessThanOrEqual(14);
  });

  it("finds a gain of five points nearly always", () => {
    const { sequence, msprt } = counts(0.05);
    expect(sequence).toBeGreaterThan(190);
    expect(msprt).toBeGreaterThan(190);
  });
});

describe("ConfidenceSequence", () => {
  it("has the margin of its formula", () => {
    const sequence = new ConfidenceSequence({ alpha: 0.05, tunedToN: 1000, minN: 2 });
    for (let i = 0; i < 400; i++) sequence.add(i % 2);
    const s = Math.sqrt(100 / 399);
    const r = (-2 * Math.log(0.05) + Math.log(-2 * Math.log(0.05)) + 1) / 1000;
    const margin = s * Math.sqrt(((400 * r + 1) / (400 ** 2 * r)) * Math.log((400 * r + 1) / 0.05 ** 2));
    const { low, high, level } = sequence.interval();
    expect([low, high, level]).toEqual([expect.closeTo(0.5 - margin, 12), expect.closeTo(0.5 + margin, 12), 0.95]);
  });

  it("claims nothing from a few values, however alike", () => {
    const sequence = new ConfidenceSequence();
    for (let i = 0; i < 99; i++) sequence.add(1);
    expect(sequence.interval().low).toBe(Number.NEGATIVE_INFINITY);
  });
});
