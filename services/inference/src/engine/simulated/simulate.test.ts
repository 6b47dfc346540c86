import { seededRandom } from "@chimera/kernel";
import { createLogger, readSettings } from "@chimera/lifecycle";
import { describe, expect, it } from "vitest";
import type { CompletePart } from "../engine.ts";
import { answerOf } from "../engine-suite.ts";
import { DEFAULT_PARAMETERS } from "./parameters.ts";
import { promptTokens } from "./prompt-tokens.ts";
import { fields, parametersOf } from "./settings.ts";
import { simulate, type TraceRequest } from "./simulate.ts";
import { openSimulatedEngine } from "./simulated-engine.ts";
import { plainParameters } from "./testing/parameters.ts";
import { VirtualTime } from "./testing/virtual-time.ts";

function poisson(requests: number, ratePerS: number): TraceRequest[] {
  const random = seededRandom(2);
  let arrivedMs = 0;
  return Array.from({ length: requests }, () => {
    arrivedMs += (-Math.log(1 - random()) * 1000) / ratePerS;
    return {
      arrivedMs,
      promptTokens: 20 + Math.floor(random() * 200),
      completionTokens: 1 + Math.floor(random() * 40),
    };
  });
}

describe("simulate", () => {
  it("tells how each request went, refused ones too", () => {
    const trace = [4, 8, 4].map((tokens) => ({ arrivedMs: 0, promptTokens: tokens, completionTokens: 2 }));
    const huge = { arrivedMs: 1, promptTokens: 99_999, completionTokens: 1 };
    const result = simulate([...trace, huge], plainParameters({ slots: 1, maxQueued: 1 }), 1);
    expect(result.requests.map((each) => each.outcome)).toEqual(["complete", "complete", "queue-full", "too-long"]);
    expect(result.requests[1]).toEqual({
      queueMs: 20,
      prefillMs: 10,
      ttftMs: 30,
      totalMs: 40,
      cachedTokens: 0,
      completionTokens: 2,
      preemptions: 0,
      outcome: "complete",
    });
    expect(result.requests[2]?.ttftMs).toBeNaN();
    expect(result.steps).toBe(4);
  });

  it("is the same again with the same seed, and not with another", () => {
    const parameters = { ...DEFAULT_PARAMETERS, driftSd: 0.1, failureShare: 0.05, disconnectShare: 0.05 };
    const trace = poisson(500, 40);
    const first = simulate(trace, parameters, 1);
    expect(simulate(trace, parameters, 1)).toEqual(first);
    expect(simulate(trace, parameters, 2)).not.toEqual(first);
  });

  it("shows the knee: far below capacity TTFT is flat, beyond it grows with the queue", () => {
    const median = (ratePerS: number) => {
      const { requests } = simulate(poisson(2000, ratePerS), { ...DEFAULT_PARAMETERS, maxQueued: 5000 }, 1);
      return requests.map((each) => each.ttftMs).sort((a, b) => a - b)[1000] ?? Number.NaN;
    };
    const [calm, busy, over] = [median(1), median(20), median(400)];
    expect(busy).toBeLessThan(2 * calm);
    expect(over).toBeGreaterThan(20 * calm);
  });

  it("predicts exactly what the engine does with the same arrivals", async () => {
    const settings = readSettings("simulated", fields, { CHIMERA_SIMULATED_STEP_TOKENS: "64" });
    const limits = { slots: 3, maxQueued: 50 };
    const time = new VirtualTime();
    const logger = createLogger("inference-test", "silent");
    const engine = await openSimulatedEngine({
      settings,
      ...limits,
      contextTokens: 1024,
      logger,
      clock: time,
      timers: time,
    });
    const texts = Array.from(
      { length: 40 },
      (_, i) => `${"shared beginning . ".repeat(i % 9)}${"x".repeat(i * 7 + 1)}`,
    );
    const seen: CompletePart[] = await Promise.all(
      texts.map(async (prompt, i) => {
        await new Promise<void>((resolve) => void time.schedule(resolve, i * 11));
        const sampling = { maxTokens: 1 + (i % 7) };
        return (await answerOf(engine, { input: { kind: "prompt", prompt }, sampling })).complete;
      }),
    );
    await engine.dispose();
    const trace = texts.map((prompt, i) => {
      const { count, blocks } = promptTokens({ kind: "prompt", prompt }, 16);
      const completionTokens = seen[i]?.usage.completionTokens ?? 0;
      return { arrivedMs: i * 11, promptTokens: count, completionTokens, blocks };
    });
    const { requests } = simulate(trace, parametersOf(settings, limits), 1);
    expect(requests.some((each) => each.queueMs > 5)).toBe(true);
    requests.forEach(({ cachedTokens, queueMs, ttftMs, totalMs }, i) => {
      expect(seen[i]?.usage.cachedTokens).toBe(cachedTokens);
      expect(seen[i]?.timings.queueMs).toBeCloseTo(queueMs, 6);
      expect(seen[i]?.timings.firstTokenMs).toBeCloseTo(ttftMs, 6);
      expect(seen[i]?.timings.totalMs).toBeCloseTo(totalMs, 6);
    });
  });
});
