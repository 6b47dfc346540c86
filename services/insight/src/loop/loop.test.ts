import { describe, expect, it } from "vitest";
import { verifyChain } from "../ledger/chain.ts";
import type { Verdict } from "../ledger/prediction.ts";
import { blockRecommendation, type Process, SimulatedMesh, world } from "../testing/simulated-mesh.ts";

async function tried(mesh: SimulatedMesh, process: Process, id = "p-1") {
  const trial = await process.loop.begin(blockRecommendation(mesh, id), "a person");
  await trial.done;
  const state = process.ledger.loop.predictions.get(id);
  if (state?.outcome === undefined) throw new Error(`${id} was not settled, it is ${state?.phase}`);
  return state.outcome;
}

async function kindsOf(process: Process): Promise<string[]> {
  const kinds: string[] = [];
  for await (const { entry } of process.ledger.records()) kinds.push(entry.kind);
  return kinds;
}

describe("a change that helps", () => {
  it("is promised, tried in blocks, kept for good and settled with what it came to", async () => {
    const mesh = new SimulatedMesh(world({ on: { ttftMs: 70 } }));
    const process = mesh.process();
    const outcome = await tried(mesh, process);
    expect(outcome).toMatchObject({ verdict: "kept", design: "randomised blocks of 20 s, 10 on and 10 off in pairs" });
    expect(outcome.relative).toBeGreaterThan(-0.4);
    expect(outcome.relative).toBeLessThan(-0.2);
    expect(mesh.isOn).toBe(true);
    const kinds = await kindsOf(process);
    expect(kinds.slice(0, 4)).toEqual(["prediction-made", "prediction-made", "change-started", "change-applied"]);
    expect(kinds.slice(-4)).toEqual(["decision-made", "change-applied", "outcome-settled", "outcome-settled"]);
    expect((await process.ledger.verify()).broken).toBeUndefined();
    // What goes with it is measured on the same blocks.
    expect(process.ledger.loop.predictions.get("p-1-hits")?.outcome?.relative).toBeCloseTo(0, 0);
  });

  it("can still be taken back, by a person", async () => {
    const mesh = new SimulatedMesh(world({ on: { ttftMs: 70 } }));
    const process = mesh.process();
    await tried(mesh, process);
    const back = await process.loop.rollback({ id: "p-1", by: "a person", reason: "changed my mind" });
    expect(back).toMatchObject({ settingsVersion: mesh.version });
    expect(mesh.isOn).toBe(false);
    expect(process.ledger.loop.predictions.get("p-1")?.outcome?.verdict).toBe("kept");
    await expect(process.loop.rollback({ id: "p-1", by: "a person", reason: "again" })).rejects.toThrow(
      "nothing of it is in force",
    );
  });
});

describe("a change that harms", () => {
  it("is taken back by a guardrail after few requests met it", async () => {
    const mesh = new SimulatedMesh(world({ on: { failedShare: 0.3 } }));
    const process = mesh.process();
    const outcome = await tried(mesh, process);
    expect(outcome.verdict).toBe("rolled back");
    expect(outcome.reason).toContain("share of requests that failed");
    expect(mesh.isOn).toBe(false);
    const met = Number(/(\d+) requests met the change/.exec(outcome.reason)?.[1]);
    // The whole trial would have shown it to a thousand.
    expect(met).toBeGreaterThan(0);
    expect(met).toBeLessThan(150);
    expect(outcome.reason).toMatch(/every service was back \d+ ms after the decision/);
  });

  it("that only slows the slowest down is found as well", async () => {
    const mesh = new SimulatedMesh(world({ on: { ttftMs: 160 } }));
    const outcome = await tried(mesh, mesh.process());
    expect(outcome).toMatchObject({ verdict: "rolled back" });
    expect(outcome.reason).toContain("TTFT");
    expect(mesh.isOn).toBe(false);
  });
});

it("keeps nothing where nothing was measured", async () => {
  const mesh = new SimulatedMesh(world({ on: { ttftMs: 50 }, requestsPerS: 0 }));
  const outcome = await tried(mesh, mesh.process());
  expect(outcome).toMatchObject({ verdict: "inconclusive", relative: undefined, n: 0 });
  expect(mesh.isOn).toBe(false);
});

it("keeps at most one of a hundred changes that change nothing", async () => {
  const verdicts: Verdict[] = [];
  for (let seed = 1; seed <= 100; seed += 1) {
    const mesh = new SimulatedMesh(world({ seed, requestsPerS: 3 }));
    verdicts.push((await tried(mesh, mesh.process(), `p-${seed}`)).verdict);
  }
  expect(verdicts.filter((verdict) => verdict === "kept").length).toBeLessThanOrEqual(1);
}, 60_000);

it("tries one change at a time", async () => {
  const mesh = new SimulatedMesh(world());
  const process = mesh.process();
  const trial = await process.loop.begin(blockRecommendation(mesh), "a person");
  await expect(process.loop.begin(blockRecommendation(mesh, "p-2"), "another")).rejects.toThrow("one change at a time");
  await trial.done;
  await expect(process.loop.begin(blockRecommendation(mesh, "p-3"), "")).rejects.toThrow("by: needs 1 to 200");
});

it("begins nothing while somebody has paused it", async () => {
  const mesh = new SimulatedMesh(world());
  const process = mesh.process();
  await process.ledger.append({ kind: "human-action", who: "ada", action: "pause", reason: "launch day" });
  await expect(process.loop.begin(blockRecommendation(mesh), "a person")).rejects.toThrow("paused by ada");
  expect(process.ledger.loop.predictions.size).toBe(0);
});

it("leaves nothing half done, wherever insight is killed, and its chain still holds", async () => {
  const whole = new SimulatedMesh(world({ on: { ttftMs: 70 } }));
  await tried(whole, whole.process());
  const { calls } = whole;
  const points = Math.min(calls, 60);
  const verdicts: (Verdict | undefined)[] = [];
  for (let point = 1; point <= points; point += 1) {
    const mesh = new SimulatedMesh(world({ on: { ttftMs: 70 } }));
    mesh.dieAt = Math.ceil((point * calls) / points);
    const first = mesh.process();
    const begun = first.loop.begin(blockRecommendation(mesh), "a person").then((trial) => trial.done);
    await Promise.race([first.dead.promise, begun]);
    mesh.pass(30_000);
    const second = mesh.process();
    await second.loop.idle();
    const { predictions } = await second.ledger.refresh();
    const state = predictions.get("p-1");
    verdicts.push(state?.outcome?.verdict);
    // In force where it was kept, and nowhere else; nothing is left open.
    expect({ point, isOn: mesh.isOn }).toEqual({ point, isOn: state?.outcome?.verdict === "kept" });
    for (const each of predictions.values()) expect(each.phase).toBe("settled");
    expect(await verifyChain(mesh.log.read(0))).toMatchObject({ broken: undefined });
  }
  expect(new Set(verdicts)).toContain("kept");
}, 60_000);
