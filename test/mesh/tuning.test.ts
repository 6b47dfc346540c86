// A tuning run on the real model: it finds that solved tickets help, survives being broken off, and asks the guard once.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TuneResponse, TuneResult } from "@chimera/contracts/evaluator";
import { startTestMesh, type TestMesh } from "@chimera/testkit";
import { jargonWordsIn, loadTickets } from "@chimera/tickets";
import { afterAll, beforeAll, expect, it } from "vitest";

const REQUEST = {
  dataset: "desk",
  trials: 4,
  itemsPerTrial: 24,
  concurrency: 8,
  parameters: ["shots"],
  seed: 2n,
  runId: "desk-1",
};

let test: TestMesh;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chimera-tuning-"));
  await Promise.all((["history", "validation", "holdout"] as const).map(part));
  const env = { EVALUATOR_DATASETS_DIR: folder, EVALUATOR_HOLDOUT_LOOKS: "1" };
  test = await startTestMesh({ serviceEnv: { evaluator: env } });
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** The tickets with words that only their tenant uses: without its history before them hardly one can be answered. */
async function part(split: "history" | "validation" | "holdout"): Promise<void> {
  const tickets = (await loadTickets(split)).filter(
    ({ input }) => split === "history" || jargonWordsIn(input).length > 0,
  );
  // A look asks every item twice, with and without the change.
  if (split === "holdout") tickets.splice(100);
  const name = split === "history" ? "train" : split;
  await writeFile(join(folder, `desk.${name}.jsonl`), tickets.map((ticket) => JSON.stringify(ticket)).join("\n"));
}

interface Tuned {
  result: TuneResult | undefined;
  trials: number[];
}

async function tune(runId: string, onEvent: (event: TuneResponse["event"]) => void = () => {}, signal?: AbortSignal) {
  const tuned: Tuned = { result: undefined, trials: [] };
  for await (const { event } of test.evaluator.tune({ ...REQUEST, runId }, signal ? { signal } : {})) {
    if (event.case === "trial") tuned.trials.push(event.value.number);
    if (event.case === "result") tuned.result = event.value;
    onEvent(event);
  }
  return tuned;
}

it("stops when its caller leaves", async () => {
  const leave = new AbortController();
  const broken = tune(
    "desk-1",
    (event) => event.case === "trial" && event.value.number === 1 && leave.abort(),
    leave.signal,
  );
  await expect(broken).rejects.toThrow();
  for await (const { inFlight } of test.router.watchStats({})) if (inFlight === 0) break;
  expect(await test.evaluator.guardStatus({ dataset: "desk" })).toMatchObject({ looksAllowed: 1, looksUsed: 0 });
});

it("goes on where it was, and proposes solved tickets with what they promise", async () => {
  const { result, trials } = await tune("desk-1");
  expect(trials).toEqual([0, 1, 2, 3]);
  const proposal = result?.proposal;
  expect(proposal?.from?.prompt?.shots).toBe(0);
  expect(proposal?.to?.prompt?.shots).toBeGreaterThan(0);
  expect(proposal?.holdout?.value).toBeGreaterThan(0.8);
  expect(proposal?.gain?.low).toBeGreaterThan(0);
  expect(proposal?.tokensRatio).toBeGreaterThan(1);
  expect(proposal?.isAccepted).toBe(true);
  const { looksUsed, signs } = await test.evaluator.guardStatus({ dataset: "desk" });
  expect(looksUsed).toBe(1);
  const states = Object.fromEntries(signs.map(({ name, state }) => [name, state]));
  expect(states).toMatchObject({ "shots among the evaluation items": "ok", "judge against people": "no data" });
});

it("tells an ended run again without another look", async () => {
  const { result, trials } = await tune("desk-1");
  expect(trials).toEqual([]);
  expect(result?.proposal?.isAccepted).toBe(true);
});

it("refuses what comes when the looks are spent", async () => {
  const { result } = await tune("desk-2");
  expect(result?.proposal).toMatchObject({ isAccepted: false });
  expect(result?.proposal?.reasons[0]).toMatch(/all 1 looks at this holdout are spent/);
  expect(result?.proposal?.holdout).toBeUndefined();
});
