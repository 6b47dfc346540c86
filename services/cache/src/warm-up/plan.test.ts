// What is worth warming, told from a log: counts, forecast, order, budget, control group, prediction.
import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { Demand } from "./demand.ts";
import { forecastOf } from "./forecast.ts";
import { type PlanOptions, planOf } from "./plan.ts";
import { keyOf, type LoggedRequest, RequestLog } from "./testing/log.ts";

const HOUR_MS = 3_600_000;
const NOW_MS = 1_700_000_000_000;
const START_MS = NOW_MS - HOUR_MS;

function demandOf(requests: readonly LoggedRequest[], options: Partial<ConstructorParameters<typeof Demand>[0]> = {}) {
  const log = new RequestLog();
  for (const request of requests) log.add(request);
  const demand = new Demand({ random: seededRandom(1), tenants: [], model: "", ...options });
  for (const event of log.events) demand.take(event);
  return demand;
}

/** Evenly over the hour, from its first moment on. */
function asked(question: string, times: number, more: Partial<LoggedRequest> = {}): LoggedRequest[] {
  return Array.from({ length: times }, (_, i) => ({ question, atMs: START_MS + (i * HOUR_MS) / times, ...more }));
}

const inOrder = (requests: LoggedRequest[]) => requests.toSorted((a, b) => a.atMs - b.atMs);

function plan(demand: Demand, more: Partial<PlanOptions> = {}) {
  const forecast = forecastOf(demand, { halfLifeMs: 6 * HOUR_MS, horizonMs: HOUR_MS });
  return planOf(demand, {
    ...{ forecast, controlShare: 0, salt: "run", tokenBudget: 1e6, maxAnswers: 1000 },
    wayOf: ({ textAt }) => (textAt > 0 ? "generate" : undefined),
    isResident: () => false,
    ...more,
  });
}

const questionsOf = (candidates: readonly { asked: { key: string } }[], names: readonly string[]) =>
  candidates.map(({ asked: { key } }) => names.find((question) => keyOf({ question, atMs: 0 }) === key));

describe("Demand", () => {
  it("counts what callers asked, and nothing that the mesh asked itself", () => {
    const own = asked("evaluated", 5, { workload: "evaluation" });
    const demand = demandOf([...asked("often", 3), ...own, ...asked("hidden", 2, { isLogged: false })]);
    expect(demand.requests).toBe(5);
    const rows = [...demand.keys()].map(({ count, textAt }) => [count, textAt > 0]);
    expect(rows).toEqual([
      [3, true],
      [2, false],
    ]);
  });

  it("takes only the tenants and the model it is asked for, but counts all traffic", () => {
    const requests = [...asked("a", 2), ...asked("b", 2, { tenant: "globex" })];
    const demand = demandOf(requests, { tenants: ["globex"] });
    expect([demand.requests, [...demand.keys()].map(({ tenant }) => tenant)]).toEqual([4, ["globex"]]);
    expect([...demandOf(requests, { model: "other" }).keys()]).toEqual([]);
  });

  it("stays within its bound by dropping the rarest, and says how many", () => {
    const rare = Array.from({ length: 300 }, (_, i) => ({ question: `once ${i}`, atMs: START_MS + i * 12_000 }));
    const requests = [...asked("popular", 20), ...rare];
    const demand = demandOf(inOrder(requests), { maxKeys: 100 });
    const kept = [...demand.keys()];
    expect(kept.length).toBeLessThanOrEqual(100);
    expect(demand.droppedKeys).toBeGreaterThanOrEqual(301 - kept.length);
    expect(kept.find(({ key }) => key === keyOf({ question: "popular", atMs: 0 }))?.count).toBeGreaterThan(15);
  });
});

