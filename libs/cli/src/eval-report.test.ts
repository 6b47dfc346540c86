import { create } from "@bufbuild/protobuf";
import {
  CompareResultSchema,
  EstimateSchema,
  type EvaluateResult,
  EvaluateResultSchema,
} from "@chimera/contracts/evaluator";
import { describe, expect, it } from "vitest";
import { parseWish, toConfiguration } from "./eval-configuration.ts";
import { comparisonHtml, evaluationHtml } from "./eval-html.ts";
import { comparisonText, evaluationText } from "./eval-text.ts";

const estimate = (value: number) => ({ value, low: value - 0.05, high: value + 0.05, method: "wilson" });
const evaluation = (over: Partial<EvaluateResult> = {}): EvaluateResult => ({
  ...create(EvaluateResultSchema, {
    dataset: "tickets",
    split: "holdout",
    n: 10,
    clusters: 9,
    failed: 1,
    accuracy: estimate(0.8),
    classes: ["bug", "<refund>"].map((label) => ({ label, precision: 0.9, recall: 0.7, f1: 0.78, support: 5 })),
    confusion: [
      { target: "bug", predicted: "bug", count: 4 },
      { target: "bug", predicted: "", count: 1 },
      { target: "<refund>", predicted: "<refund>", count: 5 },
    ],
    failures: [{ itemId: "holdout-1", status: "UNAVAILABLE", message: "no replica" }],
    runId: "nightly",
    scoredBy: { evaluator: 6, "evaluator-2": 4 },
  }),
  ...over,
});

const comparison = create(CompareResultSchema, {
  baseline: evaluation(),
  candidate: evaluation({ accuracy: create(EstimateSchema, estimate(0.9)) }),
  accuracyDifference: { value: 0.1, low: 0.02, high: 0.18, method: "paired t" },
  mcnemarP: 0.0123,
  verdict: "better",
  text: "The candidate is better.",
});

describe("an evaluation", () => {
  it("as text has figures with intervals, who failed, and what was given for what", () => {
    const text = evaluationText(evaluation());
    expect(text).toContain("tickets holdout: 10 answers in 9 clusters, 1 failed and count as wrong");
    expect(text).toContain("scored by evaluator 6, evaluator-2 4");
    expect(text).toMatch(/accuracy +80\.0 % +\[75\.0 %, 85\.0 %\] +wilson/);
    expect(text).toMatch(/TARGET \\ GIVEN +bug +<refund> +none\nbug +4 +· +1\n/);
    expect(text).toMatch(/holdout-1 +UNAVAILABLE +no replica/);
  });

  it("as a page needs nothing else and trusts no label", () => {
    const html = evaluationHtml(evaluation());
    expect(html).toContain("<svg");
    expect(html).toContain("&lt;refund&gt;");
    expect(html).not.toMatch(/<refund>|<script|https?:|src=/);
  });

  it("of free texts has no classes", () => {
    const free = evaluation({ classes: [], confusion: [], failures: [] });
    expect(evaluationText(free)).not.toContain("CLASS");
    expect(evaluationHtml(free)).not.toContain("<svg");
  });
});

describe("a comparison", () => {
  it("shows both sides, the differences and the verdict", () => {
    const text = comparisonText(comparison);
    expect(text).toMatch(/accuracy +80\.0 % +90\.0 %/);
    expect(text).toMatch(/accuracy difference +\+10\.0 pp +\[\+2\.0 pp, \+18\.0 pp\]/);
    expect(text).toContain("BETTER: The candidate is better.");
    expect(comparisonHtml(comparison)).toContain("<strong>better</strong>");
  });
});

describe("a configuration", () => {
  it("is read from JSON, and says only what was given", () => {
    expect(toConfiguration(parseWish('{"temperature":0,"shots":4,"select":"similar"}'))).toEqual({
      sampling: { temperature: 0 },
      prompt: { shots: 4, shotSelection: "similar" },
    });
  });

  it.each([
    ["shots=4", "Give a JSON object"],
    ["[1]", "Give a JSON object"],
    ['{"shot":4}', '"shot" is none of'],
    ['{"shots":"4"}', '"shots" is a number'],
    ['{"model":1}', '"model" is a text'],
  ])("%s is refused", (text, message) => {
    expect(() => parseWish(text)).toThrow(message);
  });
});
