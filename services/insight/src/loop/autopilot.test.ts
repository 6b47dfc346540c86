import { beforeEach, describe, expect, it } from "vitest";
import { offerId } from "../observe/offers.ts";
import { blockRecommendation, type Process, SimulatedMesh, world } from "../testing/simulated-mesh.ts";
import { look, type Mode } from "./autopilot.ts";

const COOL_DOWN_MS = 600_000;

let mesh: SimulatedMesh;
let process: Process;
beforeEach(() => {
  mesh = new SimulatedMesh(world({ on: { failedShare: 0.3 } }));
  process = mesh.process();
});

async function looks(mode: Mode): Promise<void> {
  await look({
    ...{ mode, coolDownMs: COOL_DOWN_MS, clock: mesh },
    loop: process.loop,
    ledger: process.ledger,
    recommend: async () => [blockRecommendation(mesh, `p-${mesh.nowMs()}`)],
    sleep: async () => undefined,
    logger: { warn: () => undefined },
  });
}

const states = () => [...process.ledger.loop.predictions.values()].filter(({ companionOf }) => !companionOf);

async function untilIdle(): Promise<void> {
  while (process.loop.trying !== undefined) await new Promise((resolve) => setImmediate(resolve));
}

describe("auto", () => {
  it("applies the best by itself, and takes back what harms", async () => {
    await looks("auto");
    await untilIdle();
    const [state] = states();
    expect(state?.outcome).toMatchObject({ verdict: "rolled back" });
    expect(mesh.isOn).toBe(false);
  });

  it("rests between two changes", async () => {
    await looks("auto");
    await untilIdle();
    await looks("auto");
    expect(states()).toHaveLength(1);
    mesh.pass(COOL_DOWN_MS);
    await looks("auto");
    await untilIdle();
    expect(states()).toHaveLength(2);
  });

  it("does nothing while somebody has paused the loop", async () => {
    await process.ledger.append({ kind: "human-action", who: "a person", action: "pause", reason: "launch day" });
    await looks("auto");
    expect(states()).toHaveLength(0);
  });
});

describe("approve", () => {
  it("proposes and changes nothing before a person applies it", async () => {
    await looks("approve");
    const [proposed] = states();
    expect(proposed).toMatchObject({ phase: "proposed" });
    const recommendation = blockRecommendation(mesh, proposed?.prediction.id);
    await looks("approve");
    expect(states()).toHaveLength(1);
    expect(mesh.version).toBe(0);
    const trial = await process.loop.begin(recommendation, "a person");
    await trial.done;
    expect(process.ledger.loop.predictions.get(offerId(recommendation))).toMatchObject({
      approvedBy: "a person",
      outcome: { verdict: "rolled back" },
    });
  });

  it("withdraws what nobody approved in time", async () => {
    await looks("approve");
    mesh.pass(11 * 60_000);
    await looks("approve");
    expect(states()[0]?.outcome).toMatchObject({ verdict: "inconclusive", relative: undefined });
    expect(mesh.version).toBe(0);
  });
});
