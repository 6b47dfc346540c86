// The whole evaluator in this process, its router scripted, NATS out of reach: no RPC may depend on it.

import { CachePolicy, Role } from "@chimera/contracts/common";
import type { CompareResult } from "@chimera/contracts/evaluator";
import { OverloadedError, UnavailableError } from "@chimera/kernel";
import { fromConnectError, ownedStream } from "@chimera/rpc";
import { loadTickets } from "@chimera/tickets";
import { afterEach, describe, expect, it } from "vitest";
import { type RunningEvaluator, resultOf, startEvaluator } from "./testing/running-evaluator.ts";
import { accepted, complete, delta, type Script } from "./testing/scripted-router.ts";

let running: RunningEvaluator | undefined;
afterEach(async () => {
  await running?.[Symbol.asyncDispose]();
  running = undefined;
});

async function start(script: Script, settings: Record<string, string> = {}): Promise<RunningEvaluator> {
  running = await startEvaluator(script, settings);
  return running;
}

// A text may mean one thing to one tenant and another to the next.
const keyOf = (tenant: string, input: string | undefined) => `${tenant}: ${input}`;

async function targets(split: "validation" | "holdout"): Promise<ReadonlyMap<string, string>> {
  const tickets = await loadTickets(split);
  return new Map(tickets.map(({ tenant, input, target }) => [keyOf(tenant, input), target]));
}

/** Knows every answer. */
function oracle(answers: ReadonlyMap<string, string>): Script {
  return async function* ({ request, tenant }) {
    yield accepted(request.requestId);
    const [first = "", second = ""] = (answers.get(keyOf(tenant, request.messages[0]?.content)) ?? "").split(" ");
    yield delta(0, first);
    yield delta(1, ` ${second}\n`);
    yield complete();
  };
}

