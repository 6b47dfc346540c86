import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { fromObject } from "./import/jsonl.ts";
import { clustersOf } from "./near-duplicates.ts";
import type { DatasetRecord } from "./record.ts";
import { SeenIds } from "./seen-ids.ts";
import { assignSplits, splitOf } from "./split.ts";

const record = (id: string, input: string, more: object = {}): DatasetRecord =>
  fromObject({ id, input, target: "yes", ...more }, { file: "here", line: 1 });

const random = seededRandom(7);
const sentence = (words: number) =>
  Array.from({ length: words }, () => Math.floor(random() * 1e9).toString(36)).join(" ");

describe("splitOf", () => {
  it("holds its ratio and gives a cluster the same side every time", () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `conversation ${i}`);
    const sides = names.map((name) => splitOf(name));
    const share = (label: string) => sides.filter((side) => side === label).length / names.length;
    expect(share("train")).toBeCloseTo(0.4, 1);
    for (const label of ["validation", "holdout", "vault"]) expect(Math.abs(share(label) - 0.2)).toBeLessThan(0.015);
    expect(names.map((name) => splitOf(name))).toEqual(sides);
    expect(names.map((name) => splitOf(name, { salt: "other" }))).not.toEqual(sides);
  });

  it("refuses shares that do not add up", () => {
    expect(() => splitOf("x", { ratio: { train: 0.5, validation: 0.2, holdout: 0.2, vault: 0.2 } })).toThrow(
      "add up to 1",
    );
  });
});

describe("assignSplits", () => {
  it("keeps clusters and near-duplicates on one side, whatever else there is", () => {
    const texts = Array.from({ length: 300 }, () => sentence(25));
    const originals = texts.map((text, i) => record(`${i}`, text));
    const copies = texts.map((text, i) => record(`copy ${i}`, `${text.toUpperCase()}!! `));
    const edited = texts.map((text, i) => record(`edit ${i}`, `${text.slice(0, -4)}1234`));
    const all = assignSplits([...originals, ...copies, ...edited]);
    for (let i = 0; i < texts.length; i++) {
      expect(all[300 + i]).toMatchObject({ cluster: `${i}`, split: all[i]?.split });
      expect(all[600 + i]?.cluster).toBe(`${i}`);
    }
    expect(assignSplits(originals)).toEqual(all.slice(0, 300));
  });

  it("leaves different texts apart and a split that is named as it is", () => {
    const all = Array.from({ length: 500 }, (_, i) => record(`${i}`, sentence(12)));
    expect(new Set(clustersOf(all)).size).toBe(500);
    expect(assignSplits([record("1", "a", { split: "vault" })])[0]?.split).toBe("vault");
  });

  it("joins clusters that a near-duplicate links, under the earliest name", () => {
    const text = sentence(20);
    const all = [
      record("1", text, { cluster: "a" }),
      record("2", sentence(20), { cluster: "a" }),
      record("3", `${text}.`, { cluster: "b" }),
      record("4", sentence(20), { cluster: "b" }),
      record("5", sentence(20)),
    ];
    expect(clustersOf(all)).toEqual(["a", "a", "a", "a", "5"]);
  });
});

describe("SeenIds", () => {
  it("knows every id again, however many there are", () => {
    const seen = new SeenIds();
    for (let i = 0; i < 30_000; i++) expect(seen.add(`item ${i}`)).toBe(true);
    for (let i = 0; i < 30_000; i += 7) expect(seen.add(`item ${i}`)).toBe(false);
  });
});
