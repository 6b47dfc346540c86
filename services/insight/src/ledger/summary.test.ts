import { describe, expect, it } from "vitest";
import { phraseText } from "../figure/phrase.ts";
import { START_MS } from "../testing/events.ts";
import { keptHistory, outcomeOf, predictionOf } from "../testing/predictions.ts";
import { loopState } from "./loop-state.ts";
import { GENESIS, type Head, type LedgerEntry, type LedgerRecord, seal } from "./record.ts";
import { ledgerSummary } from "./summary.ts";

function summaryOf(entries: readonly LedgerEntry[]) {
  let head: Head = GENESIS;
  const records = entries.map((entry): LedgerRecord => {
    const record = seal(entry, head, START_MS);
    head = record;
    return record;
  });
  return ledgerSummary(loopState(records), START_MS);
}

/** Predicts -30 % and gets what it is told. */
function history(id: string, relative: number | undefined): LedgerEntry[] {
  return [...keptHistory(id).slice(0, -1), { kind: "outcome-settled", outcome: outcomeOf(id, "kept", { relative }) }];
}

const many = (n: number, relative: number) =>
  Array.from({ length: n }, (_, index) => history(`${relative} ${index}`, relative)).flat();
const scoreOf = (summary: ReturnType<typeof summaryOf>, id: string) =>
  summary.figures.find((figure) => figure.id === id)?.value;

describe("ledgerSummary", () => {
  it("gives no score below twenty predictions, and says so, but shows each of them", () => {
    const summary = summaryOf([...many(19, -0.3), { kind: "prediction-made", prediction: predictionOf("open") }]);
    expect(scoreOf(summary, "loop.coverage_90")).toBeUndefined();
    expect(scoreOf(summary, "loop.bias")).toBeUndefined();
    expect(phraseText(summary.judgement)).toContain("not enough predictions");
    expect(summary.settled.length).toBe(19);
    expect(summary.open.map(({ id, phase }) => [id, phase])).toEqual([["open", "proposed"]]);
    expect(summary.open[0]?.realised.value).toBeUndefined();
  });

  it("scores twenty, failures among them, and raises the alarm where intervals do not hold", () => {
    const good = summaryOf([...many(17, -0.3), ...many(3, 0.2)]);
    expect(scoreOf(good, "loop.predictions")).toBe(20);
    expect(scoreOf(good, "loop.coverage_90")).toBeCloseTo(0.85);
    expect(scoreOf(good, "loop.bias")).toBeCloseTo(0.75);
    expect(good.alarm).toBe("ok");
    const bad = summaryOf([...many(12, -0.3), ...many(8, 0.2)]);
    expect(bad.alarm).toBe("alarm");
    expect(phraseText(bad.judgement)).toContain("too rarely");
  });

  it("puts predicted beside realised, the newest first, with what decided", () => {
    const { settled } = summaryOf([...history("first", -0.1), ...history("second", undefined)]);
    expect(settled.map(({ id }) => id)).toEqual(["second", "first"]);
    expect(settled[1]).toMatchObject({
      predicted: { value: -0.3, n: 1000, interval: { level: 0.9 } },
      realised: { value: -0.1, n: 800, interval: { level: 0.95 } },
      verdict: "kept",
      decisionRule: "kept where the 95 % interval of the change lies below 0",
    });
    expect(settled[0]?.realised.value).toBeUndefined();
  });

  it("claims nothing about nothing", () => {
    const summary = summaryOf([]);
    expect(summary.figures.every(({ value, n }) => value === undefined && n === 0)).toBe(true);
    expect(summary.alarm).toBe("unknown");
  });
});
