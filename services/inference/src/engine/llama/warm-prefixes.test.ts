import { describe, expect, it } from "vitest";
import { WarmPrefixes } from "./warm-prefixes.ts";

const all = () => true;

describe("WarmPrefixes", () => {
  it("names the ones used last first, and only what a prompt really begins with counts as used", () => {
    const warm = new WarmPrefixes();
    warm.add({ id: "a", tokens: [1, 2] });
    warm.add({ id: "b", tokens: [1, 2, 3] });
    warm.add({ id: "c", tokens: [9] });
    expect(warm.held(all)).toEqual(["c", "b", "a"]);
    expect(warm.use([1, 2, 4])).toEqual(["a"]);
    expect(warm.held(all)).toEqual(["a", "c", "b"]);
    expect(warm.use([1])).toEqual([]);
  });

  it("leaves out what nothing holds any more, and knows it again when it is held again", () => {
    const warm = new WarmPrefixes();
    warm.add({ id: "a", tokens: [1] });
    warm.add({ id: "b", tokens: [2] });
    expect(warm.held(({ id }) => id === "a")).toEqual(["a"]);
    expect(warm.held(all)).toEqual(["b", "a"]);
  });

  it("lets go of the one that was unused for longest", () => {
    const warm = new WarmPrefixes();
    for (let i = 0; i < 70; i++) warm.add({ id: `p${i}`, tokens: [i] });
    expect(warm.held(all)).toHaveLength(64);
    expect(warm.held(all)).not.toContain("p5");
    expect(warm.held(all)).toContain("p6");
  });
});
