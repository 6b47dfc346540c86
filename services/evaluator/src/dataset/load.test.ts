import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { splitName } from "./catalogue.ts";
import { DataSets } from "./data-sets.ts";
import { loadItems } from "./load.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluator-dataset-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileWith(...lines: string[]): Promise<string> {
  const file = join(folder, "set.holdout.jsonl");
  await writeFile(file, lines.join("\n"));
  return file;
}

const row = (id: string, more: object = {}) =>
  JSON.stringify({ id, input: `text ${id}`, target: "label=yes", ...more });

describe("loadItems", () => {
  it("reads items, fills in the tenant and lets other fields and blank lines be", async () => {
    const { items } = await loadItems(await fileWith(row("1", { note: 5 }), "", row("2", { tenant: "aster" }), ""), 0);
    expect(items.map(({ id, tenant }) => `${id} ${tenant}`).sort()).toEqual(["1 default", "2 aster"]);
  });

  it.each([
    [row("1").slice(0, -1), "line 2: not a JSON object"],
    [row("2", { target: undefined }), /line 2: target: .*expected string/],
    [row("2", { input: "" }), /line 2: input: /],
    ["[]", /line 2: the row: .*expected object/],
    [row("1"), 'line 2: id: "1" is already in line 1'],
  ])("names file, line and field of a bad row: %s", async (bad, problem) => {
    const loading = loadItems(await fileWith(row("1"), bad), 0);
    await expect(loading).rejects.toThrow(problem);
    await expect(loading).rejects.toThrow(join(folder, "set.holdout.jsonl"));
  });

  it("limits to the same items whatever the order of the file, and says so by the hash", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => row(`${i}`));
    const first = await loadItems(await fileWith(...rows), 10);
    const turned = await loadItems(await fileWith(...rows.toReversed()), 10);
    expect(turned).toEqual(first);
    expect(first.items.length).toBe(10);
    const all = await loadItems(await fileWith(...rows), 0);
    expect(all.items.slice(0, 10)).toEqual(first.items);
    expect(all.hash).not.toBe(first.hash);
  });

  it("changes the hash when a target changes", async () => {
    const before = await loadItems(await fileWith(row("1"), row("2")), 0);
    const after = await loadItems(await fileWith(row("1"), row("2", { target: "label=no" })), 0);
    expect(after.hash).not.toBe(before.hash);
  });

  it("refuses a file without items and one that is not there", async () => {
    await expect(loadItems(await fileWith(""), 0)).rejects.toMatchObject({ kind: "failed-precondition" });
    await expect(loadItems(join(folder, "none.jsonl"), 0)).rejects.toMatchObject({ kind: "not-found" });
  });

  it("reads the tickets that ship with the mesh", async () => {
    const { items } = await new DataSets(undefined).load(splitName("", ""));
    expect(items.length).toBeGreaterThanOrEqual(600);
  });
});

describe("splitName", () => {
  it("take the holdout of the tickets where nothing is named", () => {
    expect(splitName("", "")).toEqual({ dataset: "tickets", split: "holdout" });
  });

  it("refuse names that could leave the folder, and unknown splits, all at once", () => {
    expect(() => splitName("../etc/passwd", "test")).toThrow(/dataset: .*split: one of train, validation, holdout/);
  });
});