describe("Evaluate", () => {
  it("plays a whole split and finds a perfect model perfect", async () => {
    const setup = await start(oracle(await targets("validation")));
    const result = await resultOf(setup, { split: "validation" });
    expect(result).toMatchObject({ dataset: "tickets", split: "validation", n: 480, failed: 0, model: "tiny" });
    expect(result.modelVersion).toBe("v1");
    expect(result.accuracy?.value).toBe(1);
    expect(result.accuracy?.low).toBeGreaterThan(0.98);
    expect(result.macroF1?.value).toBe(1);
    expect(result.classes.length).toBe(8);
    expect(result.datasetHash).toMatch(/^[0-9a-f]{64}$/);
  });

  it("asks as the item's tenant, around the cache, greedily, each request under an id of its own", async () => {
    const answers = await targets("holdout");
    const setup = await start(oracle(answers));
    await resultOf(setup, { limit: 30 });
    expect(setup.router.calls.length).toBe(30);
    for (const { request, tenant } of setup.router.calls) {
      const [message] = request.messages;
      expect(answers.has(keyOf(tenant, message?.content))).toBe(true);
      expect(message?.role).toBe(Role.USER);
      expect(request.cachePolicy).toBe(CachePolicy.BYPASS);
      expect(request.sampling).toMatchObject({ temperature: 0, maxTokens: 16 });
      expect(request.requestId.length).toBeLessThanOrEqual(64);
    }
    expect(new Set(setup.router.calls.map(({ request }) => request.requestId)).size).toBe(30);
  });

  it("tries again where nothing was received, at most twice", async () => {
    const answer = oracle(await targets("holdout"));
    const tries = new Map<string, number>();
    const setup = await start(async function* (call) {
      const text = call.request.messages[0]?.content ?? "";
      const count = (tries.get(text) ?? 0) + 1;
      tries.set(text, count);
      if (count < 3) throw new OverloadedError("busy", 1);
      yield* answer(call);
    });
    const result = await resultOf(setup, { limit: 5 });
    expect(result).toMatchObject({ n: 5, failed: 0 });
    expect([...tries.values()]).toEqual([3, 3, 3, 3, 3]);
  });

  it("does not try again after the first token: the item failed, is wrong and is listed", async () => {
    const answer = oracle(await targets("holdout"));
    const setup = await start(async function* (call) {
      if (setup.router.calls.length > 1) return yield* answer(call);
      yield accepted(call.request.requestId);
      yield delta(0, "intent=");
      throw new UnavailableError("replica lost");
    });
    const result = await resultOf(setup, { limit: 10 });
    expect(setup.router.calls.length).toBe(10);
    expect(result).toMatchObject({ n: 10, failed: 1 });
    expect(result.accuracy?.value).toBeCloseTo(0.9, 12);
    expect(result.failures).toMatchObject([{ status: "UNAVAILABLE", message: "replica lost" }]);
  });

  it("takes a stream that ends without its last part for a failure", async () => {
    const answer = oracle(await targets("holdout"));
    const setup = await start(async function* (call) {
      if (setup.router.calls.length > 1) return yield* answer(call);
      yield accepted(call.request.requestId);
      yield delta(0, "intent=bug");
    });
    const result = await resultOf(setup, { limit: 4 });
    expect(result.failures).toMatchObject([{ status: "INTERNAL" }]);
  });

  it("ends an answer that takes too long as a failed item", async () => {
    const answer = oracle(await targets("holdout"));
    const setup = await start(
      async function* (call) {
        if (setup.router.calls.length > 1) return yield* answer(call);
        yield accepted(call.request.requestId);
        await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
      },
      { EVALUATOR_REQUEST_TIMEOUT_MS: "500" },
    );
    const result = await resultOf(setup, { limit: 4 });
    expect(result.failures.map(({ status }) => status)).toEqual(["DEADLINE_EXCEEDED"]);
  });

  it("aborts every request at the router when the caller leaves", async () => {
    const aborted = Promise.withResolvers<void>();
    const waiting = Promise.withResolvers<void>();
    let open = 0;
    const answer = oracle(await targets("holdout"));
    const setup = await start(async function* (call) {
      if (setup.router.calls.length <= 10) return yield* answer(call);
      open += 1;
      if (open === 8) waiting.resolve();
      yield accepted(call.request.requestId);
      await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
      open -= 1;
      if (open === 0) aborted.resolve();
    });
    for await (const _ of ownedStream((signal) => setup.client.client.evaluate({}, { signal }))) {
      await waiting.promise;
      break;
    }
    await aborted.promise;
    expect(open).toBe(0);
  });

  it("sends every item's result beside the progress where it is asked to", async () => {
    const { client } = await start(oracle(await targets("holdout")));
    const items = [];
    const request = { limit: 10, repeats: 2, sendItems: true, scorers: ["classification", "exact_match"] };
    for await (const { event } of ownedStream((signal) => client.client.evaluate(request, { signal }))) {
      if (event.case === "item") items.push(event.value);
      if (event.case === "result") expect(event.value).toMatchObject({ n: 20, clusters: 10 });
    }
    expect(items.map(({ repeat }) => repeat).toSorted()).toEqual([...Array(10).fill(0), ...Array(10).fill(1)]);
    for (const { status, predicted, target, scores } of items) {
      expect({ status, predicted, scores }).toEqual({
        status: "OK",
        predicted: target,
        scores: { classification: 1, exact_match: 1 },
      });
    }
  });

  it("puts solved tickets of the item's tenant before it", async () => {
    const answers = await targets("holdout");
    const setup = await start(async function* ({ request, tenant }) {
      yield accepted(request.requestId);
      yield delta(0, answers.get(keyOf(tenant, request.messages.at(-1)?.content)) ?? "");
      yield complete();
    });
    expect((await resultOf(setup, { limit: 5, prompt: { shots: 4, template: "desk" } })).accuracy?.value).toBe(1);
    for (const { request } of setup.router.calls) {
      const { SYSTEM, USER, ASSISTANT } = Role;
      const shots = [USER, ASSISTANT, USER, ASSISTANT, USER, ASSISTANT, USER, ASSISTANT];
      expect(request.messages.map(({ role }) => role)).toEqual([SYSTEM, ...shots, USER]);
    }
  });

  it("sends its key in place of the tenant where it has one", async () => {
    const setup = await start(oracle(new Map()), { EVALUATOR_API_KEY: "k1" });
    await resultOf(setup, { limit: 3 });
    const callers = setup.router.calls.map(({ tenant, authorization }) => `${tenant}|${authorization}`);
    expect(callers).toEqual(Array.from({ length: 3 }, () => "|Bearer k1"));
  });

  it("keeps no run without NATS, and says so to whoever wants to come back to it", async () => {
    const setup = await start(oracle(new Map()));
    const error = fromConnectError(await resultOf(setup, { runId: "nightly" }).catch((thrown: unknown) => thrown));
    expect(error).toMatchObject({ kind: "unavailable" });
    expect(error.message).toContain("leave run_id out");
    expect(setup.router.calls.length).toBe(0);
  });

  it("says why where the router can not be reached", async () => {
    const setup = await start(oracle(new Map()), { CHIMERA_ROUTER_URL: "http://127.0.0.1:1" });
    const error = fromConnectError(await resultOf(setup, {}).catch((thrown: unknown) => thrown));
    expect(error.kind).toBe("unavailable");
    expect(error.message).toContain("the first 20 requests all failed");
  });

  it.each([
    [{ split: "history" }, "invalid-argument", "split: one of train, validation, holdout"],
    [{ dataset: "../secret" }, "invalid-argument", "dataset: up to 64"],
    [{ concurrency: 65 }, "invalid-argument", "concurrency: at most 64"],
    [{ dataset: "other" }, "not-found", "known are tickets"],
    [{ repeats: 17 }, "invalid-argument", "repeats: at most 16"],
    [{ runId: "a.b" }, "invalid-argument", "run_id: 1 to 64"],
    [{ prompt: { shots: 17 } }, "invalid-argument", "prompt.shots: at most 16"],
    [{ scorers: ["bleu"] }, "not-found", "exact_match"],
    [{ scorers: ["calibration"] }, "invalid-argument", "probabilities"],
    [{ scorers: ["judge"], scorerParameters: { judge: "[]" } }, "invalid-argument", "scorer_parameters.judge"],
    [{ scorers: ["judge"], scorerParameters: { judge: '{"best":1}' } }, "invalid-argument", "parameters.best"],
    [{ scorerParameters: { judge: "{}" } }, "invalid-argument", "none of the scorers of this run"],
  ])("refuses %j before anything is asked", async (request, kind, message) => {
    const { client, router } = await start(oracle(new Map()));
    const stream = ownedStream((signal) => client.client.evaluate(request, { signal }));
    const error = fromConnectError(await stream.next().catch((thrown: unknown) => thrown));
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(message);
    expect(router.calls.length).toBe(0);
  });

  it("refuses one run more than it may hold, and takes the next after one ended", async () => {
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const answer = oracle(await targets("holdout"));
    const setup = await start(
      async function* (call) {
        reached.resolve();
        await gate.promise;
        yield* answer(call);
      },
      { EVALUATOR_MAX_RUNS: "1" },
    );
    const first = resultOf(setup, { limit: 2 });
    await reached.promise;
    const error = fromConnectError(await resultOf(setup, { limit: 2 }).catch((thrown: unknown) => thrown));
    expect(error).toMatchObject({ kind: "unavailable", retryAfterMs: 5000 });
    gate.resolve();
    await first;
    expect((await resultOf(setup, { limit: 2 })).n).toBe(2);
  });
});

