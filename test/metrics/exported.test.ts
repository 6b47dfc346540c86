// What leaves a process as metrics, read by a receiver that shares no code with the SDK: names, units, buckets, attributes.
import { create } from "@bufbuild/protobuf";
import { CacheStatus, UsageSchema } from "@chimera/contracts/common";
import type { ChimeraEvent } from "@chimera/events";
import { OverloadedError, UnavailableError } from "@chimera/kernel";
import { startTelemetry, stopTelemetry } from "@chimera/telemetry";
import { OtlpReceiver, type ReceivedSeries } from "@chimera/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineDescription } from "../../services/inference/src/engine/engine.ts";
import { recordGeneration } from "../../services/inference/src/rpc/generation-metrics.ts";
import { openOutcome } from "../../services/router/src/measure/outcome.ts";
import { Stats } from "../../services/router/src/measure/stats.ts";
import { HandClock } from "../../services/router/src/measure/testing/hand-clock.ts";
import type { Door } from "../../services/router/src/path/call.ts";
import { reportOutcome } from "../../services/router/src/path/report-outcome.ts";

const clock = new HandClock();
const stats = new Stats(clock, () => 3);
const sent: ChimeraEvent[] = [];
const context = {
  ...{ clock, stats, settings: { version: 0 }, config: { name: "router-1" } },
  newId: () => "id",
  events: { publish: (event: ChimeraEvent) => void sent.push(event) },
};

function open(tenant = "acme", door: Door = "grpc") {
  const signal = new AbortController().signal;
  return openOutcome(context, { tenant, workload: "", door, signal, arrivedAtMs: clock.ms });
}

function accepted(tenant?: string, door?: Door) {
  const outcome = open(tenant, door);
  outcome.asked({ request: { requestId: "r", model: "tiny", prompt: "" }, requestClass: "batch" });
  outcome.accepted({ requestId: "r", model: { id: "tiny", version: "v1" } });
  outcome.cached({ status: CacheStatus.MISS, reason: "" });
  return outcome;
}

/** One answered after a wait, a retry, a hedge and a resumption; one refused, one failed, one of an OpenAI client. */
function traffic(): void {
  const answered = accepted();
  answered.queued(20);
  for (let i = 0; i < 3; i++) answered.attempted();
  answered.attempted("hedge");
  answered.resumed();
  clock.ms += 420;
  answered.deltas(1);
  clock.ms += 30;
  answered.deltas(4);
  const usage = create(UsageSchema, { promptTokens: 100, cachedTokens: 64, completionTokens: 6 });
  answered.completed(usage, undefined);
  reportOutcome(context, answered.close());

  const refused = open();
  refused.refused("no room");
  refused.fail(new OverloadedError("no room", 100));
  reportOutcome(context, refused.close());

  const failed = accepted("acme", "connect");
  failed.attempted();
  failed.fail(new UnavailableError("gone"));
  reportOutcome(context, failed.close());

  const openai = accepted("acme", "openai");
  openai.completed(undefined, undefined);
  reportOutcome(context, openai.close());
}

function generation(): void {
  const served = { engine: "simulated", model: "tiny" } as EngineDescription;
  recordGeneration({ input: { kind: "prompt", prompt: "p" }, sampling: {} }, served, {
    kind: "complete",
    finishReason: "stop",
    usage: { promptTokens: 9, cachedTokens: 0, completionTokens: 11 },
    timings: { queueMs: 1, prefillMs: 300, firstTokenMs: 340, totalMs: 540 },
  });
}

let receiver: OtlpReceiver;

beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  Object.assign(process.env, receiver.env);
  await startTelemetry("under-test");
  traffic();
  generation();
  for (let i = 0; i < 80; i++) reportOutcome(context, open(`tenant-${i}`).close());
  await stopTelemetry();
});
afterAll(() => receiver[Symbol.asyncDispose]());

function only(name: string, attributes: Record<string, unknown> = {}): ReceivedSeries {
  const found = receiver
    .series(name)
    .filter((each) => Object.entries(attributes).every(([key, value]) => each.attributes[key] === value));
  expect(found.length, `series of ${name}`).toBe(1);
  return found[0] as ReceivedSeries;
}

/** The bucket the one value of a histogram fell into: above the first bound, up to the second. */
function bucketOf({ bounds, bucketCounts }: ReceivedSeries): [number | undefined, number | undefined] {
  const index = bucketCounts.indexOf(1);
  return [bounds[index - 1], bounds[index]];
}

const ACME = { "chimera.tenant": "acme" };
const MODEL = { ...ACME, "gen_ai.request.model": "tiny", "gen_ai.provider.name": "chimera" };

