import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../program.ts";
import { type TestSurroundings, testSurroundings } from "../testing/surroundings.ts";

let surroundings: TestSurroundings;
beforeEach(() => {
  surroundings = testSurroundings();
});
afterEach(() => surroundings.remove());

const run = (...args: string[]) => runCommandLine(["cache", "simulate", ...args], surroundings, "main.ts");
const file = (name: string) => join(surroundings.cwd, name);

describe("chimera cache simulate", () => {
  it("shows what policies and sizes hit, and writes the same as JSON and as a page of its own", async () => {
    const formula = "zipf:requests=5000,popular=500,alpha=1,seed=3";
    expect(await run("--synthetic", formula, "--size", "2%,256KiB", "--json", "a.json", "--html", "a.html")).toBe(0);
    const lines = surroundings.written.out.split("\n");
    expect(lines[0]).toMatch(/^5000 requests, the last 4000 counted/);
    expect(lines.filter((line) => /^256\.0 KiB +(lru|sieve|s3-fifo|w-tinylfu|optimum) +\d/.test(line))).toHaveLength(5);
    const { outcomes } = JSON.parse(readFileSync(file("a.json"), "utf8"));
    const ratios = Object.fromEntries(
      outcomes.slice(0, 5).map((each: { policy: string; hitRatio: number }) => [each.policy, each.hitRatio]),
    );
    expect(ratios.optimum).toBeGreaterThan(ratios["s3-fifo"]);
    expect(ratios["s3-fifo"]).toBeGreaterThan(ratios.lru);
    const page = readFileSync(file("a.html"), "utf8");
    expect(page.match(/<polyline/g)).toHaveLength(5);
    expect(page).not.toMatch(/NaN|undefined|https?:|<script/);
  });

  it("plays a gzipped trace", async () => {
    const line = (id: number) =>
      JSON.stringify({ timestamp: id, input_length: 9, output_length: 2, hash_ids: [id % 2] });
    writeFileSync(file("trace.gz"), gzipSync([0, 1, 2, 3, 4].map(line).join("\n")));
    expect(await run("--trace", "trace.gz", "--policy", "lru", "--size", "64KiB", "--skip", "0")).toBe(0);
    expect(surroundings.written.out).toMatch(/64\.0 KiB +lru +60\.0 %/);
  });

  it("ends with 1 and names line and field of what it can not read", async () => {
    writeFileSync(
      file("trace.jsonl"),
      '{"key":"a","prompt_tokens":1,"completion_tokens":1}\n{"key":"b","prompt_tokens":-1}\n',
    );
    expect(await run("--trace", "trace.jsonl")).toBe(1);
    expect(surroundings.written.err).toMatch(/trace\.jsonl:2 prompt_tokens: .*trace\.jsonl:2 completion_tokens: /s);
  });
});
