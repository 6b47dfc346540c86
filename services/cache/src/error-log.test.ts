import { expect, it } from "vitest";
import { ErrorLog } from "./error-log.ts";
import { HandClock } from "./test-data.ts";

it("writes at most one line in ten seconds and says how many it left out", () => {
  const clock = new HandClock();
  const lines: unknown[] = [];
  const log = new ErrorLog(clock, { error: (details: unknown) => void lines.push(details) }, "it failed");
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
