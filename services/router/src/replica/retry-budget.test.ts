import { expect, it } from "vitest";
import { HandClock } from "../measure/testing/hand-clock.ts";
import { RetryBudget } from "./retry-budget.ts";

function setUp() {
  const clock = new HandClock();
  const budget = new RetryBudget(clock);
  const retries = (wanted: number) => Array.from({ length: wanted }, () => budget.tryRetry()).filter(Boolean).length;
  const requests = (count: number) => {
    for (let i = 0; i < count; i++) budget.request();
  };
  return { clock, budget, retries, requests };
}

it("gives a router with little traffic ten retries a second, over ten seconds", () => {
  const { clock, budget, retries } = setUp();
  expect(retries(1000)).toBe(100);
  expect(budget.left).toBe(0);
  clock.ms += 9000;
  expect(retries(1000)).toBe(0);
  clock.ms += 1000;
  expect(retries(1000)).toBe(100);
});

it("adds a fifth of the requests", () => {
  const { retries, requests } = setUp();
  requests(5000);
  expect(retries(5000)).toBe(1100);
});

it("keeps retries below a fifth plus ten a second while all requests fail", () => {
  const { clock, retries, requests } = setUp();
  let made = 0;
  for (let second = 0; second < 100; second++) {
    requests(200);
    made += retries(200);
    clock.ms += 1000;
  }
  expect(made / 100).toBeGreaterThan(45);
  expect(made / 100).toBeLessThanOrEqual(52);
});

it("forgets requests after ten seconds", () => {
  const { clock, budget, requests } = setUp();
  requests(1000);
  expect(budget.left).toBe(300);
  clock.ms += 10_000;
  expect(budget.left).toBe(100);
  clock.ms += 3_600_000;
  expect(budget.left).toBe(100);
});
