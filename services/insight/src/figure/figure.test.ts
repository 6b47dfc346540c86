import { describe, expect, it } from "vitest";
import { definitionOf, type FigureId, figureIds } from "./definitions.ts";
import { figure, isFigure, type Measurement } from "./figure.ts";
import { formatFigure, formatInterval } from "./format.ts";

const measurement: Measurement = {
  id: "ttft.p50_ms",
  value: 12.345,
  n: 10,
  window: { fromMs: 0, toMs: 1000 },
  interval: { low: 11, high: 14.25, level: 0.95 },
  method: "by hand",
  source: "a test",
};

describe("figure", () => {
  it("carries name, unit and definition from the table", () => {
    const made = figure(measurement);
    expect(made).toMatchObject({ name: "TTFT, median", unit: "ms", value: 12.345, n: 10 });
    expect(made.definition).toContain("first non-empty delta");
    expect(Object.isFrozen(made)).toBe(true);
  });

  it.each<[string, Partial<Measurement>]>([
    ["an infinite value", { value: Number.POSITIVE_INFINITY }],
    ["a value that is no number", { value: Number.NaN }],
    ["an unknown id", { id: "ttft.guess" as FigureId }],
    ["a value from nothing", { n: 0 }],
    ["an n that is no count", { n: 1.5 }],
    ["a window that ends before it begins", { window: { fromMs: 2, toMs: 1 } }],
    ["an interval upside down", { interval: { low: 2, high: 1, level: 0.95 } }],
    ["an interval without a value", { value: undefined }],
    ["no method", { method: "" }],
    ["no source", { source: "" }],
  ])("refuses %s", (_, change) => {
    expect(() => figure({ ...measurement, ...change })).toThrow(/figure/);
  });

  it("tells a checked figure from an object that looks like one", () => {
    const made = figure(measurement);
    expect(isFigure(made)).toBe(true);
    expect(isFigure({ ...made })).toBe(false);
  });
});

describe("definitions", () => {
  it("name, unit and meaning are there for every id", () => {
    for (const id of figureIds) {
      const definition = definitionOf(id);
      expect(definition?.name.length).toBeGreaterThan(3);
      expect(definition?.definition).toMatch(/\.$/);
    }
  });

  it("no name stands for two figures", () => {
    const names = figureIds.map((id) => definitionOf(id)?.name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("formatFigure", () => {
  const shown = (id: FigureId, value: number | undefined) =>
    formatFigure(figure({ ...measurement, id, value, interval: undefined }));

  it("shows the unit and no more digits than help", () => {
    expect(shown("ttft.p50_ms", 1234.5)).toBe("1,235 ms");
    expect(shown("ttft.p50_ms", 123.4)).toBe("123 ms");
    expect(shown("ttft.p50_ms", 12.345)).toBe("12.3 ms");
    expect(shown("ttft.p50_ms", 1.2345)).toBe("1.23 ms");
    expect(shown("cache.hit_ratio", 0.3725)).toBe("37.3 %");
    expect(shown("requests.count", 12_345)).toBe("12,345");
    expect(shown("quality.gap_validation_holdout", -0.0123)).toBe("-1.23 pp");
  });

  it("never rounds something to nothing", () => {
    expect(shown("overload.refused_of_demand", 0.00002)).toBe("0.002 %");
    expect(shown("overload.refused_of_demand", 1e-9)).toBe("<0.0001 %");
    expect(shown("overload.refused_of_demand", 0)).toBe("0 %");
  });

  it("says so where there is no value", () => {
    expect(shown("ttft.p50_ms", undefined)).toBe("no data");
    expect(formatInterval(figure(measurement))).toBe("11.0 – 14.3 ms");
  });
});
