import { CacheStatus } from "@chimera/contracts/common";
import { quantile, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { type Sample, Stats } from "./stats.ts";
import { HandClock } from "./testing/hand-clock.ts";

const sample = (over: Partial<Sample> = {}): Sample => ({
  ...{ model: "m", tenant: "t", cacheStatus: CacheStatus.MISS, ok: true, failed: false, refused: false },
  ...{ ttftMs: 10, queueMs: undefined, turnMs: 20 },
  ...over,
});

const STATUSES = [CacheStatus.HIT, CacheStatus.MISS, CacheStatus.BYPASS, CacheStatus.STALE, CacheStatus.JOINED];

const refusal = { ok: false, failed: true, refused: true, ttftMs: undefined, turnMs: 1, model: "" };

function started() {
  const clock = new HandClock();
  return { clock, stats: new Stats(clock) };
}

/** Arrives and ends at once. */
function pass(stats: Stats, over: Partial<Sample> = {}): void {
  stats.arrived();
  stats.ended(sample(over));
}

describe("rates", () => {
  it("are arrivals, answers and refusals per second over the newest 1, 10 and 60 s, and the busiest of each", () => {
    const { clock, stats } = started();
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < (second === 12 ? 50 : 2); i++) pass(stats, i === 1 ? refusal : {});
      clock.ms += 1000;
    }
    clock.ms -= 1;
    const [one, ten, sixty] = stats.snapshot().rates;
    expect(one).toMatchObject({ windowMs: 1000, demandAvg: 2, demandPeak: 50, servedAvg: 1, refusedAvg: 1 });
    expect(ten).toMatchObject({ demandAvg: 2, demandPeak: (9 * 2 + 50) / 10, servedAvg: 1, refusedAvg: 1 });
    const served = (59 + 49) / 59.999;
    expect(sixty?.demandAvg).toBeCloseTo((59 * 2 + 50) / 59.999, 9);
    expect(sixty?.demandPeak).toBe((59 * 2 + 50) / 60);
    expect(sixty?.servedAvg).toBeCloseTo(served, 9);
  });

  it("find the busiest window wherever it starts, as counting by hand does", () => {
    const random = seededRandom(3);
    const { clock, stats } = started();
    const startMs = clock.ms;
    // In hundredths of a second, which is how finely windows move.
    const arrivals = Array.from({ length: 900 }, () => startMs + 10 * Math.floor(random() ** 2 * 5999)).sort(
      (a, b) => a - b,
    );
    for (const atMs of arrivals) {
      clock.ms = atMs;
      pass(stats);
    }
    clock.ms = startMs + 59_990;
    for (const { windowMs, demandPeak } of stats.snapshot().rates) {
      const most = Math.max(
        ...arrivals.map((from) => arrivals.filter((at) => at >= from && at < from + windowMs).length),
      );
      expect(demandPeak).toBe(most / (windowMs / 1000));
    }
  });

  it("count what is refused and what still waits as demand, and neither as served", () => {
    const { clock, stats } = started();
    clock.ms += 10_000;
    stats.arrived();
    pass(stats, refusal);
    pass(stats, { ok: false, failed: false, ttftMs: undefined });
    pass(stats);
    const { rates, inFlight } = stats.snapshot();
    expect(rates[1]).toMatchObject({ demandAvg: 0.4, servedAvg: 0.1, refusedAvg: 0.1 });
    expect(inFlight).toBe(1);
  });

  it("divide by the time since the start where that is shorter than the window", () => {
    const { clock, stats } = started();
    clock.ms += 2000;
    for (let i = 0; i < 6; i++) pass(stats);
    const [one, ten, sixty] = stats.snapshot().rates;
    expect([one?.demandAvg, ten?.demandAvg, sixty?.demandAvg]).toEqual([6, 3, 3]);
    expect(ten?.demandPeak).toBe(0.6);
  });
});

