import { expect, it } from "vitest";
import { RestartBudget } from "./restart-budget.ts";

it("waits longer each time, gives up after five restarts, and forgets what is over a minute old", () => {
  let now = 0;
  const budget = new RestartBudget({ nowMs: () => now, monotonicMs: () => now });

  expect(Array.from({ length: 6 }, () => budget.next())).toEqual([200, 400, 800, 1600, 3200, undefined]);
  now = 59_999;
  expect(budget.next()).toBeUndefined();
  now = 60_000;
  expect(budget.next()).toBe(200);
});
