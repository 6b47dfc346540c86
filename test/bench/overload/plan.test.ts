import { expect, it } from "vitest";
import { arrivalPlan } from "./plan.ts";

const rates = [
  { tenant: "light", perSecond: 4 },
  { tenant: "heavy", perSecond: 196 },
  { tenant: "nobody", perSecond: 0 },
];

it("has each tenant's rate, in order of time, within the time", () => {
  const plan = arrivalPlan(rates, { seconds: 60, seed: 1 });
  const light = plan.filter(({ tenant }) => tenant === "light").length;
  expect(light).toBeGreaterThan(180);
  expect(light).toBeLessThan(300);
  expect(plan.length).toBeGreaterThan(11_600);
  expect(plan.length).toBeLessThan(12_400);
  expect(plan.every(({ atMs }, i) => atMs >= (plan[i - 1]?.atMs ?? 0) && atMs < 60_000)).toBe(true);
  expect(plan.every(({ index }, i) => index === i)).toBe(true);
});

it("is the same for the same seed only", () => {
  const of = (seed: number) => arrivalPlan(rates, { seconds: 1, seed });
  expect(of(7)).toEqual(of(7));
  expect(of(7)).not.toEqual(of(8));
});
