import { expect, it } from "vitest";
import { StoreErrorLog } from "./store-error-log.ts";
import { HandClock } from "./test-data.ts";

it("writes at most one line in ten seconds and says how many it left out", () => {
  const clock = new HandClock();
  const lines: unknown[] = [];
  const log = new StoreErrorLog(clock, { error: (details: unknown) => void lines.push(details) });
  const problem = new Error("disk full");
  for (let number = 0; number < 5; number += 1) log.add(problem);
  clock.ms += 9_999;
  log.add(problem);
  clock.ms += 1;
  log.add(problem);
  expect(lines).toEqual([
    { err: problem, unlogged: 0 },
    { err: problem, unlogged: 5 },
  ]);
});
