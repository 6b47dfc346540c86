// What is plainly wrong in this repository is a failing test. Size and taste are left to readers.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => /\.(ts|mts|mjs)$/.test(file) && !file.includes("/gen/") && file !== "test/tidy.test.ts")
  // Deleted, but git has not been told yet.
  .filter((file) => existsSync(join(ROOT, file)));
const sources = files.map((file) => ({ file, text: readFileSync(join(ROOT, file), "utf8") }));
const isTest = (file: string) =>
  /\.test\.ts$|^test\/|^libs\/testkit\/|\/testing\/|-suite\.ts$|kill-writer\.ts$/.test(file);
const production = sources.filter(({ file }) => !isTest(file) && /^(libs|services)\//.test(file));

/** Places where `pattern` occurs in code, leaving comments out. */
function found(pattern: RegExp, where = sources, allowed: readonly RegExp[] = []): string[] {
  return where
    .filter(({ file }) => !allowed.some((each) => each.test(file)))
    .flatMap(({ file, text }) =>
      text.split("\n").flatMap((line, i) => {
        const code = line.replace(/^\s*(\/\/|\*|\/\*).*$/, "");
        return pattern.test(code) ? [`${file}:${i + 1}: ${line.trim().slice(0, 100)}`] : [];
      }),
    );
}

describe("the tree", () => {
  it("is there to be read", () => {
    expect(sources.length).toBeGreaterThan(200);
    expect(production.length).toBeGreaterThan(150);
  });

  it("has a first line in every source that says what the file is", () => {
    const bare = production.filter(
      ({ text }) => !/^(#!.*\n)?(\/\/|\/\*\*)/.test(text) && !text.startsWith("// @generated"),
    );
    expect(bare.map(({ file }) => file)).toEqual([]);
  });

  it("has no unfinished business and no test that does not run", () => {
    const marker = new RegExp(["TO", "DO|FIX", "ME|\\bXX", "X\\b|\\bHA", "CK\\b"].join(""));
    expect(sources.flatMap(({ file, text }) => (marker.test(text) ? [file] : []))).toEqual([]);
    expect(found(/\b(it|test|describe)\.(skip|todo|only|skipIf|runIf)\b/)).toEqual([]);
  });

  it("asks for no type it does not know", () => {
    expect(found(/: any\b|<any>|as any\b/, production)).toEqual([]);
  });
});

describe("time, chance and the environment", () => {
  it("come through the kernel", () => {
    const allowed = [/^libs\/kernel\//, /^services\/[a-z]+\/src\/testing\//];
    expect(found(/\b(Date\.now\(|Math\.random\(|performance\.now\()|new Date\(\)/, production, allowed)).toEqual([]);
  });

  it("are read where settings are read", () => {
    const allowed = [
      /\/config\.ts$/,
      /^libs\/lifecycle\//,
      /^libs\/telemetry\/src\/(sdk|register)\.ts$/,
      /\/follow-parent\.ts$/,
    ];
    expect(found(/\bprocess\.env\b/, production, allowed)).toEqual([]);
  });
});

describe("outside libraries stay behind their fence:", () => {
  const fences: [name: string, pattern: RegExp, allowed: RegExp[]][] = [
    ["NATS in events", /from "@nats-io\//, [/^libs\/events\//]],
    ["the OpenTelemetry SDK in telemetry", /(from|import\() ?"@opentelemetry\/(?!api")/, [/^libs\/telemetry\//]],
    ["keyv in the cache's stores", /from "keyv"/, [/^services\/cache\/src\/store\//]],
    ["Redis in the cache's stores", /from "@redis\//, [/^services\/cache\/src\/store\//]],
    [
      "llama.cpp in its engine",
      /from "node-llama-cpp"/,
      [/^services\/inference\/src\/engine\/llama\//, /^services\/inference\/model\/training\//],
    ],
    [
      "Connect at the edges",
      /from "@connectrpc\//,
      [/^libs\/rpc\//, /\/rpc\//, /\/(service|context)\.ts$/, /^libs\/(cli|client|supervisor)\//],
    ],
  ];
  it.each(fences)("%s", (_name, pattern, allowed) => {
    expect(found(pattern, production, allowed)).toEqual([]);
  });

  it("services do not know each other", () => {
    const wrong = production.flatMap(({ file, text }) => {
      const own = /^services\/([a-z]+)\//.exec(file)?.[1];
      const others = [...text.matchAll(/from "@chimera\/(router|cache|inference|evaluator|insight)"/g)];
      return own ? others.filter(([, other]) => other !== own).map(([line]) => `${file}: ${line}`) : [];
    });
    expect(wrong).toEqual([]);
  });
});
