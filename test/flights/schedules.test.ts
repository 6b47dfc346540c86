// Callers that come and leave in any order, at one router and at several, while the answer is made: a thousand seeded schedules.
import { type Random, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { type Caller, type FakeMesh, type FakeRouter, fakeMesh } from "./fake-routers.ts";

/** By number of routers: a thousand in all, with those in which one dies. */
const CHANCE = { 1: 150, 2: 250, 3: 100 } as const;
const PATIENT = 100;
const DEATHS = 200;
const LENGTH = 5;
const WHOLE = [0, 1, 2, 3, 4];

interface Play {
  mesh: FakeMesh;
  callers: Caller[];
  random: Random;
}

/** Some turns of the event loop, or all it takes. */
async function pass({ mesh, random }: Play): Promise<void> {
  if (random() < 0.3) await mesh.settle();
  else await new Promise(setImmediate);
}

function live({ mesh }: Play): number {
  return mesh.streams.filter(({ isLive }) => isLive).length;
}

function engineStep({ mesh }: Play): void {
  for (const stream of mesh.streams) stream.step();
}

/** Until everybody has an end. */
async function finish(play: Play): Promise<void> {
  for (let steps = 0; steps < 200; steps++) {
    await play.mesh.settle();
    if (play.callers.every(({ outcome }) => outcome !== undefined)) break;
    engineStep(play);
  }
  await play.mesh.settle();
}

function expectExact(callers: readonly Caller[], seed: string): void {
  for (const caller of callers) {
    if (caller.controller.signal.aborted && caller.outcome !== "ok") {
      expect(caller.outcome, seed).toMatchObject({ kind: "cancelled" });
      // What it had by then is a beginning of the answer.
      expect(caller.seqs, seed).toEqual(WHOLE.slice(0, caller.seqs.length));
      continue;
    }
    expect(caller.outcome, seed).toBe("ok");
    expect([caller.isWhole, caller.seqs], seed).toEqual([true, WHOLE]);
  }
}

function oneOf<T>(items: readonly T[], random: Random): T | undefined {
  return items[Math.floor(random() * items.length)];
}

describe.each([1, 2, 3] as const)("the same question at %i routers", (routers) => {
  it("is answered by one generation at a time, exactly, to whoever stays; the last who leaves stops it", async () => {
    for (let seed = 0; seed < CHANCE[routers]; seed++) {
      const random = seededRandom(seed);
      const mesh = fakeMesh({ routers, random, length: LENGTH });
      const play: Play = { mesh, random, callers: [] };
      for (let step = 0; step < 24; step++) {
        const roll = random();
        if (roll < 0.35) play.callers.push((oneOf(mesh.routers, random) as FakeRouter).ask());
        else if (roll < 0.5) oneOf(play.callers, random)?.controller.abort();
        else if (roll < 0.8) engineStep(play);
        await pass(play);
        expect(live(play), `seed ${seed}`).toBeLessThanOrEqual(1);
      }
      if (random() < 0.3) for (const { controller } of play.callers) controller.abort();
      await mesh.settle();
      if (play.callers.every(({ controller }) => controller.signal.aborted)) expect(live(play), `seed ${seed}`).toBe(0);
      await finish(play);
      expectExact(play.callers, `seed ${seed}`);
      expect(mesh.leases.size, `seed ${seed}`).toBe(0);
    }
  }, 60_000);

  it("is generated exactly once where nobody leaves, however late some come", async () => {
    for (let seed = 0; seed < PATIENT; seed++) {
      const random = seededRandom(seed);
      const mesh = fakeMesh({ routers, random, length: LENGTH });
      const play: Play = { mesh, random, callers: [] };
      for (let step = 0; step < 16; step++) {
        if (random() < 0.6) play.callers.push((oneOf(mesh.routers, random) as FakeRouter).ask());
        else engineStep(play);
        await pass(play);
      }
      await finish(play);
      expectExact(play.callers, `seed ${seed}`);
      expect(mesh.streams.length, `seed ${seed}`).toBe(play.callers.length > 0 ? 1 : 0);
    }
  }, 60_000);
});

it("survives the death of a router at any moment: whoever asked elsewhere has the exact answer", async () => {
  for (let seed = 0; seed < DEATHS; seed++) {
    const random = seededRandom(seed);
    const mesh = fakeMesh({ routers: 3, random, length: LENGTH });
    const play: Play = { mesh, random, callers: [] };
    const [doomed, ...others] = mesh.routers as [FakeRouter, ...FakeRouter[]];
    const diesAt = Math.floor(random() * 14);
    let isDead = false;
    for (let step = 0; step < 16; step++) {
      if (step === diesAt) {
        doomed.die();
        isDead = true;
      }
      const router = random() < 0.4 && !isDead ? doomed : oneOf(others, random);
      if (random() < 0.5 && router) play.callers.push(router.ask());
      else engineStep(play);
      await pass(play);
    }
    await finish(play);
    expectExact(play.callers, `seed ${seed}`);
    // One for the router that died, and at most one for each that goes on behind what it has.
    expect(mesh.streams.length, `seed ${seed}`).toBeLessThanOrEqual(3);
  }
}, 60_000);