describe("Compare", () => {
  it("asks both sides of every item and finds the better one better", async () => {
    const answers = await targets("validation");
    const setup = await start(async function* ({ request, tenant }) {
      yield accepted(request.requestId);
      const isWarm = request.sampling?.temperature === 1;
      const target = answers.get(keyOf(tenant, request.messages[0]?.content)) ?? "";
      yield delta(0, isWarm && target.includes("refund") ? "intent=bug" : target);
      yield complete();
    });
    let result: CompareResult | undefined;
    const request = {
      split: "validation",
      limit: 120,
      baseline: { sampling: { temperature: 1, seed: 5 } },
      candidate: { sampling: { temperature: 0 } },
    };
    for await (const { event } of ownedStream((signal) => setup.client.client.compare(request, { signal }))) {
      if (event.case === "result") result = event.value;
    }
    expect(setup.router.calls.length).toBe(240);
    expect(result).toMatchObject({ verdict: "better", onlyBaselineRight: 0 });
    expect(result?.candidate?.accuracy?.value).toBe(1);
    expect(result?.baseline?.n).toBe(120);
    expect(result?.accuracyDifference?.low).toBeGreaterThan(0);
    expect(result?.macroF1Difference?.low).toBeGreaterThan(0);
  });

  it("ends as soon as a confidence sequence is sure, where it may", async () => {
    const answers = await targets("holdout");
    const setup = await start(async function* ({ request, tenant }) {
      yield accepted(request.requestId);
      const isWarm = request.sampling?.temperature === 1;
      yield delta(0, isWarm ? "nothing" : (answers.get(keyOf(tenant, request.messages[0]?.content)) ?? ""));
      yield complete();
    });
    const request = { baseline: { sampling: { temperature: 1 } }, stopAtLevel: 0.95 };
    for await (const { event } of ownedStream((signal) => setup.client.client.compare(request, { signal }))) {
      if (event.case !== "result") continue;
      expect(event.value.stoppedAt).toBeGreaterThanOrEqual(100);
      expect(event.value.baseline?.n).toBeLessThan(400);
      expect(event.value.verdict).toBe("better");
    }
  });

  it("names the side whose settings can not be used", async () => {
    const { client } = await start(oracle(new Map()));
    const request = { candidate: { prompt: { template: "x" } } };
    const stream = ownedStream((signal) => client.client.compare(request, { signal }));
    const error = fromConnectError(await stream.next().catch((thrown: unknown) => thrown));
    expect(error.violations.map(({ field }) => field)).toEqual(["candidate.prompt.template"]);
  });
});

