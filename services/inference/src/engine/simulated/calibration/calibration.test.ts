import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { DEFAULT_PARAMETERS, type SimulationParameters, type StepCost } from "../parameters.ts";
import { simulate } from "../simulate.ts";
import { calibrate } from "./calibrate.ts";
import { fidelity, rankCorrelation, simulatorError } from "./fidelity.ts";
import { nonNegativeLeastSquares } from "./least-squares.ts";
import { minimise } from "./nelder-mead.ts";
import { environmentOf, reportText } from "./report.ts";
import { formatRows, parseRows, type SpanRow } from "./rows.ts";

const GPU: StepCost = { stepMs: 6, sequenceMs: 0.35, prefillTokenMs: 0.125, context100kMs: 4, promptMs: 0 };
const SMALL: StepCost = { stepMs: 0.3, sequenceMs: 0.2, prefillTokenMs: 0.05, context100kMs: 40, promptMs: 0.2 };
const SLOTS = 16;

interface Recipe {
  cost: StepCost;
  ratePerS: number;
  requests?: number;
  noise?: Partial<SimulationParameters>;
}

/** What the simulated engine itself would have recorded. */
function record({ cost, ratePerS, requests = 400, noise = {} }: Recipe): SpanRow[] {
  const random = seededRandom(ratePerS);
  let arrivedMs = 0;
  const trace = Array.from({ length: requests }, () => {
    arrivedMs += (-Math.log(1 - random()) * 1000) / ratePerS;
    const promptTokens = 10 + Math.floor(random() * 300);
    const cachedTokens = Math.floor(random() * promptTokens * 0.5);
    return { arrivedMs, promptTokens, completionTokens: 1 + Math.floor(random() * 60), cachedTokens };
  });
  const parameters = {
    ...DEFAULT_PARAMETERS,
    cost,
    tokeniseMs: 0.2,
    tokeniseTokenMs: 0.001,
    serialiseTokenMs: 0,
    slots: SLOTS,
    maxQueued: requests,
    ...noise,
  };
  return simulate(trace, parameters, 3).requests.map((each, index) => ({
    arrived_ms: trace[index]?.arrivedMs ?? 0,
    queue_ms: each.queueMs,
    prefill_ms: each.prefillMs,
    first_token_ms: each.ttftMs,
    total_ms: each.totalMs,
    prompt_tokens: trace[index]?.promptTokens ?? 0,
    cached_tokens: each.cachedTokens,
    completion_tokens: each.completionTokens,
    slots: SLOTS,
  }));
}

const named = (rows: readonly SpanRow[], name = "a recording") => ({ name, rows });
const options = { against: [], holdout: 0.3, stepTokens: 2048 };

describe("calibrate", () => {
  it.each([
    { name: "a calm GPU", recipe: { cost: GPU, ratePerS: 5 } },
    { name: "a busy GPU", recipe: { cost: GPU, ratePerS: 20 } },
    { name: "a GPU beyond its capacity", recipe: { cost: GPU, ratePerS: 60 } },
    { name: "a small model", recipe: { cost: SMALL, ratePerS: 100 } },
  ])("finds planted costs to 1e-6: $name", ({ recipe }) => {
    const { fitted, heldOut } = calibrate({ ...options, spans: [named(record(recipe))] });
    for (const key of ["stepMs", "sequenceMs", "prefillTokenMs", "context100kMs", "promptMs"] as const) {
      expect(Math.abs(fitted.cost[key] - recipe.cost[key])).toBeLessThan(1e-6 * Math.max(1, recipe.cost[key]));
    }
    expect([fitted.stallMs, fitted.joinDelaySteps]).toEqual([0, 0]);
    expect(heldOut[0]?.fidelity.ttft.n).toBe(120);
  });

  it("then predicts exactly what it has not seen: the end of the recording, and another load", () => {
    const spans = [named(record({ cost: GPU, ratePerS: 4 }))];
    const against = [named(record({ cost: GPU, ratePerS: 25 }), "busy")];
    const { fitted, heldOut, against: results } = calibrate({ ...options, spans, against });
    expect(fitted.tokeniseMs).toBeCloseTo(0.2, 6);
    expect(fitted.tokeniseTokenMs).toBeCloseTo(0.001, 8);
    expect(heldOut[0]?.fidelity.ttft.mape).toBeLessThan(1e-6);
    expect(heldOut[0]?.fidelity.total.rankCorrelation).toBeCloseTo(1, 9);
    expect(results[0]?.error.largest).toBeLessThan(1e-6);
  });

  it("finds an engine that stalls and takes requests in late, well enough for a load in between", () => {
    const noise = { stallEveryMs: 60, stallMs: 20, joinDelaySteps: 1 };
    const at = (ratePerS: number) => named(record({ cost: { ...GPU, context100kMs: 0 }, ratePerS, noise }));
    const { fitted, against } = calibrate({ ...options, spans: [at(3), at(12)], against: [at(7)] });
    expect(fitted.stallMs).toBeGreaterThan(8);
    expect(against[0]?.error.largest).toBeLessThan(0.15);
    // Computes for a while; on a busy machine for long.
  }, 300_000);

  it("writes what the simulated engine is started with", () => {
    const calibration = calibrate({ ...options, spans: [named(record({ cost: SMALL, ratePerS: 100 }))] });
    expect(environmentOf(calibration.fitted, 2048)).toMatchObject({
      CHIMERA_SIMULATED_STEP_MS: "0.3",
      CHIMERA_SIMULATED_SEQUENCE_MS: "0.2",
      CHIMERA_SIMULATED_STEP_TOKENS: "2048",
      CHIMERA_SIMULATED_STALL_MS: "0",
    });
    const text = reportText(calibration, 2048);
    expect(text).toContain("Held-out end of a recording (120 requests)");
    expect(text).toMatch(/TTFT {3}MAPE 0\.0 %, rank correlation 1\.000, bias p10 [+−]0\.0 %/);
  });
});

