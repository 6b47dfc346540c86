import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Reloading, reloading } from "./index.ts";

let folder: string;
let made: Reloading<number[]> | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chimera-reloading-"));
});
afterEach(() => {
  made?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Whole at once: a reader never finds half of it. */
function put(name: string, contents: string): string {
  const file = join(folder, name);
  writeFileSync(`${file}.new`, contents);
  renameSync(`${file}.new`, file);
  return file;
}

function open(files: string[]) {
  const errors: string[] = [];
  const reloaded = reloading({
    what: "the numbers",
    files,
    parse: (contents) => contents.map((each) => Number(JSON.parse(each.toString()))),
    logger: { info: () => undefined, error: (_details, message) => void errors.push(message) },
    pollMs: 5,
  });
  made = reloaded;
  return { reloaded, errors };
}

it("follows files that are replaced, also by a swapped symlink, and keeps the last good contents over bad ones", async () => {
  const plain = put("plain", "1");
  put("first", "10");
  put("second", "20");
  const link = join(folder, "link");
  symlinkSync("first", link);
  const { reloaded, errors } = open([plain, link]);
  const becomes = (expected: number[]) => vi.waitFor(() => expect(reloaded.current).toEqual(expected), 10_000);
  const heard: number[][] = [];
  reloaded.onChange((now) => void heard.push(now));
  expect(reloaded.current).toEqual([1, 10]);

  put("plain", "2");
  await becomes([2, 10]);
  symlinkSync("second", `${link}.new`);
  renameSync(`${link}.new`, link);
  await becomes([2, 20]);
  expect(heard).toEqual([
    [2, 10],
    [2, 20],
  ]);

  put("plain", "no number");
  await vi.waitFor(() => expect(errors[0]).toMatch(/the numbers .* stays in use/), 10_000);
  rmSync(plain);
  await vi.waitFor(() => expect(errors).toHaveLength(2), 10_000);
  expect(reloaded.current).toEqual([2, 20]);
  put("plain", "3");
  await becomes([3, 20]);
});

it("does not start with a file that is missing or wrong", () => {
  expect(() => open([join(folder, "nowhere")])).toThrow(/nowhere/);
  expect(() => open([put("wrong", "no number")])).toThrow();
});