describe("the router's metrics", () => {
  it("count demand with what was refused, by tenant and door", () => {
    expect(only("chimera.router.demand", { ...ACME, "chimera.router.door": "grpc" })).toMatchObject({
      service: "under-test",
      unit: "{request}",
      value: 2,
    });
    expect(only("chimera.router.refused", ACME)).toMatchObject({
      value: 1,
      attributes: { "chimera.router.refusal": "no room" },
    });
  });

  it("tell retries, hedges and resumptions apart", () => {
    const batch = { ...ACME, "chimera.router.class": "batch" };
    expect(only("chimera.router.retries", batch).value).toBe(1);
    expect(only("chimera.router.hedges", batch).value).toBe(1);
    expect(only("chimera.router.resumptions", batch).value).toBe(1);
    expect(only("chimera.router.queue.duration", batch)).toMatchObject({ unit: "s", count: 1, value: 0.02 });
  });

  it("show what is in flight and what waits", () => {
    expect(only("chimera.router.in_flight").value).toBe(0);
    expect(only("chimera.router.queued").value).toBe(3);
  });

  it("have the GenAI client names, in seconds, with buckets that part 0.42 s from 0.5 s", () => {
    const first = only("gen_ai.client.inference.time_to_first_chunk", { ...MODEL, "gen_ai.operation.name": "chat" });
    expect(first).toMatchObject({ unit: "s", count: 1, attributes: { "chimera.cache.status": "miss" } });
    expect(first.value).toBeCloseTo(0.42, 9);
    expect(bucketOf(first)).toEqual([0.4, 0.45]);
    for (const edge of [0.3, 0.35, 0.5, 0.6]) expect(first.bounds).toContain(edge);
    expect(only("gen_ai.client.inference.time_per_output_chunk", MODEL).value).toBeCloseTo(0.03 / 4, 9);
    const durations = receiver.series("gen_ai.client.inference.duration");
    const sorted = durations.map(({ attributes, count }) => [attributes["error.type"], count]);
    expect(sorted).toContainEqual([undefined, 2]);
    expect(sorted).toContainEqual(["UNAVAILABLE", 1]);
  });

  it("count tokens, the cached ones apart", () => {
    expect(only("gen_ai.client.inference.usage.input_tokens", MODEL)).toMatchObject({ unit: "{token}", value: 100 });
    expect(only("gen_ai.client.inference.usage.output_tokens", MODEL).value).toBe(6);
    expect(only("gen_ai.client.inference.usage.cache_read.input_tokens", MODEL).value).toBe(64);
  });

  it("have calls by method and status, and no call for an OpenAI client", () => {
    const calls = receiver.series("rpc.server.call.duration");
    const method = "chimera.router.v1.RouterService/Generate";
    expect(calls.every(({ attributes }) => attributes["rpc.method"] === method)).toBe(true);
    const by = (system: string, status: string) =>
      calls.find(
        ({ attributes: has }) => has["rpc.system.name"] === system && has["rpc.response.status_code"] === status,
      );
    expect(by("grpc", "OK")).toMatchObject({ count: 1, value: 0.45 });
    expect(by("grpc", "UNAVAILABLE")?.count).toBe(1);
    expect(by("connectrpc", "UNAVAILABLE")?.attributes["error.type"]).toBe("UNAVAILABLE");
    expect(by("connectrpc", "OK")).toBeUndefined();
  });

  it("tell a bounded number of tenants apart", () => {
    const tenants = receiver.series("chimera.router.demand").map(({ attributes }) => attributes["chimera.tenant"]);
    expect(new Set(tenants).size).toBe(51);
    expect(only("chimera.router.demand", { "chimera.tenant": "other" }).value).toBe(31);
  });

  it("say nothing of what was asked or answered", () => {
    const keys = new Set(
      receiver
        .series()
        .filter(({ name }) => /^(chimera|gen_ai|rpc)\./.test(name))
        .flatMap(({ attributes }) => Object.keys(attributes)),
    );
    const known = [
      ...["chimera.tenant", "chimera.cache.status", "chimera.router.class", "chimera.router.door"],
      ...["chimera.router.refusal", "error.type", "gen_ai.operation.name", "gen_ai.provider.name"],
      ...["gen_ai.request.model", "rpc.method", "rpc.response.status_code", "rpc.system.name"],
    ];
    expect([...keys].sort()).toEqual(known.sort());
  });
});

describe("the inference service's metrics", () => {
  it("have the GenAI server names", () => {
    const attributes = { "gen_ai.operation.name": "text_completion", "gen_ai.provider.name": "simulated" };
    expect(only("gen_ai.server.request.duration", attributes).value).toBeCloseTo(0.54, 9);
    const first = only("gen_ai.server.time_to_first_token", attributes);
    expect(bucketOf(first)).toEqual([0.3, 0.35]);
    expect(only("gen_ai.server.time_per_output_token", attributes).value).toBeCloseTo(0.02, 9);
  });
});

it("leaves the event with what the contract has of a request", () => {
  const [answered, refused] = sent.map(({ message }) => message);
  expect(answered).toMatchObject({
    ...{ requestId: "r", tenant: "acme", model: "tiny", modelVersion: "v1", door: "grpc", status: "OK" },
    ...{ queueMs: 20, attempts: 4, resumptions: 1, class: "batch", refusal: "", ttftMs: 420, turnMs: 450 },
    ...{ router: "router-1", usage: { completionTokens: 6 } },
  });
  expect(refused).toMatchObject({ status: "UNAVAILABLE", refusal: "no room", class: "interactive", attempts: 0 });
  expect(refused).not.toHaveProperty("ttftMs");
});
