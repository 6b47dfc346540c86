import { FailedPreconditionError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { clusterOf } from "../run/plan.ts";
import { itemsOf } from "../testing/runs.ts";
import { shareOut } from "./item-shares.ts";

describe("shareOut", () => {
  it("gives no item and no cluster to two decisions", () => {
    const items = itemsOf(400).map((item, at) => ({ ...item, cluster: `${Math.floor(at / 3)}` }));
    const { search, final, fresh } = shareOut(items, 100);
    expect([search.length, fresh.length]).toEqual([100, 100]);
    expect(final.length).toBeGreaterThan(150);
    const sides = [search, final, fresh].map((side) => new Set(side.map(clusterOf)));
    expect(new Set(sides.flatMap((side) => [...side])).size).toBe(sides.reduce((sum, { size }) => sum + size, 0));
  });

  it("asks a trial fewer where there are few, and refuses too few", () => {
    expect(shareOut(itemsOf(100), 200)).toMatchObject({ search: { length: 50 }, fresh: { length: 25 } });
    expect(() => shareOut(itemsOf(40), 20)).toThrow(FailedPreconditionError);
  });
});
