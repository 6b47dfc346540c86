import { describe, expect, it } from "vitest";
import { settledOf } from "../ledger/settled.ts";
import { unbackedClaims } from "../testing/causal-words.ts";
import { busyMesh, contextOf, recordsOf, START_MS } from "../testing/events.ts";
import { fullInput, loopOf, settledHistory } from "../testing/report-input.ts";
import { renderJson } from "./json.ts";
import { renderMarkdown } from "./markdown.ts";
import { reportOn } from "./report.ts";
import type { ReportInput } from "./report-input.ts";

function reportWith(input: ReportInput) {
  const context = contextOf(recordsOf(busyMesh()), START_MS + 120_000);
  return reportOn({ ...context, reportInput: () => input }, { fromMs: undefined, toMs: undefined });
}

const markdownOf = (input: ReportInput) => renderMarkdown(reportWith(input));
const outcomesOf = ({ ledger }: ReportInput) =>
  ledger === undefined ? [] : settledOf(ledger).map(({ outcome }) => outcome);

describe("recommendations", () => {
  it("come with the promise, both intervals, what it starts from, its cost and what decides", () => {
    const text = markdownOf(fullInput());
    const [section = ""] = /## Recommendations[\s\S]*?(?=\n## )/.exec(text) ?? [];
    expect(section).toContain("1. **Warm the cache before it is needed**");
    expect(section).toContain("**-30.0 %** (90 %: -38.2 – -21.8 %; 50 %: -33.4 – -26.6 %) from 200 ms (n 1,000, ");
    expect(section).toContain("**+42.0 %**");
    expect(section).toContain("Cost: 4,000 tokens");
    expect(section).toContain("Decided by: kept where");
    expect(section).toContain("| Give the cache more room | measure first | It needs 400 requests. |");
    expect(section).toContain("| no gain expected | s3-fifo gains 0.1 pp. |");
  });

  it("that are none, and that were never made, are not the same", () => {
    expect(markdownOf({ recommendations: { recommended: [], declined: [] } })).toContain("Nothing is recommended");
    expect(markdownOf({})).toContain("No recommendations have been made yet.");
  });
});

describe("predicted and realised", () => {
  it("stand side by side, missed intervals too", () => {
    const text = markdownOf({ ledger: loopOf([...settledHistory("p1", -0.28), ...settledHistory("p2", 0.1)]) });
    const row = (id: string) =>
      text.split("\n").find((line) => line.includes(`(${id})`) && line.includes("kept where"));
    expect(row("p1")).toContain(
      "| -30.0 % (90 %: -38.2 – -21.8 %) | -28.0 % (95 %: -36.0 – -20.0 %) | 800 | kept | held |",
    );
    expect(row("p2")).toContain("| +10.0 % (95 %: +2.00 – +18.0 %) | 800 | kept | missed |");
  });

  it("are scored from twenty on, and not before", () => {
    expect(markdownOf({ ledger: loopOf(settledHistory("p1", -0.28)) })).toContain("not enough predictions (1)");
    const text = markdownOf(fullInput());
    expect(text).toContain("intervals held as often as they should");
    expect(text).toMatch(/\| Held intervals, 90 % \| \d[\d.]* % \| [\d.]+ – [\d.]+ % \| 22 \|/);
  });
});

describe("risks", () => {
  it("show where their figure is going, what the guard says and what was done", () => {
    const { risks } = reportWith(fullInput());
    const overload = risks.find(({ id }) => id === "overload");
    expect(overload?.trend?.first.of).toBe("overload, first half");
    expect(overload?.trend?.first.n).toBeGreaterThan(100);
    expect(overload?.done.map(({ phase }) => phase)).toEqual(["verifying", "settled", "settled"]);
    const overfitting = risks.find(({ id }) => id === "overfitting");
    expect(overfitting?.state).toBe("watch");
    expect(markdownOf(fullInput())).toContain("guard: holdout budget spent 85.0 %, watch (warns from 0.8)");
    expect(reportWith({}).risks.find(({ id }) => id === "overfitting")?.state).toBe("ok");
  });
});

describe("claims of cause", () => {
  it("are not made without a measured outcome, and the report makes none", () => {
    for (const input of [{}, fullInput()]) expect(unbackedClaims(markdownOf(input), outcomesOf(input))).toEqual([]);
  });

  it.each([
    "TTFT fell because of the warm-up.",
    "The hit ratio was improved by pruning.",
    "Thanks to more slots nobody waits.",
    "This caused cache-warm-up-not-measured to be kept.",
    "Due to cache-warm-up-ttft_p50_ms-999 it is faster.",
  ])("are found where they are planted: %s", (claim) => {
    const input = fullInput();
    const planted = markdownOf(input).replace("## Risks", `${claim}\n\n## Risks`);
    expect(unbackedClaims(planted, outcomesOf(input))).toEqual([claim]);
  });

  it("are allowed where they name a change that was measured", () => {
    const input = fullInput();
    const claim = "TTFT fell by a third because of cache-warm-up-ttft_p50_ms-3.";
    expect(unbackedClaims(claim.replace(".", ""), outcomesOf(input))).toEqual([]);
  });
});

describe("the JSON beside it", () => {
  it("has each prediction in full, and leaves out what is not there", () => {
    const { recommendations, ledger, risks } = JSON.parse(renderJson(reportWith(fullInput())));
    expect(recommendations.recommended[0]).toMatchObject({
      id: "cache-warm-up",
      predictions: [{ id: "cache-warm-up-1", predicted: { value: -0.3, of: "cache-warm-up-1" } }, {}],
    });
    expect(ledger.settled).toHaveLength(20);
    expect(ledger.settled[1]).toMatchObject({ isHeld: true, verdict: "kept" });
    expect(ledger.settled[0]).not.toHaveProperty("isHeld");
    expect(risks.map(({ id }: { id: string }) => id)).toContain("drift");
    expect(JSON.parse(renderJson(reportWith({})))).not.toHaveProperty("recommendations");
  });
});
