import { seededRandom, UnavailableError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { Item } from "../dataset/item.ts";
import { type EvaluateOptions, type EvaluationEvent, type EvaluationResult, evaluate } from "./evaluate.ts";
import type { Answer, ItemScore } from "./score.ts";

const LABELS = ["bug", "login", "refund"];
const clock = { nowMs: () => 0, monotonicMs: () => 0 };

const items = (size: number): Item[] =>
  Array.from({ length: size }, (_, i) => {
    const target = `intent=${LABELS[i % 3]} priority=low`;
    return { id: `item-${i}`, input: `ticket ${i}`, target, tenant: "aster", hash: `${i}` };
  });

const answering = (text: string): Answer => ({ text, model: "tiny", modelVersion: "v1" });
const rightly = async (item: Item) => answering(`${item.target}\n`);

function options(over: Partial<EvaluateOptions>): EvaluateOptions {
  return {
    items: items(30),
    hash: "content",
    concurrency: 4,
    ask: rightly,
    onScore: () => undefined,
    clock,
    signal: new AbortController().signal,
    ...over,
  };
}

async function readAll<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of source) all.push(value);
  return all;
}

async function collect(
  over: Partial<EvaluateOptions>,
): Promise<{ events: EvaluationEvent[]; result: EvaluationResult }> {
  const events = await readAll(evaluate(options(over)));
  const last = events.at(-1);
  if (last?.kind !== "result") throw new Error("the run ended without a result");
  return { events, result: last.result };
}

describe("evaluate", () => {
  it("ends with exact figures, their intervals and the class table", async () => {
    const { result } = await collect({
      ask: async (item) => answering(item.id === "item-0" ? "intent=login" : item.id === "item-1" ? "?" : item.target),
    });
    expect(result).toMatchObject({ datasetHash: "content", n: 30, failed: 0, model: "tiny", modelVersion: "v1" });
    expect(result.accuracy.value).toBeCloseTo(28 / 30, 12);
    expect(result.accuracy.method).toBe("wilson");
    expect(result.classes.map(({ label, support }) => `${label} ${support}`)).toEqual([
      "bug 10",
      "login 10",
      "refund 10",
    ]);
    expect(result.classes[0]?.recall).toBeCloseTo(0.9, 12);
    for (const { low, value, high } of [result.accuracy, result.macroF1, result.microF1]) {
      expect(low).toBeLessThan(value);
      expect(high).toBeGreaterThan(value);
    }
    expect(result.macroF1.method).toContain("1000 resamples");
  });

  it("reports progress that ends at the total, with a bounded number of events", async () => {
    const { events } = await collect({ items: items(1000) });
    const steps = events.flatMap((event) => (event.kind === "progress" ? [event.progress] : []));
    expect(steps.length).toBeLessThanOrEqual(100);
    expect(steps.at(-1)).toEqual({ done: 1000, total: 1000, failed: 0 });
    expect(steps.map((step) => step.done)).toEqual(steps.map((step) => step.done).toSorted((a, b) => a - b));
  });

  it("keeps at most the asked number of requests in flight, and as many as that", async () => {
    let inFlight = 0;
    let most = 0;
    await collect({
      concurrency: 5,
      ask: async (item) => {
        most = Math.max(most, ++inFlight);
        await new Promise(setImmediate);
        inFlight -= 1;
        return rightly(item);
      },
    });
    expect(most).toBe(5);
  });

  it("counts a failed item as wrong, scores it and lists it", async () => {
    const scores: ItemScore[] = [];
    const { result } = await collect({
      onScore: (score) => scores.push(score),
      ask: async (item) => {
        if (item.id === "item-4") throw new UnavailableError("no replica");
        return rightly(item);
      },
    });
    expect(result.failed).toBe(1);
    expect(result.failures.map(({ itemId, error }) => `${itemId} ${error.message}`)).toEqual(["item-4 no replica"]);
    expect(result.accuracy.value).toBeCloseTo(29 / 30, 12);
    expect(scores.find((score) => score.item.id === "item-4")).toMatchObject({ predicted: "", correct: false });
    expect(scores.length).toBe(30);
  });

  it("lists at most 20 failures and counts all", async () => {
    const random = seededRandom(1);
    const { result } = await collect({
      items: items(200),
      ask: async (item) => {
        if (item.id !== "item-0" && random() < 0.5) throw new UnavailableError("no replica");
        return rightly(item);
      },
    });
    expect(result.failed).toBeGreaterThan(50);
    expect(result.failures.length).toBe(20);
  });

  it("gives up where nothing at all is answered", async () => {
    let asked = 0;
    const run = collect({
      items: items(500),
      ask: async () => {
        asked += 1;
        throw new UnavailableError("no router");
      },
    });
    await expect(run).rejects.toThrow("the first 20 requests all failed, the last with: no router");
    expect(asked).toBeLessThan(30);
  });

  it("does not hide a defect behind a failed item", async () => {
    const run = collect({
      ask: async () => {
        throw new TypeError("defect");
      },
    });
    await expect(run).rejects.toThrow("defect");
  });

  it.each(["the signal", "leaving the iteration"])("aborts every request in flight: %s", async (way) => {
    const controller = new AbortController();
    let inFlight = 0;
    let started = 0;
    const run = evaluate(
      options({
        signal: controller.signal,
        ask: async (item, signal) => {
          started += 1;
          if (started <= 10) return rightly(item);
          inFlight += 1;
          try {
            return await new Promise<Answer>((_, reject) =>
              signal.addEventListener("abort", () => reject(signal.reason)),
            );
          } finally {
            inFlight -= 1;
          }
        },
      }),
    );
    await run.next();
    while (inFlight < 4) await new Promise(setImmediate);
    if (way === "the signal") {
      controller.abort();
      await expect(readAll(run)).rejects.toMatchObject({ name: "AbortError" });
    } else {
      await run.return();
    }
    expect(inFlight).toBe(0);
    expect(started).toBe(14);
  });
});
