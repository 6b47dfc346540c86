import { InvalidRequestError, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { SimulationParameters } from "./parameters.ts";
import type { Job, Outcome, Sequence } from "./sequence.ts";
import { StepLoop, type StepReport } from "./step-loop.ts";
import { plainParameters } from "./testing/parameters.ts";

const SEED = 1;
const open = (parameters: SimulationParameters) => new StepLoop(parameters, { seed: SEED });

function submit(loop: StepLoop, job: Job, nowMs = 0): Sequence {
  const sequence = loop.submit(job, nowMs);
  if (typeof sequence === "string") throw new Error(`refused: ${sequence}`);
  return sequence;
}

const finish = (loop: StepLoop) => loop.advanceTo(Number.POSITIVE_INFINITY, { begins: true });

describe("the step formula", () => {
  const cost = { stepMs: 5, sequenceMs: 2, prefillTokenMs: 0.5, context100kMs: 1000, promptMs: 0.25 };

  it("adds up: answers first, then prompts in chunks of what is left", () => {
    const loop = open(plainParameters({ cost, stepTokens: 16 }));
    const a = submit(loop, { promptTokens: 10, completionTokens: 2 });
    const b = submit(loop, { promptTokens: 20, completionTokens: 1 });
    finish(loop);
    // First step: 10 tokens of a, 6 of b, both begin, no context: 5 + 2·2 + 0.5·16 + 2·0.25.
    expect([a.admittedMs, b.admittedMs, a.firstTokenMs]).toEqual([0, 0, 17.5]);
    // Second: one token of a over a context of 10, the last 14 of b over 6: 5 + 2·2 + 0.5·14 + 1000·16/100000.
    expect(a.endedMs).toBeCloseTo(33.66, 9);
    expect([b.firstTokenMs, b.endedMs]).toEqual([a.endedMs, a.endedMs]);
    expect(loop.work).toEqual({ steps: 2, sequences: 4, prefillTokens: 30, contextTokens: 16, prompts: 2 });
  });

  it("prepares requests one after the other beside the steps, and pays for every token it draws", () => {
    const loop = open(plainParameters({ tokeniseMs: 1, tokeniseTokenMs: 0.5, serialiseTokenMs: 3 }));
    const a = submit(loop, { promptTokens: 8, completionTokens: 2 });
    const b = submit(loop, { promptTokens: 4, completionTokens: 1 });
    finish(loop);
    // a is ready at 1 + 4, b at 5 + 1 + 2, when a's step (10 + 3) runs.
    expect([a.admittedMs, a.firstTokenMs, b.admittedMs]).toEqual([5, 18, 18]);
    // The second step draws a token of each.
    expect([a.endedMs, b.endedMs]).toEqual([34, 34]);
  });

  it("cleans up after a request while its caller has the answer and the next one waits", () => {
    const loop = open(plainParameters({ cleanUpMs: 4 }));
    const [a, b] = [1, 2].map((completionTokens) => submit(loop, { promptTokens: 4, completionTokens }));
    finish(loop);
    const later = submit(loop, { promptTokens: 4, completionTokens: 1 }, 100);
    finish(loop);
    expect([a?.endedMs, b?.endedMs, later.admittedMs]).toEqual([10, 24, 100]);
  });

  it("begins no step before the model is loaded", () => {
    const loop = open(plainParameters({ coldStartMs: 500 }));
    const early = submit(loop, { promptTokens: 4, completionTokens: 1 });
    finish(loop);
    expect([early.admittedMs, early.endedMs]).toEqual([500, 510]);
  });

  it("takes all requests of one moment into the step that begins then", () => {
    const loop = open(plainParameters());
    const together = [1, 2, 3].map(() => submit(loop, { promptTokens: 4, completionTokens: 1 }, 25));
    const late = submit(loop, { promptTokens: 4, completionTokens: 1 }, 25.001);
    finish(loop);
    expect(together.map((each) => each.endedMs)).toEqual([35, 35, 35]);
    expect([late.admittedMs, late.endedMs]).toEqual([35, 45]);
  });
});

describe("joining", () => {
  it("waits as many steps as the engine is late to take requests in, unless nothing else runs", () => {
    const loop = open(plainParameters({ joinDelaySteps: 2 }));
    const first = submit(loop, { promptTokens: 4, completionTokens: 5 });
    const late = submit(loop, { promptTokens: 4, completionTokens: 1 }, 5);
    finish(loop);
    const alone = submit(loop, { promptTokens: 4, completionTokens: 1 }, 100);
    finish(loop);
    // Steps begin at 0, 10, 20, 30; the one at 10 and the one at 20 go without it.
    expect([first.admittedMs, late.admittedMs, alone.admittedMs]).toEqual([0, 30, 100]);
    const last = submit(loop, { promptTokens: 4, completionTokens: 1 }, 200);
    const next = submit(loop, { promptTokens: 4, completionTokens: 1 }, 205);
    finish(loop);
    expect([last.endedMs, next.admittedMs]).toEqual([210, 210]);
  });
});

describe("slots and queue", () => {
  it("runs as many as it has slots, in order of arrival, and refuses one too many", () => {
    const loop = open(plainParameters({ slots: 2, maxQueued: 1 }));
    const [, , third] = [3, 5, 1].map((completionTokens) => submit(loop, { promptTokens: 4, completionTokens }));
    expect(loop.submit({ promptTokens: 4, completionTokens: 1 }, 0)).toBe("queue-full");
    finish(loop);
    expect(third?.admittedMs).toBe(30);
    expect([loop.runningCount, loop.queuedCount]).toEqual([0, 0]);
  });

  it("refuses what the memory can never hold", () => {
    const loop = open(plainParameters({ kvBlocks: 4 }));
    expect(loop.submit({ promptTokens: 12, completionTokens: 5 }, 0)).toBe("too-long");
    expect(submit(loop, { promptTokens: 12, completionTokens: 4 }).state).toBe("waiting");
  });

  it("follows new limits from the next step on, and lets what runs finish", () => {
    const loop = open(plainParameters({ slots: 1 }));
    const [a, b, c] = [1, 2, 3].map(() => submit(loop, { promptTokens: 4, completionTokens: 4 }));
    loop.advanceTo(5, { begins: true });
    loop.setLimits({ slots: 2, maxQueued: 5 }, 5);
    loop.setLimits({ slots: 1, maxQueued: 5 }, 15);
    finish(loop);
    expect([a?.admittedMs, b?.admittedMs]).toEqual([0, 10]);
    // Two still run at 40; the third waits until both are done.
    expect(c?.admittedMs).toBe(50);
  });

  it("leaves out whoever is not ready for more, and takes it in again", () => {
    const loop = open(plainParameters());
    const slow = loop.submit({ promptTokens: 4, completionTokens: 4 }, 0, {
      token: (sequence) => sequence.generatedTokens !== 2,
      end() {},
    });
    if (typeof slow === "string") throw new Error(slow);
    loop.advanceTo(1000, { begins: true });
    expect([slow.generatedTokens, loop.wakeAtMs, loop.runningCount]).toEqual([2, undefined, 1]);
    loop.resume(slow, 1000);
    finish(loop);
    expect(slow.endedMs).toBe(1020);
  });

  it("frees slot and memory of a cancelled request at once, wherever it is", () => {
    const loop = open(plainParameters({ slots: 1, kvBlocks: 4 }));
    const [running, waiting, next] = [1, 2, 3].map(() => submit(loop, { promptTokens: 8, completionTokens: 8 }));
    loop.advanceTo(15, { begins: true });
    for (const each of [waiting, running]) if (each) loop.cancel(each, 15);
    expect([loop.runningCount, loop.queuedCount, loop.pool.used]).toEqual([0, 1, 0]);
    expect([running?.outcome, waiting?.outcome]).toEqual(["cancelled", "cancelled"]);
    finish(loop);
    // The step that ran goes on to its end.
    expect([next?.admittedMs, next?.outcome]).toEqual([20, "complete"]);
  });
});

describe("memory", () => {
  const keys = (prefix: number, count: number) => Array.from({ length: count }, (_, i) => prefix * 100 + i);

  it("reuses exactly the whole blocks that are there, and computes one token at least", () => {
    const loop = open(plainParameters());
    const first = submit(loop, { promptTokens: 18, completionTokens: 1, blocks: keys(1, 4) });
    finish(loop);
    const longer = submit(loop, { promptTokens: 30, completionTokens: 1, blocks: [...keys(1, 4), ...keys(2, 3)] }, 100);
    const equal = submit(loop, { promptTokens: 16, completionTokens: 1, blocks: keys(1, 4) }, 100);
    const other = submit(loop, { promptTokens: 18, completionTokens: 1, blocks: keys(3, 4) }, 100);
    finish(loop);
    expect([first, longer, equal, other].map((each) => each.cachedTokens)).toEqual([0, 16, 12, 0]);
    expect(loop.work.prefillTokens).toBe(18 + 14 + 4 + 18);
  });

  it("finds blocks as soon as their chunk is computed, also of one that was cancelled", () => {
    const loop = open(plainParameters({ stepTokens: 10 }));
    const long = submit(loop, { promptTokens: 40, completionTokens: 1, blocks: keys(1, 10) });
    loop.advanceTo(25, { begins: true });
    loop.cancel(long, 25);
    const next = submit(loop, { promptTokens: 40, completionTokens: 1, blocks: keys(1, 10) }, 25);
    finish(loop);
    // Two chunks of ten are five blocks; the third was running.
    expect(next.cachedTokens).toBe(20);
  });

  it("waits for room, in order, without overtaking", () => {
    const loop = open(plainParameters({ kvBlocks: 6 }));
    const a = submit(loop, { promptTokens: 16, completionTokens: 3 });
    const big = submit(loop, { promptTokens: 12, completionTokens: 1 });
    const small = submit(loop, { promptTokens: 4, completionTokens: 1 });
    finish(loop);
    expect([a.endedMs, big.admittedMs, small.admittedMs]).toEqual([30, 30, 30]);
  });

  it("preempts the youngest where answers outgrow the memory, and counts what is computed again", () => {
    const loop = open(plainParameters({ kvBlocks: 6 }));
    const [old, young] = [1, 2].map(() => submit(loop, { promptTokens: 8, completionTokens: 8 }));
    finish(loop);
    // Both hold 3 blocks with 12 tokens computed and 5 drawn, at 50 ms; the fourth block is only there for one.
    expect(old).toMatchObject({ endedMs: 80, preemptions: 0 });
    expect(young).toMatchObject({ preemptions: 1, recomputedTokens: 12, generatedTokens: 8, firstTokenMs: 10 });
    // Recomputing 13 tokens draws the sixth, then two more.
    expect(young?.endedMs).toBe(110);
    expect([loop.preemptions, loop.recomputedTokens]).toEqual([1, 12]);
  });

  it("computes less again where the prompt's blocks are still there", () => {
    const loop = open(plainParameters({ kvBlocks: 6 }));
    const [old, young] = [1, 2].map((prefix) =>
      submit(loop, { promptTokens: 8, completionTokens: 8, blocks: keys(prefix, 2) }),
    );
    finish(loop);
    expect(old?.preemptions).toBe(0);
    // The old one needed one block more, and a free one was there: the third of the young one.
    expect(young).toMatchObject({ preemptions: 1, recomputedTokens: 4, cachedTokens: 0 });
  });

  it("takes a recorded reuse as it is", () => {
    const loop = open(plainParameters());
    const [some, all] = [7, 50].map((cachedTokens) =>
      submit(loop, { promptTokens: 20, completionTokens: 1, cachedTokens }),
    );
    finish(loop);
    expect([some?.cachedTokens, all?.cachedTokens, loop.work.prefillTokens]).toEqual([7, 19, 14]);
  });
});

describe("whatever comes", () => {
  /** Bursts, shared beginnings, too little memory, failures, and callers that leave. */
  function storm(seed: number) {
    const random = seededRandom(seed);
    const parameters = plainParameters({
      slots: 6,
      maxQueued: 10,
      kvBlocks: 40,
      stepTokens: 24,
      driftSd: 0.3,
      driftTimeMs: 1000,
      failureShare: 0.1,
      disconnectShare: 0.1,
    });
    const reports: StepReport[] = [];
    let mostUsed = 0;
    const loop = new StepLoop(parameters, {
      seed,
      onStep: (report) => {
        reports.push(report);
        mostUsed = Math.max(mostUsed, loop.pool.used);
        expect(loop.pool.kept).toBeLessThanOrEqual(40);
        expect(loop.runningCount).toBeLessThanOrEqual(6);
      },
    });
    const ends = new Map<Sequence, Outcome[]>();
    const tokens = new Map<Sequence, number>();
    const listener = {
      token(sequence: Sequence) {
        tokens.set(sequence, (tokens.get(sequence) ?? 0) + 1);
        return true;
      },
      end(sequence: Sequence, outcome: Outcome) {
        ends.set(sequence, [...(ends.get(sequence) ?? []), outcome]);
      },
    };
    const taken: Sequence[] = [];
    const refused: string[] = [];
    let nowMs = 0;
    for (let i = 0; i < 600; i++) {
      nowMs += -Math.log(1 - random()) * (i % 100 < 30 ? 5 : 40);
      const promptTokens = 1 + Math.floor(random() * 60);
      const family = Math.floor(random() * 3);
      const blocks = Array.from({ length: Math.floor(promptTokens / 4) }, (_, index) => family * 100 + index);
      const job = { promptTokens, completionTokens: 1 + Math.floor(random() * 40), blocks };
      const sequence = loop.submit(job, nowMs, listener);
      if (typeof sequence === "string") refused.push(sequence);
      else taken.push(sequence);
      const leaver = taken[Math.floor(random() * taken.length)];
      if (leaver && random() < 0.05) loop.cancel(leaver, nowMs);
    }
    finish(loop);
    return { loop, taken, refused, ends, tokens, reports, mostUsed };
  }

  it("ends every request once, counts every token, and holds its bounds", () => {
    const { loop, taken, refused, ends, tokens, mostUsed } = storm(5);
    expect(taken.length + refused.length).toBe(600);
    expect([...ends.values()].every((outcomes) => outcomes.length === 1)).toBe(true);
    expect(ends.size).toBe(taken.length);
    for (const sequence of taken) {
      expect(sequence.generatedTokens).toBe(tokens.get(sequence) ?? 0);
      if (sequence.outcome === "complete") expect(sequence.generatedTokens).toBe(sequence.job.completionTokens);
    }
    expect([loop.pool.used, loop.runningCount, loop.queuedCount]).toEqual([0, 0, 0]);
    expect(loop.recomputedTokens).toBe(taken.reduce((sum, each) => sum + each.recomputedTokens, 0));
    // The storm did reach what it is to test.
    expect(mostUsed).toBeGreaterThan(35);
    expect(loop.preemptions).toBeGreaterThan(5);
    expect(refused.length).toBeGreaterThan(5);
    expect(new Set([...ends.values()].flat()).size).toBe(4);
  });

  it("is the same again with the same seed, and not with another", () => {
    const [one, same, other] = [storm(5), storm(5), storm(6)];
    expect(same.reports).toEqual(one.reports);
    expect(same.taken.map((each) => each.endedMs)).toEqual(one.taken.map((each) => each.endedMs));
    expect(other.reports).not.toEqual(one.reports);
  });
});

describe("parameters", () => {
  it("that no engine can have are refused by name", () => {
    expect(() => open(plainParameters({ slots: 65 }))).toThrow(/slots: is 65; a step of 64/);
    expect(() => open(plainParameters({ cost: { stepMs: -1 }, kvBlocks: 0.5 }))).toThrow(/stepMs.*kvBlocks/);
    expect(() => open(plainParameters({ failureShare: 0.6, disconnectShare: 0.6 }))).toThrow(InvalidRequestError);
  });
});
