// A warm-up from the log to stored answers and back to what it gained, with a router that is a few lines.
import { setTimeout as sleep } from "node:timers/promises";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { WarmPhase, type WarmRequest, WarmRequestSchema, type WarmResponse } from "@chimera/contracts/cache";
import { CachePolicy, CacheStatus, GenerateResponseSchema, RequestClass } from "@chimera/contracts/common";
import type { GenerateRequest } from "@chimera/contracts/router";
import { OverloadedError, seededRandom, UnauthenticatedError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { Entry } from "../index/entry.ts";
import { cacheKey } from "../key.ts";
import { HandClock, sampleFacts } from "../test-data.ts";
import type { Generate } from "./make-answer.ts";
import { orderOf } from "./order.ts";
import { inputOf, keyOf, RequestLog } from "./testing/log.ts";
import { WarmUps } from "./warm-ups.ts";
import { WarmingKeys } from "./warming-keys.ts";

const TOKENS = 20;

type WarmFields = Exclude<MessageInitShape<typeof WarmRequestSchema>, WarmRequest>;

class World {
  readonly clock = new HandClock();
  readonly log = new RequestLog();
  readonly warming = new WarmingKeys();
  readonly entries = new Map<string, Entry>();
  readonly pruned = new Map<string, string>();
  readonly asked: { request: GenerateRequest; tenant: string }[] = [];
  readonly timers: (() => void)[] = [];
  /** Runs before an answer is made; may throw or wait. */
  before: (request: GenerateRequest, signal: AbortSignal) => Promise<void> | void = () => undefined;
  credentials: readonly string[] | undefined;

  /** Stored as by the cache's own Store. */
  store(storeKey: string): void {
    const untilMs = this.clock.ms + 60_000;
    this.entries.set(
      storeKey,
      new Entry(sampleFacts(storeKey, { tenant: "acme", freshUntilMs: untilMs, staleUntilMs: untilMs })),
    );
  }

  readonly generate: Generate = (request, options) => this.#answer(request, options);

  async *#answer(request: GenerateRequest, { tenant, signal }: { tenant: string; signal: AbortSignal }) {
    this.asked.push({ request, tenant });
    await this.before(request, signal);
    signal.throwIfAborted();
    yield create(GenerateResponseSchema, { part: { case: "accepted", value: { modelVersion: "v1" } } });
    yield create(GenerateResponseSchema, { part: { case: "delta", value: { text: "x", tokenCount: 10 } } });
    yield create(GenerateResponseSchema, {
      part: { case: "complete", value: { usage: { promptTokens: 10, completionTokens: 10 } } },
    });
    const { storeKey } = cacheKey(inputOf({ question: request.prompt, tenant, atMs: 0 }));
    this.store(storeKey);
    this.warming.settled(storeKey, { stored: true, reason: "" });
  }

  readonly warmUps = new WarmUps({
    tools: {
      bus: this.log.bus,
      index: { entries: () => this.entries.values(), get: (key) => this.entries.get(key) },
      restorable: {
        has: (prefix) => this.pruned.has(prefix),
        restore: async (prefix) => {
          this.store(this.pruned.get(prefix) ?? "");
          return this.pruned.delete(prefix);
        },
      },
      generate: (request, options) => this.generate(request, options),
      hasCredential: (tenant) => this.credentials?.includes(tenant) ?? true,
      warmPrefix: async () => 2,
      warming: this.warming,
      clock: this.clock,
      pause: async () => undefined,
      random: seededRandom(1),
    },
    replica: "cache",
    logger: { info: () => undefined, warn: () => undefined },
    after: (_, run) => {
      this.timers.push(run);
      return () => undefined;
    },
  });

  /** `questions` questions, each asked three times in the last half hour. */
  fill(questions: number, more: { tenant?: string; isLogged?: boolean } = {}): void {
    for (let i = 0; i < 3 * questions; i++) {
      const atMs = this.clock.ms - 1_800_000 + (i * 1_800_000) / (3 * questions);
      this.log.add({ question: `q${i % questions}`, atMs, ...more });
    }
  }

  async run(fields: WarmFields = {}): Promise<WarmResponse[]> {
    const request = create(WarmRequestSchema, { controlShare: 0, ...fields });
    return Array.fromAsync(this.warmUps.warm(orderOf(request), new AbortController().signal));
  }

  async end(fields: WarmFields = {}): Promise<WarmResponse> {
    const last = (await this.run(fields)).at(-1);
    if (last === undefined) throw new Error("a run without a last word");
    return last;
  }
}

