import { expect, it } from "vitest";
import { TokenBudget } from "./token-budget.ts";

it("begins only what fits beside what is being made, and gives back what an answer did not use", () => {
  const budget = new TokenBudget(100);
  const first = budget.begin(60);
  expect(budget.begin(50)).toBeUndefined();
  first?.reached(20);
  first?.reached(30);
  first?.end();
  expect(budget.spent).toBe(30);
  expect(budget.begin(70)).toBeDefined();
  expect(budget.begin(1)).toBeUndefined();
});

it("knows as soon as a longer answer than expected has used it up", () => {
  const budget = new TokenBudget(100);
  const long = budget.begin(10);
  const other = budget.begin(80);
  long?.reached(90);
  expect([budget.spent, budget.isOverdrawn, budget.begin(5)]).toEqual([90, false, undefined]);
  other?.reached(11);
  expect(budget.isOverdrawn).toBe(true);
});
