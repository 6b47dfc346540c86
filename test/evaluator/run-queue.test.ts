// The shared queue of evaluation runs against a real NATS server: two evaluators' sides of it, in one process.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openWorkQueue } from "@chimera/events";
import { findNatsServer, freePorts, meshPaths, type NatsServer, startNats } from "@chimera/supervisor";
import { until } from "@chimera/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BatchTask, Claim, RunIntent } from "../../services/evaluator/src/queue/queue.ts";
import { SharedRunQueue } from "../../services/evaluator/src/queue/shared-queue.ts";
import { planOf, resultOf } from "../../services/evaluator/src/testing/runs.ts";

const logger = { info: () => undefined, warn: () => undefined };
const plan = planOf();
const intent: RunIntent = plan.intent("evaluator");

let folder: string;
let nats: NatsServer;
const open: SharedRunQueue[] = [];
/** What reached either evaluator, in order. */
const reached: { at: string; task: BatchTask }[] = [];
let answer: (task: BatchTask) => Promise<void> = async () => undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chimera-runs-"));
  const [port = 0] = await freePorts(1);
  const found = await findNatsServer({ env: { PATH: process.env.PATH }, installDir: meshPaths().natsInstall });
  if (found.kind !== "program") throw new Error("no nats-server program");
  nats = await startNats({ program: found.path, dataDir: folder, logDir: folder, port, env: {} });
  for (const at of ["one", "two"]) {
    const work = openWorkQueue({ url: `nats://127.0.0.1:${port}`, name: at, work: "EVALUATION", logger });
    const handle = (task: BatchTask) => {
      reached.push({ at, task });
      return answer(task);
    };
    open.push(new SharedRunQueue({ work, handle, lanes: 4, logger }));
  }
});
afterAll(async () => {
  for (const each of open) await each.close();
  await nats.stop();
  await rm(folder, { recursive: true, force: true });
});

const claim = (at: 0 | 1, run: string, over: Partial<RunIntent> = {}): Promise<Claim> => {
  const queue = open[at];
  if (queue === undefined) throw new Error("not open");
  return queue.claim(run, { ...intent, ...over });
};
const tasksOf = (run: string) => reached.filter(({ task }) => task.batch.run === run);

async function resultsUntilCaughtUp(of: Claim): Promise<number[]> {
  const units: number[] = [];
  for await (const event of of.results(new AbortController().signal)) {
    if (event.kind === "caught-up") break;
    units.push(event.result.unit);
  }
  return units;
}

it("gives batches to both evaluators and keeps a result once, however often it is stored", async () => {
  answer = async ({ batch, store }) => {
    for (const { unit } of [...batch.units, ...batch.units]) await store(resultOf(unit));
  };
  const run = await claim(0, "shared");
  for (let unit = 0; unit < 30; unit++) await run.enqueue([plan.unit(unit)]);
  await until("no batch left", async () => (await run.queued()) === 0);
  expect(new Set(tasksOf("shared").map(({ at }) => at)).size).toBe(2);
  const units = await resultsUntilCaughtUp(run);
  expect(units.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  await run.end("done");
});

it("tells the next coordinator what is there, at whichever evaluator", async () => {
  const again = await claim(1, "shared");
  expect(again.epoch).toBe(2);
  expect((await resultsUntilCaughtUp(again)).length).toBe(30);
  await again.end("done");
});

it("refuses another run under the same id", async () => {
  await expect(claim(0, "shared", { fingerprint: "other" })).rejects.toThrow("exists with other settings");
});

it("stops what is worked on everywhere when the run ends, and gives it to nobody again", async () => {
  answer = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const run = await claim(0, "stopped");
  for (let unit = 0; unit < 6; unit++) await run.enqueue([plan.unit(unit)]);
  await until("all batches under way", () => tasksOf("stopped").length === 6);
  await run.end("stopped");
  await until("all batches left", () => tasksOf("stopped").every(({ task }) => task.signal.aborted));
  expect(await run.queued()).toBe(0);
  expect(tasksOf("stopped").length).toBe(6);
});

it("tells a coordinator that another one has its run, and drops the batches of the first", async () => {
  const first = await claim(0, "taken");
  await first.enqueue([plan.unit(0)]);
  await until("the batch under way", () => tasksOf("taken").length === 1);
  const second = await claim(1, "taken", { coordinator: "evaluator-2" });
  await until("the first to know", () => first.lost.aborted);
  expect(String(first.lost.reason)).toContain("goes on at evaluator-2");
  await until("the batch left", () => tasksOf("taken").every(({ task }) => task.signal.aborted));
  await first.end("stopped");
  answer = async ({ batch, store }) => {
    for (const { unit } of batch.units) await store(resultOf(unit));
  };
  await second.enqueue([plan.unit(1)]);
  await until("the second one's batch done", async () => (await second.queued()) === 0);
  expect(await resultsUntilCaughtUp(second)).toEqual([1]);
  await second.end("done");
});

it("hands a batch whose worker failed to a worker again", async () => {
  answer = async ({ deliveries, batch, store }) => {
    if (deliveries === 1) throw new Error("worker ended");
    for (const { unit } of batch.units) await store(resultOf(unit));
  };
  const run = await claim(0, "again");
  await run.enqueue([plan.unit(0), plan.unit(1)]);
  await until("the batch done", async () => (await run.queued()) === 0);
  expect(tasksOf("again").map(({ task }) => task.deliveries)).toEqual([1, 2]);
  expect((await resultsUntilCaughtUp(run)).length).toBe(2);
});
