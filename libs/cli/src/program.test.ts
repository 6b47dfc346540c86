import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "./program.ts";
import { type TestSurroundings, testSurroundings } from "./testing/surroundings.ts";

let surroundings: TestSurroundings;
beforeEach(() => {
  surroundings = testSurroundings();
});
afterEach(() => surroundings.remove());

const run = (...args: string[]) => runCommandLine(args, surroundings, "main.ts");

describe("help", () => {
  it.each([
    [],
    ["start"],
    ["up"],
    ["down"],
    ["status"],
    ["ask"],
    ["report"],
    ["cache"],
    ["cache", "simulate"],
    ["cache", "stats"],
    ["cache", "explain"],
    ["cache", "prune"],
    ["cache", "undo"],
    ["cache", "invalidate"],
    ["eval"],
    ["compare"],
    ["tune"],
    ["guard"],
    ["feedback"],
    ["recommend"],
    ["apply"],
    ["rollback"],
    ["ledger"],
  ])("of chimera %s is as written", async (...command) => {
    expect(await run(...command, "--help")).toBe(0);
    expect(surroundings.written.out).toMatchSnapshot();
    expect(surroundings.written.out).toMatch(/Examples?:\n {2}/);
    expect(surroundings.written.err).toBe("");
  });
});

describe("a wrong command line", () => {
  it.each([
    [["ask"], "missing required argument 'text'"],
    [["ask", "hi", "--temperature", "9"], "Give a number from 0 to 2."],
    [["ask", "hi", "--max-tokens", "1.5"], "Give a whole number from 1"],
    [["ask", "hi", "--url", "router:7100"], "Give it as http://host:port."],
    [["report", "--from", "yesterday"], "an age such as 15m"],
    [["report", "--format", "pdf"], "Allowed choices are md, json, html"],
    [["cache", "simulate", "--size", "1%,big"], "Give a number of bytes such as 64MiB"],
    [["cache", "simulate", "--policy", "fifo"], "Give some of s3-fifo, lru"],
    [["cache", "simulate", "--synthetic", "zipf:alpha=much"], "alpha is a number from 0 to 5"],
    [["cache", "simulate"], "Name a trace with --trace"],
    [["eval", "--repeats", "17"], "Give a whole number from 1 to 16"],
    [["compare", "--candidate", "shots=4"], "Give a JSON object such as"],
    [["compare", "--candidate", '{"shot":4}'], '"shot" is none of name, model'],
    [["compare"], "required option '--candidate <json>'"],
    [["tune", "--parameters", "shots;votes"], "Give names with commas between"],
    [["tune", "--trials", "0"], "Give a whole number from 1 to 400"],
    [["feedback"], "Name a file, or --request and --target"],
    [["strat"], "Did you mean start?"],
  ])("%j ends with 2 and says what would be right", async (args, message) => {
    expect(await run(...args)).toBe(2);
    expect(surroundings.written.err).toContain(message);
    expect(surroundings.written.out).toBe("");
  });
});

describe("without a mesh", () => {
  it.each([["status"], ["down"], ["report"], ["ask", "hi"], ["tune"], ["guard"], ["recommend"], ["ledger"]])(
    "chimera %s ends with 3",
    async (...args) => {
      expect(await run(...args)).toBe(3);
      expect(surroundings.written.err).toContain("No mesh is running");
    },
  );

  it("status --json says so to a program as well", async () => {
    expect(await run("status", "--json")).toBe(3);
    expect(JSON.parse(surroundings.written.out)).toEqual({ running: false, processes: [] });
  });

  it("an address that nobody answers is a failure, with a way to look further", async () => {
    expect(await run("ask", "hi", "--url", "http://127.0.0.1:1")).toBe(1);
    expect(surroundings.written.err).toMatch(/ECONNREFUSED 127\.0\.0\.1:1\n.*chimera status/);
  });
});