describe("planOf", () => {
  const names = ["cheap", "dear", "slow", "once", "old", "hidden"];

  it("orders by time saved per token, and leaves out what was asked once or of an older version", () => {
    const demand = demandOf(
      inOrder([
        ...asked("old", 4, { modelVersion: "v0" }),
        ...asked("cheap", 4),
        ...asked("dear", 4, { promptTokens: 500 }),
        ...asked("slow", 4, { ttftMs: 900 }),
        ...asked("once", 1),
      ]).concat({ question: "cheap", atMs: NOW_MS - 1 }),
    );
    const { treated, candidates } = plan(demand);
    expect([questionsOf(treated, names), candidates]).toEqual([["slow", "cheap", "dear"], 3]);
  });

  it("puts back what was pruned before anything is made, and counts what has no text or is there already", () => {
    const requests = [...asked("cheap", 9), ...asked("dear", 2), ...asked("hidden", 4, { isLogged: false })];
    const demand = demandOf(inOrder([...requests, ...asked("slow", 2)]));
    const dear = keyOf({ question: "dear", atMs: 0 });
    const slow = keyOf({ question: "slow", atMs: 0 });
    const { treated, resident, withoutText } = plan(demand, {
      wayOf: ({ key, textAt }) => (key === dear ? "restore" : textAt > 0 ? "generate" : undefined),
      isResident: ({ key }) => key === slow,
    });
    expect(questionsOf(treated, names)).toEqual(["dear", "cheap"]);
    expect(treated.map(({ tokens }) => tokens)).toEqual([0, 20]);
    expect([resident, withoutText]).toEqual([1, 1]);
  });

  const many = inOrder(Array.from({ length: 400 }, (_, i) => asked(`q${i}`, 2 + (i % 5))).flat());

  it("plans no more tokens and answers than it may", () => {
    const byTokens = plan(demandOf(many), { tokenBudget: 1010 });
    expect(byTokens.treated.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(1000);
    expect(plan(demandOf(many), { maxAnswers: 7 }).treated.length).toBe(7);
  });

  it("leaves a share cold by lot, another one in each run, from the range that is warmed", () => {
    const options = { controlShare: 0.25, tokenBudget: 20 * 200 };
    const first = plan(demandOf(many), { ...options, salt: "one" });
    const second = plan(demandOf(many), { ...options, salt: "two" });
    const share = first.control.length / (first.control.length + first.treated.length);
    expect(share).toBeGreaterThan(0.15);
    expect(share).toBeLessThan(0.35);
    expect(first.treated.length).toBe(200);
    expect(first.control.map(({ asked: { key } }) => key)).not.toEqual(second.control.map(({ asked: { key } }) => key));
    const treatedKeys = new Set(first.treated.map(({ asked: { key } }) => key));
    expect(first.control.some(({ asked: { key } }) => treatedKeys.has(key))).toBe(false);
    expect(Math.max(...first.control.map(({ rank }) => rank))).toBeLessThan(first.control.length + 200);
  });
});

describe("the forecast", () => {
  /** Poisson arrivals of questions whose rates are Zipf; where they change, half of them end in the middle and half begin there. */
  function traffic(seed: number, { hours, changes = false }: { hours: number; changes?: boolean }): LoggedRequest[] {
    const random = seededRandom(seed);
    const middleMs = START_MS + HOUR_MS / 2;
    const requests: LoggedRequest[] = [];
    for (let rank = 1; rank <= 1500; rank++) {
      for (let atMs = START_MS; ; requests.push({ question: `q${rank}`, atMs })) {
        atMs += (-Math.log(1 - random()) * HOUR_MS * rank) / 300;
        if (atMs >= START_MS + hours * HOUR_MS) break;
      }
    }
    const stays = ({ question, atMs }: LoggedRequest) => atMs < middleMs === /[13579]$/.test(question);
    return inOrder(changes ? requests.filter(stays) : requests);
  }

  /** What the plan promised of the second hour, from the first alone, and what came. */
  function promisedAndCame(seed: number) {
    const all = traffic(seed, { hours: 2 });
    const { treated, predictedHitGainPp } = plan(demandOf(all.filter(({ atMs }) => atMs < NOW_MS)));
    const next = all.filter(({ atMs }) => atMs >= NOW_MS);
    const askedAgain = new Set(next.map(keyOf));
    const gained = treated.filter(({ asked: { key } }) => askedAgain.has(key)).length;
    return { promised: predictedHitGainPp, came: (100 * gained) / next.length };
  }

  it("promises the hits that the next hour brings", () => {
    const { promised, came } = promisedAndCame(7);
    expect(came).toBeGreaterThan(5);
    expect(Math.abs(promised - came) / came).toBeLessThan(0.15);
  });

  it("has learnt from the log how far the past is to be believed", () => {
    const options = { halfLifeMs: 6 * HOUR_MS, horizonMs: HOUR_MS };
    const expectedOfSix = (changes: boolean) => {
      const demand = demandOf(traffic(3, { hours: 1, changes }));
      const forecast = forecastOf(demand, options);
      expect(forecast.fittedOn).toBeGreaterThan(20);
      const six = [...demand.keys()].filter(({ count }) => count === 6);
      return six.reduce((sum, key) => sum + forecast.expected(key), 0) / six.length;
    };
    expect(expectedOfSix(false)).toBeGreaterThan(4);
    expect(expectedOfSix(true)).toBeLessThan(1);
  });

  it("halves what is a half-life old", () => {
    const early = Array.from({ length: 4 }, () => ({ question: "early", atMs: START_MS }));
    const late = Array.from({ length: 4 }, () => ({ question: "late", atMs: NOW_MS - 1 }));
    const demand = demandOf([...early, ...late]);
    const forecast = forecastOf(demand, { halfLifeMs: HOUR_MS, horizonMs: HOUR_MS });
    const [old = 0, recent = 1] = [...demand.keys()].map((key) => forecast.expected(key));
    expect(old / recent).toBeCloseTo(0.5, 1);
    expect(forecast.fittedOn).toBe(0);
  });

  it("is not misled by a pause behind the log, nor by how long the log is", () => {
    const forecastFor = (scale: number) => {
      const scaled = traffic(5, { hours: 1 }).map((each) => ({
        ...each,
        atMs: START_MS + (each.atMs - START_MS) * scale,
      }));
      const demand = demandOf(scaled);
      const forecast = forecastOf(demand, { halfLifeMs: 6 * HOUR_MS, horizonMs: HOUR_MS * scale });
      const [first] = [...demand.keys()].toSorted((a, b) => b.count - a.count);
      return first && forecast.expected(first) / forecast.expectedRequests;
    };
    expect(forecastFor(1 / 600)).toBeCloseTo(forecastFor(1) ?? 0, 2);
    expect(forecastFor(20)).toBeCloseTo(forecastFor(1) ?? 0, 2);
  });
});
