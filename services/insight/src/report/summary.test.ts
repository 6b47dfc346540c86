import { CacheStatus } from "@chimera/contracts/common";
import { describe, expect, it } from "vitest";
import type { FigureId } from "../figure/definitions.ts";
import { phraseText } from "../figure/phrase.ts";
import { bareNumbers } from "../testing/bare-numbers.ts";
import {
  busyMesh,
  cacheChanged,
  contextOf,
  recordsOf,
  requestFinished,
  START_MS,
  scoreRecorded,
} from "../testing/events.ts";
import { renderHtml } from "./html.ts";
import { renderJson } from "./json.ts";
import { renderMarkdown } from "./markdown.ts";
import { reportOn } from "./report.ts";
import type { Report } from "./summary.ts";

type Records = ReturnType<typeof recordsOf>;

function reportOf(records: Records, window?: { fromMs: number; toMs: number }): Report {
  return reportOn(contextOf(records, START_MS + 120_000), window ?? { fromMs: undefined, toMs: undefined });
}

const figureIn = (report: Report, id: FigureId) => report.figures.find((figure) => figure.id === id);
const valueIn = (report: Report, id: FigureId) => figureIn(report, id)?.value;
const stateIn = (report: Report, id: string) => report.risks.find((risk) => risk.id === id)?.state;