describe("a warm-up", () => {
  it("has what was asked often made under its own key, for its own tenant, behind everybody else", async () => {
    const world = new World();
    world.fill(10);
    const told = await world.run();
    expect(told.at(-1)).toMatchObject({ phase: WarmPhase.DONE, requestsRead: 30n, candidates: 10, generated: 10 });
    expect(told.at(-1)).toMatchObject({
      failed: 0,
      tokensSpent: BigInt(10 * TOKENS),
      text: expect.stringMatching(/^done/),
    });
    expect(new Set(told.map(({ runId }) => runId)).size).toBe(1);
    const [first] = world.asked;
    expect(first?.tenant).toBe("acme");
    expect(first?.request).toMatchObject({
      model: "tiny",
      class: RequestClass.BATCH,
      cachePolicy: CachePolicy.REFRESH,
    });
    expect(first?.request.sampling).toMatchObject({ temperature: 0, maxTokens: 32 });
    expect([...world.entries.keys()].sort()).toEqual(
      Array.from({ length: 10 }, (_, i) => cacheKey(inputOf({ question: `q${i}`, atMs: 0 })).storeKey).sort(),
    );
    expect(world.log.published.map(({ kind }) => kind)).toEqual(["cacheWarmed"]);
    expect(world.warming.size).toBe(0);
  });

  it("makes nothing twice: what is there stays, what was pruned is put back, what has no text is only counted", async () => {
    const world = new World();
    world.fill(6);
    world.fill(2, { tenant: "silent", isLogged: false });
    const keyAt = (i: number) => cacheKey(inputOf({ question: `q${i}`, atMs: 0 })).storeKey;
    world.store(keyAt(0));
    world.pruned.set(`acme:${keyOf({ question: "q1", atMs: 0 })}`, keyAt(1));
    const end = await world.end();
    expect(end).toMatchObject({ candidates: 8, resident: 1, restored: 1, generated: 4, withoutText: 2 });
    expect(world.asked.some(({ request }) => ["q0", "q1"].includes(request.prompt))).toBe(false);
    expect(world.entries.size).toBe(6);
  });

  it("changes nothing in a dry run, and promises the same", async () => {
    const world = new World();
    world.fill(10);
    const dry = await world.end({ dryRun: true });
    expect([world.asked.length, world.warmUps.list().length, world.log.published.length]).toEqual([0, 0, 0]);
    expect(dry).toMatchObject({ phase: WarmPhase.DONE, candidates: 10 });
    expect(dry.predictedHitGainPp).toBeGreaterThan(0);
    expect((await world.end()).predictedHitGainPp).toBe(dry.predictedHitGainPp);
  });

  it("spends no more tokens than it may, and only restores with none", async () => {
    const world = new World();
    world.fill(50);
    const some = await world.end({ tokenBudget: BigInt(7 * TOKENS + 5), concurrency: 4 });
    expect(some).toMatchObject({ generated: 7, tokensSpent: BigInt(7 * TOKENS) });
    const none = await world.end({ tokenBudget: 0n });
    expect([none.generated, none.withoutText]).toEqual([0, 43]);
  });

  it("stops within the budget where answers are longer than they were", async () => {
    const world = new World();
    for (let i = 0; i < 90; i++) {
      world.log.add({
        question: `q${i % 30}`,
        atMs: world.clock.ms - 90_000 + i,
        promptTokens: 1,
        completionTokens: 1,
      });
    }
    const end = await world.end({ tokenBudget: 50n, concurrency: 2 });
    expect(Number(end.tokensSpent)).toBeLessThanOrEqual(50 + TOKENS);
    expect(end.text).toContain("token");
  });

  it("leaves out tenants without a credential and those the router does not know, and says so", async () => {
    const world = new World();
    world.fill(3);
    world.fill(3, { tenant: "globex" });
    world.credentials = ["acme"];
    expect(await world.end()).toMatchObject({ generated: 3, failed: 3, text: expect.stringContaining("globex") });
    const stranger = new World();
    stranger.fill(5);
    stranger.before = () => {
      throw new UnauthenticatedError("the API key is not known");
    };
    const end = await stranger.end({ concurrency: 1 });
    expect([end.failed, stranger.asked.length]).toEqual([5, 1]);
    expect(end.text).toContain("the API key is not known");
  });

  it("asks again where the router is full, and gives up after a minute of refusals", async () => {
    const world = new World();
    world.fill(4);
    let refusals = 3;
    world.before = () => {
      if (refusals-- > 0) throw new OverloadedError("full", 1);
    };
    expect(await world.end({ concurrency: 1 })).toMatchObject({ generated: 4, failed: 0 });
    const closed = new World();
    closed.fill(4);
    closed.before = () => {
      closed.clock.ms += 25_000;
      throw new OverloadedError("full", 1);
    };
    const end = await closed.end({ concurrency: 1 });
    expect(end.generated).toBe(0);
    expect(end.text).toContain("the router took nothing for 60 s");
  });

  it("ends at once when its caller leaves, and runs only once at a time", async () => {
    const world = new World();
    world.fill(20);
    let aborted = 0;
    world.before = (_, signal) =>
      sleep(60_000, undefined, { signal }).catch(() => {
        aborted += 1;
      });
    const left = new AbortController();
    const order = orderOf(create(WarmRequestSchema, { concurrency: 3, controlShare: 0.5 }));
    const reading = Array.fromAsync(world.warmUps.warm(order, left.signal));
    reading.catch(() => undefined);
    while (world.asked.length < 3) await sleep(1);
    await expect(world.run()).rejects.toThrow(/warm-up [0-9a-f]{8} is running/);
    left.abort(new Error("gone"));
    await expect(reading).rejects.toThrow("gone");
    expect([aborted, world.asked.length]).toEqual([3, 3]);
    expect(world.warmUps.list()[0]?.result).toMatchObject({ generated: 0, text: "stopped: gone" });
    world.before = () => undefined;
    expect((await world.end()).generated).toBe(20);
  });

  it("tells its phases in order and merges what is between them", async () => {
    const world = new World();
    world.fill(300);
    const told = await world.run({ prefixes: 2 });
    const phases = told.map(({ phase }) => phase);
    expect(phases.toSorted((a, b) => a - b)).toEqual(phases);
    expect(phases.at(-1)).toBe(WarmPhase.DONE);
    expect(told.length).toBeLessThan(100);
    const made = told.map(({ generated }) => generated);
    expect(made.toSorted((a, b) => a - b)).toEqual(made);
  });
});

