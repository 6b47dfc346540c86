import { describe, expect, it } from "vitest";
import { ForgetfulMap } from "./forgetful-map.ts";

interface Value {
  key: string;
  state: "busy" | "used" | "idle";
}

const mapOf = (max: number) =>
  new ForgetfulMap<Value>({
    make: (key) => ({ key, state: "idle" }),
    isIdle: ({ state }) => state === "idle",
    isBusy: ({ state }) => state === "busy",
    max,
  });

function add(map: ForgetfulMap<Value>, from: number, count: number, state: Value["state"]): void {
  for (let i = from; i < from + count; i++) map.get(`k${i}`).state = state;
}

describe("ForgetfulMap", () => {
  it("keeps one value for a key", () => {
    const map = mapOf(10);
    expect(map.get("a")).toBe(map.get("a"));
    expect(map.peek("b")).toBeUndefined();
  });

  it("forgets what is idle before what is not, and then the oldest", () => {
    const map = mapOf(10);
    add(map, 0, 4, "used");
    add(map, 4, 6, "idle");
    map.get("new");
    expect([...map.values()].map(({ key }) => key)).toEqual(["k0", "k1", "k2", "k3", "new"]);
    add(map, 10, 1000, "used");
    expect(map.size).toBeLessThanOrEqual(10);
    expect(map.peek("k1009")).toBeDefined();
  });

  it("never forgets what is busy", () => {
    const map = mapOf(10);
    add(map, 0, 100, "busy");
    add(map, 100, 1000, "used");
    expect([...map.values()].filter(({ state }) => state === "busy")).toHaveLength(100);
    expect(map.size).toBeLessThanOrEqual(200);
  });
});
