import { type Random, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { LoggedRequest } from "./observed.ts";
import { measureSlowdown } from "./slowdown.ts";
import { allenCunneenWaitMs, type Engine, type Job, meanOf, serve } from "./waiting.ts";

const alone = (slots: number): Engine => ({ slots, speedAt: () => 1 });
const exponential = (meanMs: number, random: Random) => -Math.log(1 - random()) * meanMs;

function poissonJobs(count: number, { perS, meanMs, seed }: { perS: number; meanMs: number; seed: number }): Job[] {
  const random = seededRandom(seed);
  let arrivedMs = 0;
  return Array.from({ length: count }, () => {
    arrivedMs += exponential(1000 / perS, random);
    const serviceMs = exponential(meanMs, random);
    return { arrivedMs, serviceMs, firstTokenMs: serviceMs / 4 };
  });
}

describe("serve", () => {
  it("waits as long as Allen and Cunneen say, on the mean", () => {
    const meanWaitMs = meanOf(
      [1, 2, 3, 4].map((seed) => {
        const jobs = poissonJobs(30_000, { perS: 56, meanMs: 100, seed });
        return meanOf(serve(jobs, alone(8)).map(({ waitMs }) => waitMs));
      }),
    );
    const formulaMs = allenCunneenWaitMs({ slots: 8, perS: 56, meanMs: 100, cv: 1 });
    expect(Math.abs(meanWaitMs / formulaMs - 1)).toBeLessThan(0.08);
  });

  it("takes first what came first, and counts the wait into the first token", () => {
    const job = { serviceMs: 100, firstTokenMs: 10 };
    const served = serve(
      [0, 20, 30].map((arrivedMs) => ({ ...job, arrivedMs })),
      alone(1),
    );
    expect(served.map(({ waitMs }) => waitMs)).toEqual([0, 80, 170]);
    expect(served.map(({ ttftMs }) => ttftMs)).toEqual([10, 90, 180]);
  });

  it("slows down those that run together, for as long as they do", () => {
    const jobs = [0, 50].map((arrivedMs) => ({ arrivedMs, serviceMs: 100, firstTokenMs: 100 }));
    const served = serve(jobs, { slots: 2, speedAt: (running) => 1 / running });
    // Alone until 50, at half speed until 150, and the second one alone again.
    expect(served.map(({ ttftMs }) => ttftMs)).toEqual([150, 150]);
  });

  it("has no end of waiting in the formula where more comes than can be served", () => {
    expect(allenCunneenWaitMs({ slots: 2, perS: 30, meanMs: 100, cv: 1 })).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("measureSlowdown", () => {
  it("finds how much running together costs, and what each would have taken alone", () => {
    const perRequest = 0.15;
    const engine = { slots: 6, speedAt: (running: number) => 1 / (1 + perRequest * (running - 1)) };
    const jobs = poissonJobs(3000, { perS: 20, meanMs: 100, seed: 4 }).map((job) => ({ ...job, tokens: 11 }));
    const same = jobs.map((job) => ({ ...job, serviceMs: 110, firstTokenMs: 10 }));
    const firsts = serve(same, engine);
    const ends = serve(
      same.map((job) => ({ ...job, firstTokenMs: job.serviceMs })),
      engine,
    );
    const log = same.map(({ arrivedMs, tokens }, i): LoggedRequest => {
      const [waitMs, ttftMs, totalMs] = [firsts[i]?.waitMs ?? 0, firsts[i]?.ttftMs ?? 0, ends[i]?.ttftMs ?? 0];
      return {
        ...{ arrivedMs, key: "", cache: "miss", ttftMs, promptTokens: 10, completionTokens: tokens, answerBytes: 1 },
        engine: { waitMs, firstTokenMs: ttftMs - waitMs, serviceMs: totalMs - waitMs },
      };
    });
    const found = measureSlowdown(log);
    expect(Math.abs(found.perRequest / perRequest - 1)).toBeLessThan(0.08);
    expect(Math.abs(meanOf(found.alone.map(({ engine }) => engine?.serviceMs ?? 0)) / 110 - 1)).toBeLessThan(0.03);
  });

  it("says nothing of a log that is too small", () => {
    expect(measureSlowdown([]).perRequest).toBe(0);
  });
});