describe("RecordFeedback", () => {
  const entry = { requestId: "r1", output: "intent=bug priority=low\n", target: "intent=bug priority=low" };

  it("takes feedback for requests it has not heard of yet", async () => {
    const { client } = await start(oracle(new Map()));
    const feedback = Array.from({ length: 1000 }, (_, i) => ({ ...entry, requestId: `r${i}` }));
    expect((await client.client.recordFeedback({ feedback })).taken).toBe(1000);
  });

  it("takes an empty answer: it is a wrong one", async () => {
    const { client } = await start(oracle(new Map()));
    expect((await client.client.recordFeedback({ feedback: [{ ...entry, output: "" }] })).taken).toBe(1);
  });

  it.each([
    ["no entry", [], "feedback"],
    ["1001 entries", Array.from({ length: 1001 }, () => entry), "feedback"],
    ["no request id", [entry, { ...entry, requestId: "" }], "feedback[1].request_id"],
    ["a long request id", [{ ...entry, requestId: "x".repeat(65) }], "feedback[0].request_id"],
    ["no target", [{ ...entry, target: "" }], "feedback[0].target"],
    ["a huge output", [{ ...entry, output: "x".repeat(65_537) }], "feedback[0].output"],
  ])("refuses %s and names the field", async (_, feedback, field) => {
    const { client } = await start(oracle(new Map()));
    const error = fromConnectError(await client.client.recordFeedback({ feedback }).catch((thrown: unknown) => thrown));
    expect(error.kind).toBe("invalid-argument");
    expect(error.violations.map((violation) => violation.field)).toEqual([field]);
  });
});
