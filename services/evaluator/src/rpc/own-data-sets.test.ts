// Data sets of the caller, from a file to the figures, the router scripted.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fromConnectError } from "@chimera/rpc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RunningEvaluator, resultOf, startEvaluator } from "../testing/running-evaluator.ts";
import { accepted, complete, delta } from "../testing/scripted-router.ts";

/** What the model says, by question; everything else is answered with the question itself. */
const answers = new Map<string, string>();
let running: RunningEvaluator;
beforeEach(async () => {
  answers.clear();
  running = await startEvaluator(async function* ({ request }) {
    const question = request.messages.at(-1)?.content ?? "";
    yield accepted(request.requestId);
    yield delta(0, answers.get(question) ?? question);
    yield complete();
  });
});
afterEach(() => running[Symbol.asyncDispose]());

const put = (name: string, text: string) => writeFile(join(running.folder, name), text);
const rows = (...all: object[]) => all.map((row) => JSON.stringify(row)).join("\n");
const evaluate = (dataset: string, split = "validation") => resultOf(running, { dataset, split });
const refusal = async (dataset: string, split?: string) =>
  fromConnectError(await evaluate(dataset, split).catch((thrown: unknown) => thrown));

describe("a data set of one file", () => {
  it("in JSONL is scored as texts, each against all of its accepted answers", async () => {
    answers.set("capital of France?", "The city of Paris").set("2 + 2?", "four");
    await put(
      "facts.jsonl",
      rows(
        { id: "1", input: "capital of France?", target: "Paris", split: "validation" },
        { id: "2", input: "2 + 2?", targets: ["4", "four"], split: "validation" },
        { id: "3", input: "elsewhere", target: "elsewhere", split: "train" },
      ),
    );
    const result = await evaluate("facts");
    expect(result).toMatchObject({ dataset: "facts", n: 2, failed: 0, classes: [] });
    expect(result.scores.exact_match?.value).toBe(0.5);
    // "city of paris" against "paris": precision 1/3, recall 1.
    expect(result.scores.token_f1?.value).toBeCloseTo((0.5 + 1) / 2, 12);
    expect(result.accuracy?.value).toBe(0.5);
  });

  it("in CSV whose targets repeat is scored by class", async () => {
    const cells = Array.from({ length: 12 }, (_, i) => `${i},"says ""${i}""",${i % 2 ? "yes" : "no"},validation`);
    for (let i = 0; i < 12; i++) answers.set(`says "${i}"`, i === 0 ? "yes" : i % 2 ? "Yes" : " no");
    await put("polls.csv", ["id,input,target,split", ...cells].join("\n"));
    const result = await evaluate("polls");
    expect(result.n).toBe(12);
    expect(result.classes.map(({ label, support }) => `${label} ${support}`)).toEqual(["no 6", "yes 6"]);
    expect(result.accuracy?.value).toBeCloseTo(11 / 12, 12);
    expect(result.macroF1?.method).toContain("BCa");
  });

  it("of promptfoo is split by its clusters, near-duplicates together, the same way every time", async () => {
    const tests = Array.from({ length: 60 }, (_, i) => ({
      vars: { question: `question ${(i * 7919) % 1009} on ${(i * 104_729) % 9973}` },
      assert: [{ type: "equals", value: `answer ${i}` }],
    }));
    const twin = { vars: { question: `${tests[0]?.vars.question}!` }, assert: [{ type: "equals", value: "other" }] };
    await put("suite.yaml", JSON.stringify({ tests: [...tests, twin] }));
    const splits = ["train", "validation", "holdout"];
    const results = await Promise.all(splits.map((split) => evaluate("suite", split)));
    expect(results.reduce((sum, { n }) => sum + n, 0)).toBeLessThan(61);
    expect(results.every(({ n }) => n > 0)).toBe(true);
    const asked = results.map(({ n, clusters }) => n - clusters);
    expect(asked.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(1);
    expect((await evaluate("suite")).datasetHash).toBe(results[1]?.datasetHash);
  });

  it("of JSON targets is compared field by field, logs of Inspect and lm-eval are known by their rows", async () => {
    answers.set("order", '{"sku":"a1","count":3}').set("hello", "hi").set("sum?", "3");
    await put("orders.jsonl", rows({ id: "1", input: "order", target: '{"sku":"a1","count":2}', split: "validation" }));
    expect((await evaluate("orders")).scores.json_fields?.value).toBe(0.5);
    const inspect = Array.from({ length: 40 }, (_, i) => ({
      input: [{ role: "user", content: `hello ${i * i}` }],
      target: "hi",
    }));
    await put("samples.jsonl", rows(...inspect));
    expect((await evaluate("samples")).n).toBeGreaterThan(0);
    const logged = Array.from({ length: 40 }, (_, i) => ({
      doc_id: i,
      doc: { question: `sum ${i * i}?` },
      target: "3",
    }));
    await put("logged.jsonl", rows(...logged));
    expect((await evaluate("logged")).n).toBeGreaterThan(0);
  });

  it("is read again when it changes", async () => {
    await put("live.jsonl", rows({ id: "1", input: "a", target: "a", split: "validation" }));
    expect((await evaluate("live")).accuracy?.value).toBe(1);
    await put("live.jsonl", rows({ id: "1", input: "a", target: "a changed one", split: "validation" }));
    expect((await evaluate("live")).accuracy?.value).toBe(0);
  });

  it("with a bad row is refused by file, line and field, before anything is asked", async () => {
    await put("bad.jsonl", rows({ id: "1", input: "a", target: "b" }, { id: "2", input: "", target: "b" }));
    const error = await refusal("bad");
    expect(error.kind).toBe("invalid-argument");
    expect(error.message).toContain("bad.jsonl, line 2: input");
    expect(error.violations).toMatchObject([{ field: "input" }]);
    expect(running.router.calls).toEqual([]);
  });

  it("says which splits and which data sets there are", async () => {
    await put("few.jsonl", rows({ id: "1", input: "a", target: "b", split: "train" }));
    expect((await refusal("few")).message).toContain("no items in its validation split: train 1");
    expect((await refusal("none")).message).toContain("known are tickets, few");
    await put("few.csv", "id,input,target\n1,a,b");
    expect((await refusal("few")).message).toContain("few.csv, few.jsonl");
  });
});
