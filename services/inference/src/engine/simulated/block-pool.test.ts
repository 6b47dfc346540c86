import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { type BlockHolding, BlockPool } from "./block-pool.ts";

/** A prompt of these blocks, computed and let go. */
function pass(pool: BlockPool, keys: readonly number[]): number {
  const matched = pool.match(keys, keys.length);
  const holding = pool.hold(keys, matched, keys.length);
  if (holding === undefined) throw new Error("no room");
  for (const key of keys.slice(matched)) pool.publish(holding, key);
  pool.release(holding);
  return matched;
}

describe("BlockPool", () => {
  it("finds the longest known beginning", () => {
    const pool = new BlockPool(10);
    pass(pool, [1, 2, 3]);
    expect(pool.match([1, 2, 3, 4], 9)).toBe(3);
    expect(pool.match([1, 2, 3, 4], 2)).toBe(2);
    expect(pool.match([4, 2, 3], 9)).toBe(0);
    expect([pool.used, pool.kept]).toEqual([0, 3]);
  });

  it("gives up what was used longest ago, its leaves first", () => {
    const pool = new BlockPool(4);
    pass(pool, [1, 2]);
    pass(pool, [1, 3]);
    pass(pool, [7, 8]);
    // 2 was used before 3, and 1 with both: one block was needed, and it was 2.
    expect([1, 2, 3, 7, 8].filter((key) => pool.has(key))).toEqual([1, 3, 7, 8]);
    pass(pool, [9]);
    expect([1, 3].filter((key) => pool.has(key))).toEqual([1]);
  });

  it("keeps longer what is touched", () => {
    const pool = new BlockPool(4);
    pass(pool, [1, 2]);
    pass(pool, [3, 4]);
    pool.touch([1, 2]);
    pass(pool, [5, 6]);
    expect([1, 2, 3, 4].filter((key) => pool.has(key))).toEqual([1, 2]);
  });

  it("never gives up what a sequence holds, and takes nothing where not all fits", () => {
    const pool = new BlockPool(4);
    pass(pool, [1, 2]);
    const held = pool.hold([1, 2], 2, 3);
    expect(held?.blocks).toBe(3);
    expect(pool.hold([], 0, 2)).toBeUndefined();
    expect(pool.used).toBe(3);
    const last = pool.hold([], 0, 1);
    expect([pool.used, pool.match([1, 2], 2)]).toEqual([4, 2]);
    expect(last && pool.grow(last, 1)).toBe(false);
  });

  it("counts a beginning that it needs for itself as taken, not as room", () => {
    const pool = new BlockPool(3);
    pass(pool, [1, 2]);
    expect(pool.hold([1, 2, 3, 4], 2, 4)).toBeUndefined();
    expect([pool.used, pool.kept]).toEqual([0, 2]);
  });

  it("keeps one copy of a block that two sequences computed at once", () => {
    const pool = new BlockPool(10);
    const both = [pool.hold([], 0, 2), pool.hold([], 0, 2)];
    for (const holding of both) if (holding) pool.publish(holding, 5);
    expect(pool.kept).toBe(3);
    for (const holding of both) if (holding) pool.release(holding);
    expect([pool.used, pool.kept, pool.has(5)]).toEqual([0, 1, true]);
  });

  it("holds its bound and never loses a beginning before its end, whatever comes", () => {
    const random = seededRandom(3);
    const pool = new BlockPool(12);
    const open: BlockHolding[] = [];
    for (let round = 0; round < 3000; round++) {
      // Chains in a tree: the key of a block tells its parent.
      const keys: number[] = [];
      for (let node = 1, depth = 0; depth < 1 + Math.floor(random() * 5); depth++) {
        node = node * 2 + Math.floor(random() * 2);
        keys.push(node);
      }
      const holding = pool.hold(keys, pool.match(keys, keys.length), keys.length + Math.floor(random() * 2));
      if (holding) {
        for (const key of keys.slice(holding.shared.length)) pool.publish(holding, key);
        open.push(holding);
      }
      while (open.length > 0 && random() < 0.5) {
        const [left] = open.splice(Math.floor(random() * open.length), 1);
        if (left) pool.release(left);
      }
      expect(pool.kept).toBeLessThanOrEqual(12);
      expect(pool.used).toBeLessThanOrEqual(pool.kept);
      for (let key = 4; key < 64; key++) {
        const parent = Math.floor(key / 2);
        if (parent >= 2 && pool.has(key)) expect(pool.has(parent)).toBe(true);
      }
    }
    for (const holding of open) pool.release(holding);
    expect(pool.used).toBe(0);
  });
});
