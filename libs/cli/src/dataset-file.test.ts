import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { datasetsFolder } from "@chimera/supervisor";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { datasetOf } from "./dataset-file.ts";
import { type TestSurroundings, testSurroundings } from "./testing/surroundings.ts";

let surroundings: TestSurroundings;
beforeEach(() => {
  surroundings = testSurroundings();
});
afterEach(() => surroundings.remove());

const put = (name: string, text = "id,input,target\n") => writeFileSync(join(surroundings.cwd, name), text);
const copyOf = (name: string) => join(datasetsFolder(surroundings.paths.data), name);

describe("datasetOf", () => {
  it("takes a word for a name", () => {
    expect(datasetOf("tickets", { surroundings })).toBe("tickets");
  });

  it("copies a file to where the evaluator looks, under a name it takes, in place of an earlier one", () => {
    put("My Tests.csv", "first");
    expect(datasetOf("My Tests.csv", { surroundings })).toBe("my-tests");
    put("my-tests.jsonl", "second");
    expect(datasetOf("./my-tests.jsonl", { surroundings })).toBe("my-tests");
    expect(existsSync(copyOf("my-tests.csv"))).toBe(false);
    expect(readFileSync(copyOf("my-tests.jsonl"), "utf8")).toBe("second");
  });

  it("leaves a file alone that is there already", () => {
    mkdirSync(datasetsFolder(surroundings.paths.data), { recursive: true });
    writeFileSync(copyOf("mine.csv"), "text");
    expect(datasetOf(copyOf("mine.csv"), { surroundings })).toBe("mine");
    expect(readFileSync(copyOf("mine.csv"), "utf8")).toBe("text");
  });

  it("copies to the folder that the environment names", () => {
    const folder = join(surroundings.cwd, "sets");
    put("a.yaml");
    datasetOf("a.yaml", { surroundings: { ...surroundings, env: { EVALUATOR_DATASETS_DIR: folder } } });
    expect(existsSync(join(folder, "a.yaml"))).toBe(true);
  });

  it.each([
    ["none.csv", undefined, "There is no file"],
    ["text.txt", undefined, "ends in .jsonl, .csv"],
    ["tickets.csv", undefined, "call it something else"],
    ["a.csv", "http://127.0.0.1:1", "EVALUATOR_DATASETS_DIR of the other one"],
  ])("refuses %s at %s", (name, url, message) => {
    if (!name.startsWith("none")) put(name);
    expect(() => datasetOf(name, { url, surroundings })).toThrow(message);
  });
});