describe("rows", () => {
  it("equal sorting and interpolating by hand, over all, by model and tenant, and by cache status", () => {
    const random = seededRandom(11);
    const { clock, stats } = started();
    const kept: Sample[] = [];
    for (let i = 0; i < 3000; i++) {
      clock.ms += 15 * random();
      const one = sample({
        model: `m${Math.floor(random() * 2)}`,
        tenant: `t${Math.floor(random() * 3)}`,
        cacheStatus: STATUSES[i % STATUSES.length] ?? CacheStatus.MISS,
        ok: random() < 0.9,
        ttftMs: random() < 0.1 ? undefined : 1000 * random() ** 3,
        queueMs: random() < 0.5 ? undefined : 50 * random(),
        turnMs: 2000 * random(),
      });
      kept.push(one);
      pass(stats, one);
    }
    const { all, rows, byCacheStatus } = stats.snapshot();
    const matches = (row: typeof all, of: readonly Sample[]) => {
      expect(row.requests).toBe(of.length);
      expect(row.ttft).toEqual(quantilesOf(of.map(({ ttftMs }) => ttftMs)));
      expect(row.queue).toEqual(quantilesOf(of.map(({ queueMs }) => queueMs)));
      expect(row.turn).toEqual(quantilesOf(of.map(({ ok, turnMs }) => (ok ? turnMs : undefined))));
    };
    matches(all, kept);
    expect(rows.length).toBe(6);
    for (const row of rows) {
      matches(
        row,
        kept.filter(({ model, tenant }) => model === row.model && tenant === row.tenant),
      );
    }
    expect(byCacheStatus.map(({ cacheStatus }) => cacheStatus)).toEqual(STATUSES);
    for (const row of byCacheStatus) {
      matches(
        row,
        kept.filter(({ cacheStatus }) => cacheStatus === row.cacheStatus),
      );
    }
  });

  it("tell failures, refusals, hits and callers who left apart", () => {
    const { stats } = started();
    pass(stats);
    pass(stats, { cacheStatus: CacheStatus.HIT });
    pass(stats, { cacheStatus: CacheStatus.STALE });
    pass(stats, { cacheStatus: CacheStatus.JOINED });
    pass(stats, { ok: false, failed: true });
    pass(stats, { ok: false, failed: false });
    pass(stats, { ...refusal, cacheStatus: CacheStatus.UNSPECIFIED });
    const { all, rows, byCacheStatus } = stats.snapshot();
    expect(all).toMatchObject({ requests: 7, errors: 2, refused: 1, cacheHits: 2 });
    expect(rows).toMatchObject([
      { model: "m", tenant: "t", requests: 6, errors: 1, refused: 0 },
      { model: "", tenant: "t", requests: 1, errors: 1, refused: 1 },
    ]);
    expect(byCacheStatus.map(({ requests }) => requests)).toEqual([1, 3, 0, 1, 1]);
  });

  it("take the gaps of answers while these still run", () => {
    const { clock, stats } = started();
    stats.arrived();
    const gaps = stats.gaps({ model: "m", tenant: "t", cacheStatus: CacheStatus.MISS });
    for (let i = 0; i < 9; i++) gaps.add(20, 1, clock.ms);
    gaps.add(20, 1 + 90, clock.ms);
    const { all, rows, byCacheStatus } = stats.snapshot();
    for (const row of [all, rows[0], byCacheStatus[1]]) {
      expect(row?.interToken).toMatchObject({ n: 100, p50Ms: 0 });
      expect(row?.interToken.p99Ms).toBeGreaterThan(19.8);
      expect(row?.interToken.p99Ms).toBeLessThan(20.2);
    }
    expect(rows[0]?.requests).toBe(0);
    expect(byCacheStatus[0]?.interToken.n).toBe(0);
  });

  it("forget what is older than a minute", () => {
    const { clock, stats } = started();
    const gaps = stats.gaps({ model: "m", tenant: "t", cacheStatus: CacheStatus.MISS });
    gaps.add(3, 1, clock.ms);
    pass(stats);
    pass(stats, refusal);
    clock.ms += 61_000;
    const { rates, all, rows, inFlight } = stats.snapshot();
    expect(all).toMatchObject({ requests: 0, errors: 0, refused: 0, ttft: { n: 0 }, interToken: { n: 0 } });
    expect(rows).toEqual([]);
    expect(inFlight).toBe(0);
    for (const { demandAvg, demandPeak, servedAvg, refusedAvg } of rates) {
      expect([demandAvg, demandPeak, servedAvg, refusedAvg]).toEqual([0, 0, 0, 0]);
    }
  });
});

describe("bounds", () => {
  it("hold under any load: the newest times and a limited number of rows are kept, counts stay exact", () => {
    const { clock, stats } = started();
    const random = seededRandom(1);
    for (let i = 0; i < 40_000; i++) {
      clock.ms += random() * 0.1;
      pass(stats, { tenant: `t${i % 3000}`, ttftMs: i });
    }
    const { all, rows } = stats.snapshot();
    expect(all.requests).toBe(40_000);
    expect(all.ttft.n).toBe(32_768);
    expect(all.ttft.p50Ms).toBeGreaterThan(40_000 - 32_768);
    expect(rows.length).toBe(256);
  });

  it("give the row of a tenant that fell silent to a new one, and not before", () => {
    const { clock, stats } = started();
    for (let i = 0; i < 256; i++) pass(stats, { tenant: `t${i}` });
    clock.ms += 30_000;
    for (let i = 1; i < 256; i++) pass(stats, { tenant: `t${i}` });
    pass(stats, { tenant: "new" });
    expect(stats.snapshot().rows.map(({ tenant }) => tenant)).not.toContain("new");
    clock.ms += 36_000;
    pass(stats, { tenant: "new", ttftMs: 77 });
    const rows = stats.snapshot().rows.filter(({ tenant }) => tenant === "new" || tenant === "t0");
    expect(rows).toMatchObject([{ tenant: "new", requests: 1, ttft: { n: 1, p50Ms: 77 } }]);
  });
});

it("asks how many requests wait", () => {
  expect(new Stats(new HandClock(), () => 7).snapshot().queued).toBe(7);
});

function quantilesOf(values: readonly (number | undefined)[]) {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((p) => quantile(sorted, p));
  return { n: sorted.length, p50Ms, p95Ms, p99Ms };
}
