import { describe, expect, it } from "vitest";
import type { Outcome } from "./caller.ts";
import { SLO_MS } from "./mesh.ts";
import type { Ended, Phase } from "./phase.ts";
import { bestOf, goodPerSecond, HEAVY, LIGHT, overloadResults } from "./results.ts";

const STARTED_AT_MS = 5000;
const SECONDS = 12;

/** One every `everyMs` over the phase; `outcome` gets the due time. */
function stream(tenant: string, everyMs: number, outcome: (dueAtMs: number) => Outcome): Ended[] {
  return Array.from({ length: (SECONDS * 1000) / everyMs }, (_, i) => {
    const dueAtMs = STARTED_AT_MS + i * everyMs;
    return { tenant, dueAtMs, sentAtMs: dueAtMs + 1, outcome: outcome(dueAtMs) };
  });
}
const answered =
  (ttftMs: number) =>
  (dueAtMs: number): Outcome => ({
    kind: "answered",
    firstTokenAtMs: dueAtMs + ttftMs,
    endedAtMs: dueAtMs + ttftMs + 10,
  });
const refused =
  (ms: number) =>
  (dueAtMs: number): Outcome => ({ kind: "refused", endedAtMs: dueAtMs + ms });
const phaseOf = (...streams: Ended[][]): Phase => ({
  ended: streams.flat(),
  startedAtMs: STARTED_AT_MS,
  seconds: SECONDS,
  notSent: 0,
});

describe("answers in time", () => {
  it("are counted in the second in which they end, once the phase has settled", () => {
    expect(goodPerSecond(phaseOf(stream(HEAVY, 100, answered(50))))).toEqual(Array(10).fill(10));
  });

  it("are none where they came too late or were refused", () => {
    const late = phaseOf(stream(HEAVY, 100, answered(SLO_MS + 1)), stream(HEAVY, 100, refused(3)));
    expect(goodPerSecond(late)).toEqual(Array(10).fill(0));
  });
});

describe("the figures of a flood", () => {
  const sweep = [200, 100, 125].map((everyMs) => phaseOf(stream(HEAVY, everyMs, answered(60))));
  const alone = phaseOf(stream(LIGHT, 250, answered(40)));
  const flood = phaseOf(
    stream(HEAVY, 125, answered(60)),
    stream(HEAVY, 25, refused(4)),
    stream(HEAVY, 1000, answered(900)),
    stream(LIGHT, 500, answered(80)),
  );
  const value = (of: Phase) => (id: string) =>
    overloadResults({ alone, sweep, flood: of }).find((result) => result.id === id)?.value;

  it("compare with the best of the sweep", () => {
    expect(bestOf(sweep)).toBe(sweep[1]);
    expect(value(flood)("overload.capacity_per_s")).toBe(10);
    expect(value(flood)("overload.goodput_ratio")).toBe(1);
  });

  it("tell how soon refusals come and what the light tenant notices", () => {
    expect(value(flood)("overload.refusal_ms_p99")).toBe(4);
    expect(value(flood)("overload.light_tenant_ttft_ratio")).toBe(2);
    expect(value(flood)("overload.light_tenant_answered_share")).toBe(1);
    expect(value(flood)("overload.late_share")).toBeCloseTo(12 / 132, 10);
    expect(value(flood)("overload.failed")).toBe(0);
  });

  it("claim nothing for a light tenant that is refused", () => {
    const starved = phaseOf(stream(HEAVY, 100, answered(60)), stream(LIGHT, 500, refused(2)));
    expect(value(starved)("overload.light_tenant_ttft_ratio")).toBeNull();
    expect(value(starved)("overload.light_tenant_answered_share")).toBe(0);
  });
});
