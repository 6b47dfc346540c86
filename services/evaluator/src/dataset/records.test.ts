import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ticketsPath } from "@chimera/tickets";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createScorer } from "../scorer/registry.ts";
import { scoreRecords } from "../scorer/score-records.ts";
import { ContentHash } from "./content-hash.ts";
import { toJsonl } from "./import/jsonl.ts";
import { type DatasetFormat, readRecords } from "./read.ts";
import type { DatasetRecord } from "./record.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluator-records-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function records(name: string, text: string, format?: DatasetFormat): Promise<DatasetRecord[]> {
  const file = join(folder, name);
  await writeFile(file, text);
  return Array.fromAsync(readRecords(file, format));
}

const row = (id: string, more: object = {}) => JSON.stringify({ id, input: `text ${id}`, target: "yes", ...more });

describe("JSONL", () => {
  it("is read with every field, defaults and the names others use", async () => {
    const more = {
      cluster: 7,
      split: "vault",
      source: "golden",
      weight: 2,
      metadata: { page: 3 },
      answer: "no",
      note: 1,
    };
    const [full, other] = await records(
      "a.jsonl",
      `${row("1", more)}\n\n{"id":2,"input":"x","ideal":["y","z"],"cluster_id":"c","output":4}`,
    );
    expect(full).toEqual({
      id: "1",
      input: "text 1",
      targets: ["yes"],
      tenant: "default",
      cluster: "7",
      split: "vault",
      source: "golden",
      weight: 2,
      metadata: { page: 3 },
      answer: "no",
    });
    expect(other).toMatchObject({
      id: "2",
      targets: ["y", "z"],
      cluster: "c",
      source: "unknown",
      weight: 1,
      answer: "4",
    });
  });

  it("comes back the same from what is written", async () => {
    const first = await records("a.jsonl", [row("1", { answer: "ü\n" }), row("2", { target: ["a", "b"] })].join("\n"));
    expect(await records("b.jsonl", first.map(toJsonl).join("\n"))).toEqual(first);
  });

  it("reads the tickets that ship with the mesh", async () => {
    const all = await Array.fromAsync(readRecords(ticketsPath("validation")));
    expect(all.length).toBe(480);
    expect(all.every(({ cluster, split }) => cluster !== undefined && split === "validation")).toBe(true);
  });
});

describe("other formats", () => {
  it("CSV, with cells that span lines", async () => {
    const text = '\ufeffid,input,target,cluster,weight,page\n1,"a ""b""\nc",yes,k,2,9\n2,plain,no,,,\n';
    expect(await records("a.csv", text)).toMatchObject([
      { id: "1", input: 'a "b"\nc', targets: ["yes"], cluster: "k", weight: 2, metadata: { page: "9" } },
      { id: "2", input: "plain", targets: ["no"], weight: 1, metadata: {} },
    ]);
  });

  it("samples of Inspect, as text, as messages and with choices", async () => {
    const lines = [
      { input: "2+2?", target: "4", id: 5, metadata: { cluster: "sums" } },
      { input: [{ role: "user", content: "hi" }], target: ["hello", "hey"] },
      { input: "Which?", choices: ["x", "y"], target: "B" },
      {
        input: [
          { role: "system", content: "s" },
          { role: "user", content: "u" },
        ],
        target: "t",
      },
    ];
    const found = await records("inspect.jsonl", lines.map((each) => JSON.stringify(each)).join("\n"), "inspect");
    expect(found.map(({ id, input, targets }) => [id, input, ...targets])).toEqual([
      ["5", "2+2?", "4"],
      ["2", "hi", "hello", "hey"],
      ["3", "Which?\nA) x\nB) y", "B"],
      ["4", "system: s\nuser: u", "t"],
    ]);
    expect(found[0]?.cluster).toBe("sums");
  });

  it("sample logs of lm-evaluation-harness, with their answers", async () => {
    const log = [
      {
        doc_id: 0,
        doc: { question: "q0" },
        target: "4",
        arguments: [["Q: q0"]],
        resps: [["4."]],
        filtered_resps: ["4"],
      },
      {
        doc_id: 1,
        doc: { question: "q1" },
        target: 1,
        arguments: { gen_args_0: { arg_0: "Q: q1" } },
        filtered_resps: [["0"]],
      },
      { doc_id: 2, doc: { question: "q2" }, target: "x", filtered_resps: ["y"] },
    ];
    const found = await records("log.jsonl", log.map((each) => JSON.stringify(each)).join("\n"), "lm-eval");
    expect(found.map(({ id, input, targets, answer }) => [id, input, targets[0], answer])).toEqual([
      ["0", "Q: q0", "4", "4"],
      ["1", "Q: q1", "1", "0"],
      ["2", "q2", "x", "y"],
    ]);
  });

  it("tests of promptfoo, as YAML and as JSON", async () => {
    const yaml =
      "tests:\n  - description: sum\n    vars:\n      question: 2+2?\n      style: short\n    assert:\n      - type: equals\n        value: 4\n  - vars: { text: hi }\n    assert: [{ type: equals, value: hello }, { type: equals, value: hey }]\n";
    const found = await records("tests.yaml", yaml);
    expect(found).toMatchObject([
      { id: "test-1", input: "2+2?", targets: ["4"], metadata: { description: "sum", vars: { style: "short" } } },
      { id: "test-2", input: "hi", targets: ["hello", "hey"] },
    ]);
    expect(
      await records("tests.json", JSON.stringify([{ vars: { x: "in" }, assert: [{ type: "equals", value: "out" }] }])),
    ).toMatchObject([{ input: "in", targets: ["out"] }]);
  });
});

