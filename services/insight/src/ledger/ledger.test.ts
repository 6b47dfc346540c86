import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fixedClock, START_MS } from "../testing/events.ts";
import { MemoryLog } from "../testing/memory-log.ts";
import { keptHistory, outcomeOf, predictionOf } from "../testing/predictions.ts";
import { Ledger } from "./ledger.ts";
import { Mirror } from "./mirror.ts";
import { decodeRecord, encodeRecord, type LedgerEntry, seal } from "./record.ts";

let folder: string;
let file: string;
let warnings: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "chimera-ledger-"));
  file = join(folder, "ledger.jsonl");
  warnings = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function ledgerOn(log: MemoryLog, options: { mirrored?: boolean; announce?: () => void } = {}): Ledger {
  const { mirrored = false, announce } = options;
  return new Ledger({
    log,
    ...(mirrored && { mirror: new Mirror(file) }),
    ...(announce && { announce }),
    clock: fixedClock(START_MS),
    logger: { warn: (_, message) => void warnings.push(message) },
  });
}

const made = (id: string): LedgerEntry => ({ kind: "prediction-made", prediction: predictionOf(id) });
const texts = (log: MemoryLog) => log.payloads.map((payload) => Buffer.from(payload).toString("utf8"));
const lines = async () => (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");

async function filled(log: MemoryLog, options = {}): Promise<Ledger> {
  const ledger = ledgerOn(log, options);
  for (const entry of keptHistory("p1")) await ledger.append(entry);
  return ledger;
}

describe("append", () => {
  it("ties each record to the one before, and a reader of the stream finds all of it whole", async () => {
    const log = new MemoryLog();
    const ledger = await filled(log);
    expect(await ledger.verify()).toEqual({ records: 10, hash: ledger.head.hash, broken: undefined });
    expect(ledger.loop.predictions.get("p1")).toMatchObject({ phase: "settled", next: "nothing" });
  });

  it("lets no change begin whose prediction is not in the ledger, and stores nothing of it", async () => {
    const log = new MemoryLog();
    const change: LedgerEntry = { kind: "change-started", predictionId: "p1", change: 1, undo: 0 };
    await expect(ledgerOn(log).append(change)).rejects.toThrow("there is no prediction p1 in the ledger");
    expect(log.payloads).toEqual([]);
    const other = ledgerOn(log);
    await other.append(made("p1"));
    await expect(other.append(change)).resolves.toMatchObject({ sequence: 2 });
  });

  it("does not fork where two insights write at once: one chain with all records", async () => {
    const log = new MemoryLog();
    const [first, second] = [ledgerOn(log), ledgerOn(log)];
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? first : second).append(made(`p${index}`))),
    );
    const verified = await first.verify();
    expect(verified).toMatchObject({ records: 20, broken: undefined });
    expect((await second.refresh()).predictions.size).toBe(20);
    // Both want the same change, and only one gets it.
    const change: LedgerEntry = { kind: "change-started", predictionId: "p3", change: 1, undo: 0 };
    const both = await Promise.allSettled([first.append(change), second.append(change)]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it("stores once what was stored although the answer was lost, and says so where NATS is away", async () => {
    const log = new MemoryLog();
    const told: number[] = [];
    const ledger = ledgerOn(log, { announce: () => told.push(log.payloads.length) });
    log.losesAnswer = true;
    await expect(ledger.append(made("p1"))).resolves.toMatchObject({ sequence: 1 });
    expect(log.payloads.length).toBe(1);
    log.isAway = true;
    await expect(ledger.append(made("p2"))).rejects.toThrow("away");
    log.isAway = false;
    await ledger.append(made("p2"));
    expect(told).toEqual([1, 2]);
  });

  it("tells after a restart of what its predecessor may have died before telling, and not of what is old", async () => {
    const log = new MemoryLog();
    await filled(log);
    const told: number[] = [];
    const successor = (nowMs: number) =>
      new Ledger({
        log,
        clock: fixedClock(nowMs),
        logger: { warn: () => undefined },
        announce: ({ sequence }) => told.push(sequence),
      });
    await successor(START_MS + 3_600_000).refresh();
    expect(told).toEqual([]);
    await successor(START_MS + 60_000).refresh();
    expect(told.length).toBe(10);
  });

  it("goes on after a restart where it was", async () => {
    const log = new MemoryLog();
    for (const entry of keptHistory("p1").slice(0, 4)) await ledgerOn(log).append(entry);
    const state = (await ledgerOn(log).refresh()).predictions.get("p1");
    expect(state).toMatchObject({ phase: "verifying", next: "verify", mustUndo: true, open: { block: 0, arm: "on" } });
    expect(state?.change?.undo).toEqual({ slots: 4 });
  });

  it("refuses a number that is none", async () => {
    const log = new MemoryLog();
    const broken = predictionOf("p1", { baseline: { value: Number.NaN, n: 1, window: { fromMs: 0, toMs: 1 } } });
    await expect(ledgerOn(log).append({ kind: "prediction-made", prediction: broken })).rejects.toThrow("canonical");
    expect(log.payloads).toEqual([]);
  });
});

describe("verify", () => {
  const tamperings: [string, (texts: string[]) => string[], sequence: number][] = [
    ["an edited record", (all) => all.map((text, at) => (at === 6 ? text.replace('"n":400', '"n":401') : text)), 7],
    ["a record that is gone", (all) => all.filter((_, at) => at !== 4), 5],
    ["two that changed places", ([a = "", b = "", ...rest]) => [b, a, ...rest], 1],
    ["what is no record", (all) => [...all.slice(0, 3), "{}", ...all.slice(4)], 4],
  ];
  it.each(tamperings)("finds %s, and nothing is added from then on", async (_, tamper, sequence) => {
    const log = new MemoryLog();
    await filled(log);
    log.payloads = tamper(texts(log)).map((text) => Buffer.from(text));
    const ledger = ledgerOn(log);
    expect((await ledger.verify()).broken?.sequence).toBe(sequence);
    await expect(ledger.append(made("p2"))).rejects.toThrow(`broken at record ${sequence}`);
  });

  it("finds a record sealed anew: its hash is right, but the next one names another", async () => {
    const log = new MemoryLog();
    await filled(log);
    const [first, ...rest] = texts(log);
    const { entry, atMs } = decodeRecord(first ?? "");
    const forged = seal(entry, { sequence: 0, hash: "0".repeat(64) }, atMs + 1);
    log.payloads = [encodeRecord(forged), ...rest].map((text) => Buffer.from(text));
    expect((await ledgerOn(log).verify()).broken).toMatchObject({ sequence: 2 });
  });

  it("finds an outcome that was written in where none was due", async () => {
    const log = new MemoryLog();
    const ledger = ledgerOn(log);
    await ledger.append(made("p1"));
    const forged = seal({ kind: "outcome-settled", outcome: outcomeOf("p1", "kept") }, ledger.head, START_MS);
    log.payloads.push(Buffer.from(encodeRecord(forged)));
    expect((await ledger.verify()).broken?.reason).toContain("can not be settled yet");
  });
});

describe("the file", () => {
  it("holds what the stream holds, line for line, also what another insight added", async () => {
    const log = new MemoryLog();
    await ledgerOn(log).append(made("p0"));
    const ledger = ledgerOn(log, { mirrored: true });
    await ledger.append(made("p1"));
    await ledgerOn(log).append(made("p2"));
    await ledger.append(made("p3"));
    expect(await lines()).toEqual(texts(log));
    expect((await ledger.verify()).broken).toBeUndefined();
  });

  it("mends a line that a crash left unfinished", async () => {
    const log = new MemoryLog();
    await filled(log, { mirrored: true });
    const whole = await readFile(file, "utf8");
    await writeFile(file, whole.slice(0, -40));
    await ledgerOn(log, { mirrored: true }).append(made("p2"));
    expect(await lines()).toEqual(texts(log));
  });

  it("gives back to a stream that was lost what it holds, and the chain goes on", async () => {
    const log = new MemoryLog();
    const ledger = await filled(log, { mirrored: true });
    const before = texts(log);
    log.payloads = [];
    await ledger.append(made("p2"));
    expect(texts(log).slice(0, 10)).toEqual(before);
    expect((await ledger.verify()).records).toBe(11);
    log.payloads = log.payloads.slice(0, 5);
    await ledgerOn(log, { mirrored: true }).refresh();
    expect((await ledgerOn(log).verify()).records).toBe(11);
  });

  it("is not mixed with a stream that tells another story", async () => {
    const log = new MemoryLog();
    await filled(log, { mirrored: true });
    const kept = await lines();
    const other = new MemoryLog();
    for (const id of ["q1", "q2", "q3"]) await ledgerOn(other).append(made(id));
    const ledger = ledgerOn(other, { mirrored: true });
    await expect(ledger.append(made("q4"))).rejects.toThrow("different records");
    const longer = new MemoryLog();
    for (let index = 0; index < 12; index += 1) await ledgerOn(longer).append(made(`q${index}`));
    await expect(ledgerOn(longer, { mirrored: true }).append(made("x"))).rejects.toThrow("different records");
    expect(await lines()).toEqual(kept);
  });

  it("does not hold up the ledger where it can not be written", async () => {
    const log = new MemoryLog();
    const ledger = ledgerOn(log, { mirrored: true });
    await ledger.append(made("p1"));
    await rm(file);
    await writeFile(join(folder, "plain"), "");
    const blocked = new Ledger({
      log,
      mirror: new Mirror(join(folder, "plain", "ledger.jsonl")),
      clock: fixedClock(START_MS),
      logger: { warn: (_, message) => void warnings.push(message) },
    });
    await expect(blocked.append(made("p2"))).resolves.toMatchObject({ sequence: 2 });
    expect(warnings.length).toBeGreaterThan(0);
  });

  it("loses records without a file, and says so instead of beginning anew", async () => {
    const log = new MemoryLog();
    const ledger = await filled(log);
    log.payloads = [];
    await expect(ledger.append(made("p2"))).rejects.toThrow("broken");
  });
});
