import { setImmediate as nextTurn } from "node:timers/promises";
import { FailedPreconditionError, UnavailableError } from "@chimera/kernel";
import { afterEach, describe, expect, it, vi } from "vitest";
import { LocalRunQueue } from "../queue/local-queue.ts";
import type { Claim, ClaimEvent, Unit, UnitResult } from "../queue/queue.ts";
import { answering, itemsOf, planOf, resultOf } from "../testing/runs.ts";
import type { Answer, Question } from "./ask.ts";
import { type ConductOptions, conduct, type RunEvent } from "./coordinator.ts";
import type { RunPlan } from "./plan.ts";
import { scoreAnswer } from "./scoring.ts";
import { batchWorker } from "./worker.ts";

const clock = { nowMs: () => 0, monotonicMs: () => performance.now() };
const rightly = async (question: Question) => answering(`intent=${question.messages[0]?.content}`);

interface Run {
  plan?: RunPlan;
  concurrency?: number;
  ask?(question: Question, signal: AbortSignal): Promise<Answer>;
  signal?: AbortSignal;
  isDecided?(): boolean;
}

/** A run whose work is done in this process. */
async function start(run: Run): Promise<{ events: AsyncGenerator<RunEvent, void, undefined>; results: UnitResult[] }> {
  const { plan = planOf(), concurrency = 4, ask = rightly, signal = new AbortController().signal } = run;
  const queue = new LocalRunQueue({ handle: batchWorker({ replica: "here", ask, score: scoreAnswer }), clock });
  const claim = await queue.claim("run", plan.intent("here"));
  const results: UnitResult[] = [];
  const onResult = (result: UnitResult) => results.push(result);
  const { isDecided = () => false } = run;
  return { events: conduct({ claim, plan, concurrency, onResult, isDecided, clock, signal }), results };
}

async function readAll<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of source) all.push(value);
  return all;
}

const progressOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.kind === "progress" ? [event.progress] : []));

