import { describe, expect, it } from "vitest";
import { figure } from "../figure/figure.ts";
import { phrase } from "../figure/phrase.ts";
import { bareNumbers } from "../testing/bare-numbers.ts";
import { busyMesh, contextOf, recordsOf, requestFinished, START_MS, scoreRecorded } from "../testing/events.ts";
import { outcomeOf, predictionOf } from "../testing/predictions.ts";
import { fullInput, loopOf, recommendationOf, settledHistory } from "../testing/report-input.ts";
import { renderHtml } from "./html.ts";
import { renderJson } from "./json.ts";
import { element, number, text } from "./markup.ts";
import { reportOn } from "./report.ts";
import type { ReportInput } from "./report-input.ts";

function render(events = busyMesh(), machine = "2 vCPU, <8 GiB>", input: ReportInput = {}) {
  const context = contextOf(recordsOf(events), START_MS + 120_000, machine);
  const report = reportOn({ ...context, reportInput: () => input }, { fromMs: undefined, toMs: undefined });
  return { html: renderHtml(report), json: renderJson(report) };
}

describe("numbers in the HTML report", () => {
  it.each([1, 2, 3])("all trace back to the JSON (seed %i)", (seed) => {
    const { html, json } = render(busyMesh(seed));
    expect(bareNumbers(html, json)).toEqual([]);
    expect(html.match(/data-figure=/g)?.length).toBeGreaterThan(60);
    expect(html.match(/data-series=/g)?.length).toBeGreaterThan(200);
  });

  it("trace back in every section that the loop, the guard and a load test fill", () => {
    const { html, json } = render(busyMesh(), undefined, fullInput());
    expect(bareNumbers(html, json)).toEqual([]);
    for (const title of ["Recommendations", "Predicted and realised", "Capacity", "Risks"]) {
      expect(html).toContain(`<h2>${title}</h2>`);
    }
    expect(html.match(/data-of=/g)?.length).toBeGreaterThan(80);
  });

  it("of one prediction do not pass for those of another", () => {
    const { html, json } = render(busyMesh(), undefined, fullInput());
    const moved = html.replace(/data-of="parallelisation-1" data-part="value" value="0.42"/, (found) =>
      found.replace("parallelisation-1", "tuning-1"),
    );
    expect(moved).not.toBe(html);
    expect(bareNumbers(moved, json)).toEqual(["+42.0 %"]);
  });

  it("a planted bare number is found", () => {
    const { html, json } = render();
    const planted = html.replace("</h1>", "</h1><p>up to 40 % faster</p>");
    expect(bareNumbers(planted, json)).toEqual(["up to 40 % faster"]);
  });

  it("a number that says another value than its figure is found", () => {
    const { html, json } = render();
    const touched = html.replace(/(data-figure="throughput.answered_avg_rps"[^>]*>)[^<]+/, "$199.9 req/s");
    expect(touched).not.toBe(html);
    expect(bareNumbers(touched, json)).toEqual(["99.9 req/s"]);
  });

  it("a number that names a figure the JSON does not have is found", () => {
    const { html, json } = render();
    const planted = html.replace("</h1>", '</h1><data data-figure="gain.total">12 %</data>');
    expect(bareNumbers(planted, json)).toEqual(["12 %"]);
  });
});

describe("the writer", () => {
  const measured = figure({
    id: "requests.count",
    value: 7,
    n: 7,
    window: { fromMs: 0, toMs: 1 },
    method: "count",
    source: "a test",
  });

  it("refuses a bare number in text, in an element and in a phrase", () => {
    expect(() => text("saves 30 %")).toThrow("bare number");
    expect(() => element("p", {}, "saves 30 %")).toThrow("bare number");
    expect(() => phrase("saves 30 %")).toThrow("bare number");
  });

  it("refuses an object that only looks like a figure", () => {
    expect(() => number({ ...measured })).toThrow("checked figure");
    expect(() => phrase("took ", { ...measured })).toThrow("checked figures");
    expect(String(number(measured))).toBe('<data data-figure="requests.count" data-part="value" value="7">7</data>');
  });
});

describe("renderHtml", () => {
  it("needs nothing from elsewhere and runs nothing", () => {
    const { html } = render();
    expect(html).not.toMatch(/<script|<link|<img|<iframe|\bon[a-z]+=|\bstyle=|https?:/i);
  });

  it("lets nothing that came in with an event become markup", () => {
    const { html } = render([
      requestFinished(START_MS, { status: "<b>BAD</b>" }),
      scoreRecorded(START_MS, {
        runId: '"><script>alert(1)</script>',
        model: "<i>x</i>",
        target: "a",
        predicted: "a",
        correct: true,
      }),
    ]);
    expect(html).not.toContain("<script");
    expect(html).not.toContain("<b>");
    expect(html).not.toContain("<i>");
    expect(html).toContain("&lt;script&gt;");
  });

  it("lets nothing that a remedy or a human wrote become markup", () => {
    const evil = "<img src=x>";
    const prediction = predictionOf(evil, { cost: evil, validity: evil, decisionRule: evil, assumptions: [evil] });
    const rejected = { kind: "human-action", who: evil, action: "reject", predictionId: evil, reason: evil } as const;
    const { html, json } = render(busyMesh(), undefined, {
      recommendations: {
        recommended: [recommendationOf({ title: evil, predictions: [prediction] })],
        declined: [{ remedy: "cache-size", title: evil, kind: "measure first", why: evil }],
      },
      ledger: loopOf([
        { kind: "prediction-made", prediction },
        rejected,
        { kind: "outcome-settled", outcome: outcomeOf(evil, "inconclusive", { relative: undefined, reason: evil }) },
      ]),
    });
    expect(html).not.toContain("<img");
    expect(bareNumbers(html, json)).toEqual([]);
  });

  it("draws predicted against realised, and the capacity with its band", () => {
    const { html } = render(busyMesh(), undefined, fullInput());
    expect(html).toContain('aria-label="Realised over predicted changes"');
    expect(html).toContain('aria-label="Capacity by generations at a time"');
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
    const one = render(busyMesh(), undefined, { ledger: loopOf(settledHistory("p1", 0, 0)) }).html;
    expect(one).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("gives the same bytes for the same report", () => {
    expect(render().html).toBe(render().html);
  });

  it("draws no coordinate that is not a number", () => {
    const one = render([requestFinished(START_MS, { ttftMs: 0 })]).html;
    expect(one).toContain("<path");
    expect(one + render().html).not.toMatch(/NaN|Infinity|undefined/);
  });
});
