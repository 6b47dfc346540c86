import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { createScorer, listScorers } from "./registry.ts";
import type { Answered, ScoreReport } from "./scorer.ts";

function report(name: string, answers: readonly Partial<Answered>[], parameters: unknown = {}): ScoreReport {
  const scorer = createScorer(name, parameters);
  for (const each of answers) scorer.add({ targets: [""], answer: "", ...each });
  return scorer.report();
}

function figure({ figures }: ScoreReport, name: string) {
  const found = figures.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no figure ${name} among ${figures.map((each) => each.name).join()}`);
  return found;
}

const item = (name: string, answered: Partial<Answered>, parameters: unknown = {}) =>
  createScorer(name, parameters).add({ targets: [""], answer: "", ...answered });

describe("exact_match", () => {
  it.each([
    ["blanks", "  The  Cat", "the cat", 1],
    ["none", "The cat", "the cat", 0],
    ["squad", "The cat!", "a CAT", 1],
    ["blanks", "", "", 1],
  ])("normalised as %s: %j against %j", (normalise, answer, target, score) => {
    expect(item("exact_match", { answer, targets: ["other", target] }, { normalise })).toBe(score);
  });

  it("has Wilson's interval, or one over clusters where items name them", () => {
    const answers = Array.from({ length: 100 }, (_, i) => ({ targets: ["y"], answer: i < 80 ? "y" : "n" }));
    const alone = figure(report("exact_match", answers), "exact_match");
    expect(alone).toMatchObject({ value: 0.8, n: 100, clusters: undefined, method: "wilson" });
    const clustered = answers.map((each, i) => ({ ...each, cluster: `${Math.floor(i / 10)}` }));
    const over = figure(report("exact_match", clustered), "exact_match");
    expect(over).toMatchObject({ value: 0.8, n: 100, clusters: 10 });
    const width = (of: typeof over) => (of.interval?.high ?? 0) - (of.interval?.low ?? 0);
    expect(width(over)).toBeGreaterThan(2 * width(alone));
    expect(over.interval?.high).toBeLessThanOrEqual(1);
  });

  it("does not claim certainty where all clusters are right", () => {
    const answers = Array.from({ length: 40 }, (_, i) => ({ targets: ["y"], answer: "y", cluster: `${i % 8}` }));
    const { value, interval } = figure(report("exact_match", answers), "exact_match");
    expect(value).toBe(1);
    expect(interval?.low).toBeLessThan(0.7);
  });
});

describe("token_f1", () => {
  it.each([
    ["the cat sat", "cat sat down", 0.8],
    ["", "", 1],
    ["the", "", 1],
    ["cat", "", 0],
    ["cat cat", "cat", 2 / 3],
    ["你好 世界。", "你好", 2 / 3],
    ["東京タワー", "東京", 4 / 7],
    ["don't", "dont", 1],
    ["안녕 세계", "안녕", 2 / 3],
  ])("of %j against %j", (answer, target, score) => {
    expect(item("token_f1", { answer, targets: [target] })).toBeCloseTo(score, 12);
  });

  it("takes the best of the accepted answers", () => {
    expect(item("token_f1", { answer: "in 1998", targets: ["1998", "in 1998"] })).toBe(1);
  });
});

describe("classification", () => {
  const answers = [
    { targets: ["intent=refund priority=low"], answer: "intent=refund priority=high" },
    { targets: ["intent=bug priority=low"], answer: "intent=refund" },
    { targets: ["intent=bug priority=low"], answer: "I think intent=bug." },
    { targets: ["intent=bug priority=low"], answer: "no idea" },
  ];

  it("reads the label out of the answer and counts every class", () => {
    const result = report("classification", answers);
    expect(figure(result, "accuracy").value).toBe(0.5);
    expect(figure(result, "macro_f1").value).toBeCloseTo((2 / 3 + 1 / 2) / 2, 12);
    expect(figure(result, "macro_f1").interval).toMatchObject({ level: 0.95 });
    expect(result.classes?.map(({ label, support }) => [label, support])).toEqual([
      ["bug", 3],
      ["refund", 1],
    ]);
    expect(result.confusion).toContainEqual({ target: "bug", predicted: "", count: 1 });
  });

  it("takes what is none of the given labels for no answer", () => {
    const texts = Array.from({ length: 6000 }, (_, i) => ({ targets: ["yes"], answer: `yes ${i}` }));
    const result = report("classification", texts, { labels: ["yes", "no"] });
    expect(result.confusion).toEqual([{ target: "yes", predicted: "", count: 6000 }]);
    expect(report("classification", texts).figures.map(({ name }) => name)).toEqual(["accuracy"]);
  });

  it("widens every interval where items share a cluster", () => {
    const random = seededRandom(3);
    const items = Array.from({ length: 40 }, (_, c) => (random() < 0.5 ? `${c} good` : `${c} bad`)).flatMap((cluster) =>
      Array.from({ length: 10 }, (_, i) => {
        const [target, other] = i % 2 === 0 ? ["a", "b"] : ["b", "a"];
        return {
          targets: [target ?? ""],
          answer: (random() < (cluster.endsWith("good") ? 1 : 0.5) ? target : other) ?? "",
          cluster,
        };
      }),
    );
    const over = figure(report("classification", items), "mcc");
    const alone = figure(
      report(
        "classification",
        items.map(({ cluster: _, ...rest }) => rest),
      ),
      "mcc",
    );
    expect(over.value).toBe(alone.value);
    expect(over.clusters).toBe(40);
    expect((over.interval?.low ?? 1) < (alone.interval?.low ?? 0)).toBe(true);
  });
});

describe("calibration", () => {
  it("scores stated probabilities", () => {
    const result = report(
      "calibration",
      [
        { targets: ["a"], probabilities: { a: 0.8, b: 0.2 } },
        { targets: ["b"], probabilities: { a: 0.6, b: 0.4 } },
      ],
      { bins: 10, binning: "equal-width" },
    );
    expect(figure(result, "brier").value).toBeCloseTo((0.08 + 0.72) / 2, 12);
    expect(figure(result, "log_loss").value).toBeCloseTo(-(Math.log(0.8) + Math.log(0.4)) / 2, 12);
    expect(figure(result, "expected_calibration_error").value).toBeCloseTo((0.2 + 0.6) / 2, 12);
    expect(figure(result, "expected_calibration_error").method).toContain("10 equal-width bins");
  });

  it.each([
    [{}, "needs the probabilities"],
    [{ a: 0.5, b: 0.5 }, 'do not name the target "c"'],
    [{ c: 0.5, b: 0.1 }, "add up to 1"],
  ])("refuses %j", (probabilities, message) => {
    expect(() => item("calibration", { targets: ["c"], probabilities })).toThrow(message);
  });
});

describe("json_fields", () => {
  const target = '{"order":{"id":7,"items":[{"sku":"a"},{"sku":"b"}]},"paid":true}';

  it("compares every leaf, or the paths it is given", () => {
    const answer = '```json\n{"paid":true,"order":{"id":8,"items":[{"sku":"a"},{"sku":"b"}]},"more":1}\n```';
    expect(item("json_fields", { targets: [target], answer })).toBe(0.75);
    expect(item("json_fields", { targets: [target], answer }, { paths: ["order.id", "order.items"] })).toBe(0.5);
    const result = report(
      "json_fields",
      [
        { targets: [target], answer },
        { targets: [target], answer: "{" },
      ],
      { paths: ["paid"] },
    );
    expect(figure(result, "json_field:paid").value).toBe(0.5);
    expect(figure(result, "json_valid").value).toBe(0.5);
  });

  it("finds no inherited field and refuses a target that is no JSON", () => {
    expect(item("json_fields", { targets: ['{"a":1}'], answer: "{}" }, { paths: ["constructor"] })).toBe(1);
    expect(() => item("json_fields", { targets: ["text"], answer: "{}" })).toThrow("no JSON");
  });
});

describe("the registry", () => {
  it("lists every scorer with the schema of its parameters", () => {
    const listing = listScorers();
    expect(listing.map(({ name }) => name)).toContain("token_f1");
    for (const { name } of listing.filter((each) => each.name !== "judge")) expect(createScorer(name)).toBeDefined();
    expect(() => createScorer("judge")).toThrow("not recorded answers");
    expect(JSON.stringify(listing)).toContain("equal-mass");
  });

  it.each([
    ["rouge", {}, "not-found", "exact_match, token_f1"],
    ["constructor", {}, "not-found", "there is no scorer"],
    ["classification", { resamples: 1 }, "invalid-argument", "parameters.resamples"],
    ["token_f1", { stem: true }, "invalid-argument", "parameters"],
    ["calibration", { bins: 7, binning: "equal-width" }, "invalid-argument", "divide 1000"],
  ])("refuses %s %j", (name, parameters, kind, message) => {
    expect(() => createScorer(name, parameters)).toThrow(expect.objectContaining({ kind }));
    expect(() => createScorer(name, parameters)).toThrow(message);
  });
});