describe("a bad row", () => {
  const yaml = (assert: string) =>
    `tests:\n  - vars: { x: a }\n    assert: [{ type: equals, value: b }]\n  - vars: { x: a }\n    ${assert}\n`;
  it.each<[name: string, text: string, line: number, field: string, format?: DatasetFormat]>([
    ["a.jsonl", `${row("1")}\n{`, 2, "the row"],
    ["a.jsonl", `${row("1")}\n[]`, 2, "the row"],
    ["a.jsonl", `${row("1")}\n\n${row("2", { weight: -1 })}`, 3, "weight"],
    ["a.jsonl", row("1", { split: "test" }), 1, "split"],
    ["a.jsonl", row("1", { target: ["a", {}] }), 1, "targets.1"],
    ["a.jsonl", row("1", { target: undefined }), 1, "targets"],
    ["a.jsonl", row("1", { probabilities: { a: 2 } }), 1, "probabilities.a"],
    ["a.jsonl", `${row("1")}\n${row("1")}`, 2, "id"],
    ["a.csv", 'id,input,target\n1,"two\nlines",b\n2,,c', 4, "input"],
    ["a.csv", "id,input,target\n1,a", 2, "the row"],
    ["a.csv", "id,input,target,weight\n1,a,b,heavy", 2, "weight"],
    ["i.jsonl", '{"input":"x"}', 1, "targets", "inspect"],
    ["l.jsonl", '{"doc":{},"target":"x"}', 1, "input", "lm-eval"],
    ["t.yaml", yaml("assert: [{ type: llm-rubric, value: c }]"), 4, "assert.0.type"],
    ["t.yaml", yaml("threshold: 1"), 4, "assert"],
    ["t.yaml", "tests: [", 1, "the row"],
    ["t.yaml", "prompts: []", 1, "the row"],
  ])("of %s %j is named by line %i and field %s", async (name, text, line, field, format) => {
    await expect(records(name, text, format)).rejects.toMatchObject({
      name: "BadRowError",
      kind: "invalid-argument",
      line,
      field,
      message: expect.stringContaining(`${name}, line ${line}`),
      violations: [{ field }],
    });
  });

  it("is one that never ends", async () => {
    await expect(records("long.jsonl", `${row("1")}\n${"x".repeat(5_000_000)}`)).rejects.toMatchObject({ line: 2 });
  });

  it("is not the same as a missing file", async () => {
    await expect(Array.fromAsync(readRecords(join(folder, "none.jsonl")))).rejects.toMatchObject({ kind: "not-found" });
  });
});

describe("scoreRecords", () => {
  const rows = Array.from({ length: 50 }, (_, i) => row(`${i}`, { answer: i % 5 === 0 ? "no" : "yes" }));
  const scorers = () =>
    new Map([
      ["exact", createScorer("exact_match")],
      ["classes", createScorer("classification")],
    ] as const);

  it("runs several scorers over one stream and names what was scored", async () => {
    await writeFile(join(folder, "s.jsonl"), rows.join("\n"));
    const scored = await scoreRecords(readRecords(join(folder, "s.jsonl")), scorers());
    expect(scored.n).toBe(50);
    expect(scored.reports.get("exact")?.figures[0]).toMatchObject({ value: 0.8, n: 50 });
    expect(scored.reports.get("classes")?.figures[0]).toMatchObject({ name: "accuracy", value: 0.8 });
    await writeFile(join(folder, "s.jsonl"), rows.toReversed().join("\n"));
    const again = await scoreRecords(readRecords(join(folder, "s.jsonl")), scorers());
    expect(again.contentHash).toBe(scored.contentHash);
  });

  it("refuses a set without answers, and an empty one", async () => {
    await writeFile(join(folder, "s.jsonl"), row("7"));
    await expect(scoreRecords(readRecords(join(folder, "s.jsonl")), scorers())).rejects.toThrow(
      'item "7" holds no answer',
    );
    await writeFile(join(folder, "s.jsonl"), "");
    await expect(scoreRecords(readRecords(join(folder, "s.jsonl")), scorers())).rejects.toThrow("no record");
  });
});

describe("ContentHash", () => {
  const of = (...all: DatasetRecord[]) => {
    const content = new ContentHash();
    for (const each of all) content.add(each);
    return content.digest();
  };

  it("changes with what is asked and what is right, not with order or what was answered", async () => {
    const [a, b] = await records("a.jsonl", [row("1"), row("2")].join("\n"));
    if (a === undefined || b === undefined) throw new Error("two records were written");
    expect(of(b, a)).toBe(of(a, b));
    expect(of({ ...a, answer: "x" }, b)).toBe(of(a, b));
    for (const other of [
      { ...a, targets: ["no"] },
      { ...a, cluster: "c" },
      { ...a, weight: 3 },
    ]) {
      expect(of(other, b)).not.toBe(of(a, b));
    }
    expect(of(a)).not.toBe(of(a, b));
    expect(of(a, a)).not.toBe(of(b, b));
  });
});
