import { describe, expect, it } from "vitest";
import { type BenchReport, figure, reportJson, reportText } from "./result.ts";

const report: BenchReport = {
  name: "mesh",
  machine: { cpu: "A CPU", cores: 2, memoryGib: 23.5, node: "24.0.0", kernel: "Linux 6.1" },
  commit: "abc-dirty",
  results: [
    {
      id: "mesh.r30.ttft_ms_p50",
      value: 12.345678,
      unit: "ms",
      n: 360,
      interval: { low: 11.5, high: 13.25, level: 0.95 },
      method: "Due to first token.",
    },
    { id: "mesh.r30.ttft_ms_p99", value: Number.NaN, unit: "ms", n: 0, interval: null, method: "Due to first token." },
  ],
};

describe("the JSON file", () => {
  it("has exactly the agreed form, with every digit that was measured", () => {
    expect(JSON.parse(reportJson(report))).toEqual({
      name: "mesh",
      machine: { cpu: "A CPU", cores: 2, memoryGib: 23.5, node: "24.0.0", kernel: "Linux 6.1" },
      commit: "abc-dirty",
      results: [
        { ...report.results[0] },
        { id: "mesh.r30.ttft_ms_p99", value: null, unit: "ms", n: 0, interval: null, method: "Due to first token." },
      ],
    });
  });
});

describe("the text for the terminal", () => {
  const text = reportText(report);

  it("shows value, interval and n of every result in one line each", () => {
    expect(text).toMatch(/^mesh\.r30\.ttft_ms_p50 +12\.35 +ms +\[11\.50, 13\.25\] +360$/m);
    expect(text).toMatch(/^mesh\.r30\.ttft_ms_p99 +– +ms +0$/m);
  });

  it("tells each method once, and how many results share it", () => {
    expect(text.match(/Due to first token\./g)).toHaveLength(1);
    expect(text).toContain("mesh.r30.ttft_ms_p50 and 1 more: Due to first token.");
  });
});

describe("a figure", () => {
  it.each([
    [0, "0"],
    [1234567, "1234567"],
    [12345.678, "12346"],
    [0.0123456, "0.01235"],
    [-2.5, "-2.500"],
    [1e-9, "0"],
    [0.0000123, "0.000012"],
    [null, "–"],
    [Number.POSITIVE_INFINITY, "–"],
  ])("%s is shown as %s", (value, shown) => {
    expect(figure(value)).toBe(shown);
  });
});
