import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { PrefixIndex } from "./prefix-index.ts";

const ROOM = 1_000_000;
/** Tokens of one of the first blocks. */
const BLOCK = 64;

describe("PrefixIndex", () => {
  it("knows who served how much of a prompt", () => {
    const index = new PrefixIndex<string>();
    index.add("a", [1, 2, 3], ROOM);
    index.add("b", [1, 2, 9, 10], ROOM);
    expect([index.heldBy("a", [1, 2, 3, 4]), index.heldBy("b", [1, 2, 3, 4]), index.heldBy("c", [1])]).toEqual([
      3, 2, 0,
    ]);
    expect(index.longest([1, 2, 9, 11])).toBe(3);
    expect(index.holders(2)).toEqual(["a", "b"]);
    expect(index.holders(9)).toEqual(["b"]);
    expect(index.holders(undefined)).toEqual([]);
  });

  it("forgets what was used least lately, ends before beginnings", () => {
    const index = new PrefixIndex<string>();
    index.add("a", [1, 2, 3], 5 * BLOCK);
    index.add("a", [11, 12], 5 * BLOCK);
    index.add("a", [1, 2], 5 * BLOCK);
    index.add("a", [21], 5 * BLOCK);
    // 3 went first: it was not used again.
    expect(index.heldBy("a", [1, 2, 3])).toBe(2);
    expect(index.heldBy("a", [11, 12])).toBe(2);
    index.add("a", [31, 32], 5 * BLOCK);
    expect(index.heldBy("a", [11, 12])).toBe(0);
    expect([index.heldBy("a", [1, 2, 3]), index.countOf("a")]).toEqual([2, 5]);
  });

  it("forgets a holder without a trace", () => {
    const index = new PrefixIndex<string>();
    index.add("a", [1, 2], ROOM);
    index.add("b", [1], ROOM);
    index.forget("a");
    expect([index.heldBy("a", [1]), index.countOf("a"), index.longest([1, 2])]).toEqual([0, 0, 1]);
    expect(index.holders(1)).toEqual(["b"]);
    index.forget("b");
    expect(index.longest([1, 2])).toBe(0);
  });

  it("shares its bound among many holders", () => {
    const index = new PrefixIndex<number>();
    const keys = (holder: number, from: number) => Array.from({ length: 64 }, (_, i) => holder * 1e6 + from + i);
    for (let round = 0; round < 60; round++) {
      for (let holder = 0; holder < 128; holder++)
        index.add(holder, keys(holder, round * 64), Number.POSITIVE_INFINITY);
    }
    const total = Array.from({ length: 128 }, (_, holder) => index.countOf(holder)).reduce(
      (sum, count) => sum + count,
      0,
    );
    expect(total).toBeLessThanOrEqual(262_144);
    expect(total).toBeGreaterThan(200_000);
  });

  it("always holds whole beginnings, and agrees with itself, over random steps", () => {
    const random = seededRandom(5);
    const index = new PrefixIndex<string>();
    const draw = (most: number) => Math.floor(random() * most);
    // A tree of prompts: a key stands for the way to it.
    const prompt = () => {
      const keys: number[] = [];
      for (let key = draw(5) + 1, depth = 1 + draw(8); keys.length < depth; key = key * 7 + draw(3)) keys.push(key);
      return keys;
    };
    for (let step = 0; step < 3000; step++) {
      const holder = "abcd".charAt(draw(4));
      const keys = prompt();
      if (random() < 0.02) index.forget(holder);
      else index.add(holder, keys, (8 + draw(30)) * BLOCK);
      const asked = prompt();
      for (const each of "abcd") {
        const held = index.heldBy(each, asked);
        asked.forEach((key, i) => {
          expect(index.holders(key).includes(each)).toBe(i < held);
        });
      }
    }
  });
});
