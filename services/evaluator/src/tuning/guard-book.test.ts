import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FailedPreconditionError, seededRandom } from "@chimera/kernel";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Outcome } from "../run/outcome.ts";
import { itemsOf, LABELS, resultOf } from "../testing/runs.ts";
import { bringToGuard, type Case, type GateOptions } from "./gate.ts";
import { GuardBook } from "./guard-book.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "guard-book-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const items = itemsOf(300);
/** Every nth answer is wrong. */
function rows(wrong: number) {
  const outcome = new Outcome();
  for (const at of items.keys()) outcome.add(resultOf(at), { pair: at, correct: at % wrong !== 0 });
  return outcome.rows();
}
const better = async () => ({ baseline: rows(2), candidate: rows(10) });
const fresh = Array.from({ length: 100 }, (_, at) => (at % 10 === 0 ? 0 : 1));
const found: Case = { shots: [], items: [{ id: "a", text: "a b c d" }], smallChanges: [], gainsBySeed: [], fresh };

const options = (over: Partial<GateOptions> = {}): GateOptions => ({
  book: new GuardBook(folder),
  holdout: { name: { dataset: "tickets", split: "holdout" }, items, hash: "h" },
  looks: 2,
  scoring: { classes: LABELS, scorers: ["classification"] },
  random: seededRandom(1),
  ...over,
});

describe("the gate and its book", () => {
  it("takes down a look for good, accepts what is better, and refuses when the looks are spent", async () => {
    const first = await bringToGuard(options(), found, better);
    expect(first.judgement.verdict).toBe("accepted");
    expect(first.judgement.gain?.low).toBeGreaterThan(0.2);
    // Another process, so to speak.
    await bringToGuard(options(), found, better);
    let asked = 0;
    const third = await bringToGuard(options(), found, async () => {
      asked += 1;
      return better();
    });
    expect(third.judgement.reasons[0]?.text).toBe("all 2 looks at this holdout are spent");
    expect(asked).toBe(0);
    const page = await new GuardBook(folder).read("tickets");
    expect(page.runs).toHaveLength(2);
    expect(page.signs.map(({ name }) => name)).toContain("gap validation - holdout");
    expect(page.signs.find(({ name }) => name === "answer length")?.state).toBe("ok");
  });

  it("spends no look on what shows the answers", async () => {
    const leaked = { ...found, shots: [{ id: "shot", text: "a b c d" }] };
    const { judgement, sides } = await bringToGuard(options(), leaked, better);
    expect(judgement.reasons.map(({ code }) => code)).toEqual(["leaked-shots"]);
    expect(sides).toBeUndefined();
    expect(await new GuardBook(folder).read("tickets")).toMatchObject({ meter: { looks: 0 }, runs: [] });
  });

  it("gives other items their own looks, and counts those of two runs at a time", async () => {
    const both = options();
    await Promise.all([bringToGuard(both, found, better), bringToGuard(both, found, better)]);
    expect(await both.book.read("tickets")).toMatchObject({ meter: { looks: 2 }, runs: { length: 2 } });
    const other = options({ holdout: { ...options().holdout, hash: "fresh items" } });
    expect((await bringToGuard(other, found, better)).judgement.verdict).toBe("accepted");
  });

  it("does not start anew over a file it can not read", async () => {
    await writeFile(join(folder, "tickets.json"), "{");
    await expect(bringToGuard(options(), found, better)).rejects.toThrow(FailedPreconditionError);
  });
});