describe("what it gained", () => {
  it("is measured on the requests that come after, against questions left cold, and told twice", async () => {
    const world = new World();
    world.fill(200);
    const end = await world.end({ controlShare: 0.3 });
    expect(end.control).toBeGreaterThan(30);
    expect(end.generated + end.control).toBe(200);
    expect(world.warmUps.list()[0]?.gain).toBeUndefined();
    const served = new Set([...world.entries.keys()].map((key) => key.slice(5, 21)));
    world.clock.ms += 1000;
    for (let i = 0; i < 600; i++) {
      const question = `q${i % 200}`;
      const isHit = i >= 400 || served.has(keyOf({ question, atMs: 0 }));
      const status = isHit ? CacheStatus.HIT : CacheStatus.MISS;
      world.log.add({ question, atMs: world.clock.ms + i, status, ttftMs: isHit ? 2 : 100 });
      world.log.add({ question: "measured by the mesh", atMs: world.clock.ms + i, workload: "evaluation" });
    }
    for (let i = 0; i < 100; i++) world.log.add({ question: `other ${i}`, atMs: world.clock.ms + i });
    const gain = world.warmUps.list()[0]?.gain;
    expect(gain).toMatchObject({
      usedShare: 1,
      controlRequests: BigInt(3 * end.control),
      controlHits: BigInt(end.control),
    });
    expect(gain?.hitGainPp?.value).toBeCloseTo(200 / 3, 6);
    expect(gain?.ttftGain?.value).toBeGreaterThan(0.4);
    const share = (3 * end.generated) / 700;
    expect(gain?.overallHitGainPp?.value).toBeCloseTo((200 / 3) * share, 6);
    for (const timer of world.timers) timer();
    await expect.poll(() => world.log.published.length).toBe(2);
    const told = world.log.published.map((event) => event.kind === "cacheWarmed" && event.message.hitGainPp);
    expect(told).toEqual([undefined, gain?.overallHitGainPp?.value]);
  });

  it("is kept of the last sixteen runs, newest first", async () => {
    const world = new World();
    world.fill(2);
    const ids: string[] = [];
    for (let i = 0; i < 18; i++) ids.unshift((await world.end()).runId);
    expect(world.warmUps.list().map(({ result }) => result?.runId)).toEqual(ids.slice(0, 16));
  });
});

it("refuses what makes no sense, field by field", () => {
  const request = create(WarmRequestSchema, { window: { seconds: 200_000n }, controlShare: 2, concurrency: 99 });
  expect(() => orderOf(request)).toThrow(/window.*control_share.*concurrency/s);
});
