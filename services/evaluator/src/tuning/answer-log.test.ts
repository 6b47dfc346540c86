import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AnswerLog } from "./answer-log.ts";

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), "answer-log-")), "log");
});
afterEach(() => rm(join(path, ".."), { recursive: true, force: true }));

it("is read again, past a line that was cut off, whatever the order of the parameters", async () => {
  const log = await AnswerLog.open(path);
  await log.add({ a: 1, b: 2 }, [{ itemId: "i1", predicted: "bug", score: 1 }]);
  await appendFile(path, '\n{"key":"[[\\"a\\"');
  const again = await AnswerLog.open(path);
  await again.add({ a: 1, b: 2 }, [{ itemId: "i2", predicted: "", score: 0 }]);
  const third = await AnswerLog.open(path);
  expect(third.find({ b: 2, a: 1 }, "i1")).toEqual({ predicted: "bug", score: 1 });
  expect(third.find({ a: 1, b: 2 }, "i2")).toEqual({ predicted: "", score: 0 });
  expect(third.find({ a: 2, b: 2 }, "i1")).toBeUndefined();
});
