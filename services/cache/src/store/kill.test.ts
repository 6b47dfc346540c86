import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { seededRandom } from "@chimera/kernel";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { numberedRow } from "../test-data.ts";
import { openStore } from "./open-store.ts";

const KILLS = 4;
const WRITER = fileURLToPath(new URL("./kill-writer.ts", import.meta.url));

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "chimera-cache-"));
  path = join(folder, "a.db");
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs a writer until it has reported `reports` times, then kills it. Returns the last number it reported as written. */
async function writeAndKill(first: number, reports: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, path, String(first)], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  let last = -1;
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    seen += 1;
    if (seen === reports) child.kill("SIGKILL");
  }
  const [, signal] = await exited;
  expect(signal).toBe("SIGKILL");
  return last;
}

/** Numbers of all rows, every one of them read and compared byte for byte. */
async function readAll(): Promise<Set<number>> {
  const store = await openStore(`sqlite://${path}`, (error) => {
    throw error;
  });
  const found = new Set<number>();
  for await (const facts of store.keys()) {
    const number = Number(facts.key.slice(2));
    const { body, ...expected } = numberedRow(number);
    expect(facts).toEqual(expected);
    expect(Buffer.compare((await store.get(facts.key)) ?? Buffer.from("?"), body), facts.key).toBe(0);
    found.add(number);
  }
  await store.close();
  return found;
}

/** Written and not deleted again: every seventh write deletes the third before it. */
function isExpected(number: number): boolean {
  return (number + 3) % 7 !== 0;
}

describe("a store whose process is killed while it writes", () => {
  it(
    `opens clean ${KILLS} times, has all that was reported as written and nothing that is cut`,
    async () => {
      const random = seededRandom(5);
      let first = 0;
      const written: number[] = [];
      for (let kill = 0; kill < KILLS; kill += 1) {
        const last = await writeAndKill(first, 1 + Math.floor(random() * 8));
        for (let number = first; number <= last; number += 1) if (isExpected(number)) written.push(number);
        const found = await readAll();
        expect(written.filter((number) => !found.has(number))).toEqual([]);
        first = Math.max(...found) + 1;
        first += 10 - (first % 7);
      }
      const db = new DatabaseSync(path, { readOnly: true });
      expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
      db.close();
      expect(written.length).toBeGreaterThan(100);
    },
    KILLS * 30_000,
  );
});