describe("conduct", () => {
  it("has every question answered once and ends with the whole of the progress", async () => {
    const { events, results } = await start({ plan: planOf({ items: itemsOf(100), repeats: 2 }) });
    const all = await readAll(events);
    expect(progressOf(all).at(-1)).toEqual({ done: 200, total: 200, failed: 0, resumed: 0 });
    expect(results.map(({ unit }) => unit).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(all.filter(({ kind }) => kind === "item").length).toBe(200);
  });

  it("keeps at most the asked number of requests in flight, and as many as that", async () => {
    let inFlight = 0;
    let most = 0;
    const ask = async (question: Question) => {
      most = Math.max(most, ++inFlight);
      await nextTurn();
      inFlight -= 1;
      return rightly(question);
    };
    const { events } = await start({ concurrency: 5, ask, plan: planOf({ items: itemsOf(100) }) });
    await readAll(events);
    expect(most).toBe(5);
  });

  it("counts a failed item and goes on", async () => {
    const ask = async (question: Question) => {
      if (question.messages[0]?.content === "ticket 4") throw new UnavailableError("no replica");
      return rightly(question);
    };
    const { events, results } = await start({ ask });
    expect(progressOf(await readAll(events)).at(-1)).toMatchObject({ done: 30, failed: 1 });
    expect(results.filter(({ status }) => status !== "OK")).toMatchObject([
      { itemId: "item-4", status: "UNAVAILABLE", message: "no replica", predicted: "", scores: { classification: 0 } },
    ]);
  });

  it("gives up where nothing at all is answered", async () => {
    let asked = 0;
    const ask = async () => {
      asked += 1;
      throw new UnavailableError("no router");
    };
    const { events } = await start({ ask, plan: planOf({ items: itemsOf(500) }) });
    await expect(readAll(events)).rejects.toThrow("the first 20 requests all failed, the last with: no router");
    expect(asked).toBeLessThan(100);
  });

  it("does not hide a defect behind a failed item", async () => {
    const ask = async () => {
      throw new TypeError("defect");
    };
    const { events } = await start({ ask });
    await expect(readAll(events)).rejects.toThrow("defect");
  });

  it("ends early where the results so far decide", async () => {
    let asked = 0;
    const ask = (question: Question) => {
      asked += 1;
      return rightly(question);
    };
    const { events } = await start({ ask, isDecided: () => asked >= 20, plan: planOf({ items: itemsOf(1000) }) });
    expect(progressOf(await readAll(events)).at(-1)?.done).toBeLessThan(200);
  });

  it.each(["the signal", "leaving the iteration"])("aborts every request in flight: %s", async (way) => {
    const controller = new AbortController();
    let inFlight = 0;
    let started = 0;
    const ask = async (question: Question, signal: AbortSignal) => {
      // The first question of each batch.
      if (++started <= 4) return rightly(question);
      inFlight += 1;
      try {
        return await new Promise<Answer>((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      } finally {
        inFlight -= 1;
      }
    };
    const { events } = await start({ ask, signal: controller.signal });
    await events.next();
    const rest = way === "the signal" ? readAll(events) : Promise.resolve([]);
    rest.catch(() => undefined);
    while (inFlight < 4) await nextTurn();
    controller.abort();
    if (way === "the signal") await expect(rest).rejects.toMatchObject({ name: "AbortError" });
    else await events.return();
    expect(inFlight).toBe(0);
  });
});

/** A claim whose results are told by the test. */
class ToldClaim implements Claim {
  readonly epoch = 2;
  readonly enqueued: Unit[][] = [];
  readonly ends: string[] = [];
  readonly #taken = new AbortController();
  readonly lost = this.#taken.signal;
  readonly #before: readonly number[];
  readonly #answer: boolean;

  constructor(before: readonly number[], answer = true) {
    this.#before = before;
    this.#answer = answer;
  }

  takeOver(): void {
    this.#taken.abort(new FailedPreconditionError("goes on at evaluator-2"));
  }

  async *results(signal: AbortSignal): AsyncGenerator<ClaimEvent, void, undefined> {
    const told = (unit: number): ClaimEvent => ({ kind: "result", result: resultOf(unit), storedAtMs: 0 });
    for (const unit of this.#before) yield told(unit);
    yield { kind: "caught-up" };
    for (let at = 0; !signal.aborted; ) {
      const batch = this.#answer ? this.enqueued[at] : undefined;
      if (batch === undefined) await nextTurn();
      else {
        at += 1;
        for (const { unit } of batch) yield told(unit);
      }
    }
    signal.throwIfAborted();
  }

  async enqueue(units: readonly Unit[]): Promise<void> {
    this.enqueued.push([...units]);
  }
  async queued(): Promise<number> {
    return 0;
  }
  async discardResults(): Promise<void> {}
  async end(state: "stopped" | "done"): Promise<void> {
    this.ends.push(state);
  }
}

const told = (claim: Claim): ConductOptions => ({
  claim,
  plan: planOf(),
  concurrency: 2,
  onResult: () => undefined,
  clock,
  signal: new AbortController().signal,
});

describe("a run that was broken off", () => {
  it("goes on with the questions that have no result, and says how many have one", async () => {
    const claim = new ToldClaim([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 29]);
    const events = await readAll(conduct(told(claim)));
    expect(progressOf(events).at(-1)).toEqual({ done: 30, total: 30, failed: 0, resumed: 12 });
    const asked = claim.enqueued.flat().map(({ unit }) => unit);
    expect(asked).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 24, 25, 26, 27, 28]);
    expect(claim.ends).toEqual(["done"]);
  });

  it("asks nothing where every result is there", async () => {
    const claim = new ToldClaim(Array.from({ length: 30 }, (_, i) => i));
    await readAll(conduct(told(claim)));
    expect(claim.enqueued).toEqual([]);
  });

  it("ends where another evaluator takes it over", async () => {
    const claim = new ToldClaim([], false);
    const running = readAll(conduct(told(claim)));
    claim.takeOver();
    await expect(running).rejects.toThrow("goes on at evaluator-2");
    expect(claim.ends).toEqual(["stopped"]);
  });
});

describe("batches that are lost", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("are handed out again, a few times, then the run ends and is kept", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const claim = new ToldClaim([], false);
    const running = readAll(conduct(told(claim)));
    running.catch(() => undefined);
    while (claim.enqueued.length < 2) await nextTurn();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(claim.enqueued.length).toBe(4);
    expect(claim.enqueued[2]).toEqual(claim.enqueued[0]);
    await vi.advanceTimersByTimeAsync(300_000);
    expect(claim.enqueued.length).toBe(8);
    await expect(running).rejects.toThrow("no result for 300 s");
    expect(claim.ends).toEqual(["stopped"]);
  });
});
