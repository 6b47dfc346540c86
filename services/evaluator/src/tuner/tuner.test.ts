import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@chimera/kernel";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileJournal } from "./journal.ts";
import type { TunerOptions } from "./options.ts";
import { type Configuration, keyOf, SearchSpace } from "./space.ts";
import { Tuner, type TunerEvent } from "./tuner.ts";

const space = new SearchSpace({
  parameters: {
    x: { kind: "float", low: 0, high: 1 },
    template: { kind: "categorical", choices: ["plain", "labels"] },
    shots: { kind: "int", low: 0, high: 8 },
  },
});
const BASELINE = { x: 0.9, template: "plain", shots: 0 };
const quality = ({ x, template, shots }: Configuration) =>
  0.6 + 0.2 * Math.exp(-(((Number(x) - 0.3) / 0.2) ** 2)) + (template === "labels" ? 0.1 : 0) + 0.01 * Number(shots);

/** The same for the same configuration and item. */
function answer(configuration: Configuration, item: number) {
  const key = [...`${keyOf(configuration)} ${item}`].reduce(
    (hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16777619),
    7,
  );
  const isRight = seededRandom(key)() < quality(configuration);
  return { score: isRight ? 1 : 0, ttftMs: 100 + 20 * Number(configuration.shots), tokens: 50 };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const options = {
  space,
  baseline: BASELINE,
  items: { search: numbers(0, 100), final: numbers(100, 500), confirmation: numbers(1000, 1400) },
  trials: 24,
  seed: 5,
  measure: async (configuration: Configuration, items: readonly number[]) =>
    items.map((item) => answer(configuration, item)),
} satisfies TunerOptions<number>;

async function run(changed: Partial<TunerOptions<number>> = {}) {
  const events: TunerEvent[] = [];
  for await (const event of new Tuner<number>({ ...options, ...changed }).run(new AbortController().signal))
    events.push(event);
  const last = events.at(-1);
  if (last?.kind !== "proposal") throw new Error("no proposal");
  return {
    events,
    proposal: last.proposal,
    trials: events.flatMap((event) => (event.kind === "trial" ? [event.trial] : [])),
  };
}

describe("Tuner", () => {
  it("proposes a much better configuration and says honestly how much better", async () => {
    const { proposal, trials } = await run();
    expect(trials[0]?.configuration).toEqual(BASELINE);
    expect(trials.length).toBe(24);
    const trueGain = quality(proposal.configuration) - quality(BASELINE);
    expect(trueGain).toBeGreaterThan(0.2);
    expect(proposal.tradeOff?.quality.n).toBe(400);
    expect(Math.abs((proposal.tradeOff?.quality.difference ?? 0) - trueGain)).toBeLessThan(0.1);
    expect(proposal.tradeOff?.ttftMs.difference).toBeCloseTo(20 * Number(proposal.configuration.shots), 6);
    expect(proposal.front.length).toBeGreaterThan(0);
    expect(proposal.hypervolume).toBeGreaterThan(0);
  });

  it("spends no more items than as many whole trials, and what it saved on hopeless ones on finalists", async () => {
    let asked = 0;
    const { events, proposal, trials } = await run({
      items: { ...options.items, confirmation: [] },
      measure: async (configuration, items) => {
        asked += items.length;
        return options.measure(configuration, items);
      },
    });
    expect(proposal.itemsSpent).toBe(asked);
    expect(asked).toBeLessThanOrEqual(24 * 100);
    expect(trials.filter(({ search }) => search.score.length < 100).length).toBeGreaterThan(3);
    expect(events.some((event) => event.kind === "finalist" && event.trial.final.score.length > 0)).toBe(true);
    expect(proposal.confirmed).toBeUndefined();
  });

  it("asks every trial the same items in the same order, and confirms on others", async () => {
    const seen = new Map<string, number[]>();
    await run({
      measure: async (configuration, items) => {
        const known = seen.get(keyOf(configuration)) ?? [];
        seen.set(keyOf(configuration), [...known, ...items]);
        return options.measure(configuration, items);
      },
    });
    for (const items of seen.values()) {
      const searched = items.filter((item) => item < 100);
      expect(searched).toEqual(numbers(0, searched.length));
    }
  });

  it("chooses within the limits", async () => {
    const { proposal } = await run({ limits: { ttftMsP95: 160 } });
    expect(Number(proposal.configuration.shots)).toBeLessThanOrEqual(3);
    await expect(run({ limits: { ttftMsP95: 1 } })).rejects.toThrow("no trial meets the limits");
  });

  it("takes a configuration that can not be measured as a trial that failed, and avoids its like", async () => {
    const { trials, proposal } = await run({
      measure: async (configuration, items) => {
        if (configuration.template === "labels") throw new Error("prompt too long");
        return options.measure(configuration, items);
      },
    });
    const failed = trials.filter(({ outcome }) => outcome === "failed");
    expect(failed.every(({ error }) => error === "prompt too long")).toBe(true);
    expect(failed.length).toBeLessThan(12);
    expect(proposal.configuration.template).toBe("plain");
  });

  it("ends where everything fails, and where the numbers are none", async () => {
    await expect(run({ measure: () => Promise.reject(new Error("router is gone")) })).rejects.toThrow("router is gone");
    const bad = async (_: Configuration, items: readonly number[]) =>
      items.map(() => ({ score: Number.NaN, ttftMs: 1, tokens: 1 }));
    await expect(run({ measure: bad })).rejects.toThrow("measurement 0 is not finite");
  });

  it("measures several at a time, and decides alike whichever ends first", async () => {
    let running = 0;
    let most = 0;
    const slow = (turn: () => number) => async (configuration: Configuration, items: readonly number[]) => {
      running += 1;
      most = Math.max(most, running);
      for (let i = turn(); i > 0; i--) await Promise.resolve();
      running -= 1;
      return options.measure(configuration, items);
    };
    const random = seededRandom(1);
    const [one, other] = [
      await run({ concurrency: 4, measure: slow(() => Math.floor(random() * 40)) }),
      await run({ concurrency: 4, measure: slow(() => 3) }),
    ];
    expect(most).toBe(4);
    expect(one.proposal).toEqual(other.proposal);
    expect(new Set(one.trials.map(({ configuration }) => keyOf(configuration))).size).toBeGreaterThan(18);
  });

  it("stops with the signal", async () => {
    const controller = new AbortController();
    const tuner = new Tuner<number>(options).run(controller.signal);
    await tuner.next();
    controller.abort(new Error("told to stop"));
    await expect(tuner.next()).rejects.toThrow("told to stop");
  });

  it("refuses options out of range, all at once", () => {
    expect(() => new Tuner({ ...options, trials: 0, concurrency: 99 })).toThrow(
      /trials: 1 to 400.*concurrency: 1 to 32/,
    );
    expect(() => new Tuner({ ...options, baseline: { x: 2 } })).toThrow("x: float from 0 to 1");
  });
});

describe("FileJournal", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tuner-journal-"));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const plan = { seed: 5, data: "hash" };

  it("lets a run that was cut off go on as if nothing had happened, asking nothing twice", async () => {
    const whole = await run();
    const path = join(folder, "run.jsonl");
    const first = await FileJournal.open(path, plan);
    const iteration = new Tuner<number>({ ...options, journal: first }).run(new AbortController().signal);
    for (let i = 0; i < 9; i++) await iteration.next();
    await iteration.return();
    await first.close();
    // A crash in the middle of a line.
    await appendFile(path, '{"kind":"measured","key":"search 0-');
    const second = await FileJournal.open(path, plan);
    const known = second.size;
    let asked = 0;
    const { proposal } = await run({
      journal: second,
      measure: async (configuration, items) => {
        asked += 1;
        return options.measure(configuration, items);
      },
    });
    const total = second.size;
    await second.close();
    expect(proposal).toEqual(whole.proposal);
    expect(known).toBeGreaterThan(8);
    expect(asked).toBe(total - known);
  });

  it("refuses the file of another plan, and one that is damaged in its middle", async () => {
    const path = join(folder, "other.jsonl");
    await (await FileJournal.open(path, plan)).close();
    await expect(FileJournal.open(path, { ...plan, seed: 6 })).rejects.toThrow("another space, seed or data set");
    await writeFile(path, `${await readFile(path, "utf8")}nonsense\n`);
    await expect(FileJournal.open(path, plan)).rejects.toThrow("line 2: not a line of a tuner's journal");
  });
});
