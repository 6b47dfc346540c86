import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Benchmark } from "./benchmark.ts";
import { helpText, parseCommandLine, UsageError } from "./command-line.ts";

const benchmarks: Benchmark[] = ["mesh", "cancel"].map((name) => ({
  name,
  summary: `what ${name} measures`,
  limitMs: { quick: 1, full: 1 },
  run: async () => [],
}));
const parse = (...args: string[]) => parseCommandLine(args, benchmarks);

describe("the command line", () => {
  it("names a benchmark, and how and where to", () => {
    const json = join(import.meta.dirname, "x.json");
    expect(parse("cancel")).toMatchObject({ benchmark: benchmarks[1], quick: false, json: undefined });
    expect(parse("mesh", "--quick", "--json", json)).toMatchObject({ benchmark: benchmarks[0], quick: true, json });
  });

  it("asks for help whatever else it says", () => {
    expect(parse("--help")).toBe("help");
    expect(parse("nope", "-h")).toBe("help");
    expect(helpText(benchmarks)).toContain("  cancel  what cancel measures");
  });

  it.each([
    [[], /Say which benchmark to run: mesh, cancel/],
    [["nope"], /no benchmark nope\. There are: mesh, cancel/],
    [["mesh", "cancel"], /One benchmark at a time/],
    [["mesh", "--fast"], /'--fast'/],
    [["mesh", "--json"], /--json/],
    [["mesh", "--json", "/no/such/folder/x.json"], /folder is missing/],
    [["mesh", "--json", import.meta.dirname], /is a folder/],
  ])("%j is refused with what is wrong", (args, message) => {
    expect(() => parse(...args)).toThrow(UsageError);
    expect(() => parse(...args)).toThrow(message);
  });
});