describe("summarise", () => {
  it("counts demand with what was refused and failed, throughput and latency without", () => {
    const failed = { status: "UNAVAILABLE", ttftMs: undefined, turnMs: 1, engine: undefined };
    const refused = { ...failed, refusal: "no room" };
    const report = reportOf(
      recordsOf([
        ...Array.from({ length: 90 }, (_, index) => requestFinished(START_MS + index * 1000, { ttftMs: 10 + index })),
        ...Array.from({ length: 24 }, () => requestFinished(START_MS + 30_500, refused)),
        ...Array.from({ length: 6 }, () => requestFinished(START_MS + 30_500, failed)),
      ]),
    );
    expect(valueIn(report, "requests.count")).toBe(120);
    expect(valueIn(report, "demand.avg_rps")).toBe(1);
    expect(valueIn(report, "demand.peak_rps_1s")).toBe(31);
    expect(figureIn(report, "throughput.answered_avg_rps")).toMatchObject({ value: 0.75, n: 90 });
    expect(valueIn(report, "throughput.answered_peak_rps_1s")).toBe(1);
    expect(valueIn(report, "throughput.answered_peak_rps_10s")).toBe(1);
    expect(figureIn(report, "ttft.p50_ms")).toMatchObject({ value: 54.5, n: 90 });
    expect(valueIn(report, "errors.count")).toBe(30);
    expect(valueIn(report, "errors.by_status.UNAVAILABLE")).toBe(30);
    expect(figureIn(report, "overload.refused_of_demand")).toMatchObject({ value: 0.2, n: 120 });
    expect(stateIn(report, "overload")).toBe("alarm");
  });

  it("counts an answer when it ends, and its request when it arrived", () => {
    const late = requestFinished(START_MS + 9_900, { turnMs: 200 });
    const records = recordsOf([requestFinished(START_MS), late, requestFinished(START_MS + 15_000)]);
    const first = reportOf(records, { fromMs: START_MS, toMs: START_MS + 10_000 });
    const second = reportOf(records, { fromMs: START_MS + 10_000, toMs: START_MS + 20_000 });
    expect([first, second].map((report) => figureIn(report, "demand.avg_rps")?.n)).toEqual([2, 1]);
    expect([first, second].map((report) => figureIn(report, "throughput.answered_avg_rps")?.n)).toEqual([1, 2]);
  });

  it("adds the wait at the router to the wait at the engine", () => {
    const waited = requestFinished(START_MS, { ttftMs: 100, queueMs: 30, engine: { queueMs: 25 } });
    const report = reportOf(recordsOf([waited]));
    expect(valueIn(report, "overload.wait_share_p95")).toBeCloseTo(0.55, 12);
    expect(stateIn(report, "overload")).toBe("watch");
  });

  it("does not blame the mesh for a client that left", () => {
    const report = reportOf(recordsOf([requestFinished(START_MS), requestFinished(START_MS, { status: "CANCELLED" })]));
    expect(valueIn(report, "errors.count")).toBe(0);
    expect(valueIn(report, "errors.by_status.CANCELLED")).toBe(1);
  });

  it("keeps hits and misses apart and leaves bypasses out of the hit ratio", () => {
    const request = (status: CacheStatus, ttftMs: number) => requestFinished(START_MS, { cache: { status }, ttftMs });
    const report = reportOf(
      recordsOf([
        request(CacheStatus.HIT, 1),
        request(CacheStatus.MISS, 20),
        request(CacheStatus.MISS, 40),
        request(CacheStatus.MISS, 60),
        request(CacheStatus.BYPASS, 500),
      ]),
    );
    expect(figureIn(report, "cache.hit_ratio")).toMatchObject({ value: 0.25, n: 4 });
    expect(valueIn(report, "ttft.hit_p50_ms")).toBe(1);
    expect(valueIn(report, "ttft.miss_p50_ms")).toBe(40);
  });

  it("takes quality from the latest holdout run and compares it with validation", () => {
    const scored = (count: number, right: number, fields: { split: string; runId: string; atMs: number }) =>
      Array.from({ length: count }, (_, item) =>
        scoreRecorded(fields.atMs, {
          split: fields.split,
          runId: fields.runId,
          target: "a",
          predicted: item < right ? "a" : "",
          correct: item < right,
        }),
      );
    const report = reportOf(
      recordsOf([
        ...scored(100, 10, { split: "holdout", runId: "old", atMs: START_MS }),
        ...scored(200, 160, { split: "holdout", runId: "new", atMs: START_MS + 5 }),
        ...scored(200, 196, { split: "validation", runId: "tuned", atMs: START_MS + 2 }),
      ]),
    );
    expect(figureIn(report, "quality.accuracy")).toMatchObject({ value: 0.8, n: 200 });
    expect(figureIn(report, "quality.accuracy")?.source).toContain("run new");
    expect(valueIn(report, "quality.gap_validation_holdout")).toBeCloseTo(0.18, 12);
    expect(stateIn(report, "overfitting")).toBe("alarm");
  });

  it("reads fill and evictions from what the caches report", () => {
    const state = (second: number, fields: { entries: number; bytes: number; evictions: number }) =>
      cacheChanged(START_MS + second * 1000, {
        entries: BigInt(fields.entries),
        bytes: BigInt(fields.bytes),
        evictions: BigInt(fields.evictions),
      });
    const report = reportOf(
      recordsOf([
        state(0, { entries: 50, bytes: 940, evictions: 0 }),
        state(9, { entries: 55, bytes: 990, evictions: 45 }),
      ]),
    );
    expect(valueIn(report, "cache.fill_ratio")).toBe(0.99);
    expect(valueIn(report, "cache.evictions")).toBe(45);
    expect(valueIn(report, "cache.eviction_share")).toBe(0.9);
    expect(stateIn(report, "cache-saturation")).toBe("alarm");
  });

  it("notices lookups that no request event tells of", () => {
    const events = [0, 10, 20].map((second) => cacheChanged(START_MS + second * 1000, { misses: BigInt(second * 20) }));
    const told = Array.from({ length: 150 }, (_, index) => requestFinished(START_MS + 10 + index * 60));
    const report = reportOf(recordsOf([...events, ...told]));
    expect(figureIn(report, "telemetry.lookup_gap")).toMatchObject({ value: 0.25, n: 200 });
    expect(stateIn(report, "telemetry-loss")).toBe("watch");
  });

  it("finds nothing to worry about in a healthy mesh's telemetry", () => {
    const report = reportOf(recordsOf(busyMesh()));
    expect(valueIn(report, "telemetry.events_dropped")).toBe(0);
    expect(valueIn(report, "telemetry.littles_law_gap")).toBeLessThan(0.05);
    expect(valueIn(report, "telemetry.lookup_gap")).toBeLessThan(0.05);
    expect(stateIn(report, "telemetry-loss")).toBe("ok");
  });

  it("says that records were let go where the window reaches back to them, and only there", () => {
    const events = Array.from({ length: 1500 }, (_, index) => requestFinished(START_MS + index));
    const records = recordsOf(events, { maxRequests: 1000 });
    expect(reportOf(records).notes.map(phraseText).join()).toContain("500");
    expect(reportOf(records, { fromMs: START_MS + 500, toMs: START_MS + 2000 }).notes).toEqual([]);
  });

  it("still knows counts and quantiles of the whole window where single records were let go", () => {
    const events = Array.from({ length: 1500 }, (_, index) =>
      requestFinished(START_MS + index * 40, {
        ttftMs: index < 1000 ? 10 : 100,
        cache: { status: index < 1000 ? CacheStatus.HIT : CacheStatus.MISS },
      }),
    );
    const report = reportOf(recordsOf(events, { maxRequests: 500 }));
    expect(valueIn(report, "requests.count")).toBe(1500);
    expect(valueIn(report, "cache.hit_ratio")).toBeCloseTo(2 / 3);
    expect((valueIn(report, "ttft.p50_ms") ?? 0) / 10).toBeCloseTo(1, 1);
    expect((valueIn(report, "ttft.p95_ms") ?? 0) / 100).toBeCloseTo(1, 1);
    expect(figureIn(report, "ttft.p50_ms")?.method).toContain("sketch");
    expect(new Set(report.figures.map(({ id }) => id)).size).toBe(report.figures.length);
    expect(bareNumbers(renderHtml(report), renderJson(report))).toEqual([]);
  });

  it("measures the window it was asked for", () => {
    const records = recordsOf(Array.from({ length: 60 }, (_, index) => requestFinished(START_MS + index * 1000)));
    const report = reportOf(records, { fromMs: START_MS + 10_000, toMs: START_MS + 20_000 });
    expect(valueIn(report, "requests.count")).toBe(11);
    expect(valueIn(report, "demand.peak_rps_60s")).toBeUndefined();
    expect(valueIn(report, "throughput.answered_peak_rps_60s")).toBeUndefined();
  });

  it("leads with at most five figures", () => {
    expect(reportOf(recordsOf(busyMesh())).headline.map((figure) => figure.id)).toEqual([
      "throughput.answered_avg_rps",
      "throughput.answered_peak_rps_10s",
      "ttft.p50_ms",
      "quality.macro_f1",
      "quality.accuracy",
    ]);
  });
});

describe("a report on nothing", () => {
  const report = reportOf(recordsOf([]));

  it("has no value, no count and no certainty anywhere", () => {
    expect(report.figures.length).toBeGreaterThan(20);
    for (const figure of report.figures) expect([figure.id, figure.value, figure.n]).toEqual([figure.id, undefined, 0]);
    expect(report.risks.map((risk) => risk.state)).toEqual(["unknown", "unknown", "unknown", "unknown", "unknown"]);
  });

  it("still renders, and says that there is no data", () => {
    expect(renderMarkdown(report)).toContain("no data");
    expect(renderHtml(report)).toContain("No data in this window.");
    expect(JSON.parse(renderJson(report)).figures[0]).not.toHaveProperty("value");
    expect(bareNumbers(renderHtml(report), renderJson(report))).toEqual([]);
  });
});