describe("agreement", () => {
  const rows = record({ cost: GPU, ratePerS: 10 });
  const parameters = {
    ...DEFAULT_PARAMETERS,
    cost: GPU,
    tokeniseMs: 0.2,
    tokeniseTokenMs: 0.001,
    serialiseTokenMs: 0,
    slots: SLOTS,
  };

  it("tells how far off and in which direction", () => {
    const slower = { ...parameters, cost: { ...GPU, stepMs: 9, prefillTokenMs: 0.18 } };
    const { ttft, total } = fidelity(rows, slower);
    expect(ttft.bias.p50).toBeGreaterThan(0.3);
    expect(total.mape).toBeGreaterThan(0.3);
    expect(total.rankCorrelation).toBeGreaterThan(0.9);
    const error = simulatorError(rows, slower);
    expect(error.ttftP50).toBeCloseTo(ttft.bias.p50 ?? 0, 9);
    expect(error.largest).toBe(Math.max(Math.abs(error.ttftP50), Math.abs(error.ttftP95), Math.abs(error.rps)));
    expect(simulatorError(rows, parameters).largest).toBeLessThan(1e-9);
  });

  it("ranks as Spearman does, equal values sharing a rank", () => {
    expect(rankCorrelation([1, 2, 3, 4], [10, 20, 30, 40])).toBeCloseTo(1, 12);
    expect(rankCorrelation([1, 2, 3, 4], [4, 3, 2, 1])).toBeCloseTo(-1, 12);
    // scipy.stats.spearmanr([1, 2, 2, 5], [2, 1, 4, 3]) = 0.316227766016838
    expect(rankCorrelation([1, 2, 2, 5], [2, 1, 4, 3])).toBeCloseTo(0.316227766016838, 12);
  });
});

describe("recordings", () => {
  it("come back as they were written, in order of arrival", () => {
    const rows = record({ cost: GPU, ratePerS: 10, requests: 5 });
    expect(parseRows(formatRows(rows.toReversed()))).toEqual(rows);
  });

  it("are refused by line and field where they are wrong", () => {
    const [good] = record({ cost: GPU, ratePerS: 10, requests: 1 });
    const lines = [JSON.stringify(good), JSON.stringify({ ...good, slots: 0 }), "{"];
    expect(() => parseRows(lines.slice(0, 2).join("\n"))).toThrow(/line\.2\.slots/);
    expect(() => parseRows(lines.slice(2).join("\n"))).toThrow(/line\.1/);
  });
});

describe("non-negative least squares", () => {
  it("is the plain solution where that is not negative", () => {
    const rows = [
      [1, 0],
      [1, 1],
      [1, 2],
    ];
    // The line through (0, 1), (1, 3), (2, 4): 7/6 + 3/2 x.
    const [offset, slope] = nonNegativeLeastSquares(rows, [1, 3, 4]);
    expect(offset).toBeCloseTo(7 / 6, 12);
    expect(slope).toBeCloseTo(1.5, 12);
  });

  it("takes 0 for what would be negative, and solves the rest again", () => {
    const rows = [
      [1, 0],
      [1, 1],
      [1, 2],
    ];
    expect(nonNegativeLeastSquares(rows, [4, 3, 1])).toEqual([expect.closeTo(8 / 3, 12), 0]);
  });

  it("gives nothing to a column that is a multiple of another", () => {
    const beta = nonNegativeLeastSquares(
      [1, 2, 3].map((x) => [x, 2 * x]),
      [2, 4, 6],
    );
    expect((beta[0] ?? 0) + 2 * (beta[1] ?? 0)).toBeCloseTo(2, 12);
    expect(beta).toContain(0);
  });
});

describe("minimise", () => {
  it("finds the end of Rosenbrock's valley", () => {
    const f = ([x = 0, y = 0]: readonly number[]) => (1 - x) ** 2 + 100 * (y - x * x) ** 2;
    const { at, value } = minimise(f, [-1.2, 1], { step: 0.5, evaluations: 400 });
    expect(value).toBeLessThan(1e-8);
    expect(at[0]).toBeCloseTo(1, 3);
  });
});
