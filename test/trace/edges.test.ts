// One trace from the client to the last consumer of its events: every hop has the right parent, every event is linked.
import { startTelemetry, stopTelemetry, withSpan } from "@chimera/telemetry";
import { ask, OtlpReceiver, type ReceivedSpan, startTestMesh, ticket, until } from "@chimera/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const SEND = "send chimera.v1.request.*.finished";
const PROCESS = "process chimera.v1.request.*.finished";

let receiver: OtlpReceiver;
let spans: ReceivedSpan[];
let traceId: string;

beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  Object.assign(process.env, receiver.env);
  await startTelemetry("client");
  await using test = await startTestMesh({ env: receiver.env });
  traceId = await withSpan("a user's call", {}, async (span) => {
    const answer = await ask(test.router, ticket("my parcel has not arrived"), { tenant: "acme" });
    expect(answer.accepted.traceId).toBe(span.spanContext().traceId);
    return span.spanContext().traceId;
  });
  await until("both consumers' spans", () => named(PROCESS).length === 2);
  // Spans leave in batches; the mesh sends its last ones while it stops.
  await Promise.all([stopTelemetry(), test.mesh.stop()]);
  spans = receiver.trace(traceId);
});
afterAll(() => receiver[Symbol.asyncDispose]());

function named(name: string): ReceivedSpan[] {
  return receiver.trace(traceId).filter((span) => span.name === name);
}

function only(name: string, kind: string, service: string): ReceivedSpan {
  const found = spans.filter((span) => span.name === name && span.kind === kind && span.service === service);
  expect(found.length, `${kind} ${name} of ${service}`).toBe(1);
  return found[0] as ReceivedSpan;
}

const EDGES: [child: [string, string, string], parent: [string, string, string]][] = [
  [
    ["chimera.router.v1.RouterService/Generate", "client", "client"],
    ["a user's call", "internal", "client"],
  ],
  [
    ["chimera.router.v1.RouterService/Generate", "server", "chimera-router"],
    ["chimera.router.v1.RouterService/Generate", "client", "client"],
  ],
  [
    ["chimera.cache.v1.CacheService/Lookup", "client", "chimera-router"],
    ["chimera.router.v1.RouterService/Generate", "server", "chimera-router"],
  ],
  [
    ["chimera.cache.v1.CacheService/Lookup", "server", "chimera-cache"],
    ["chimera.cache.v1.CacheService/Lookup", "client", "chimera-router"],
  ],
  [
    ["chimera.inference.v1.InferenceService/Generate", "client", "chimera-router"],
    ["chimera.router.v1.RouterService/Generate", "server", "chimera-router"],
  ],
  [
    ["chimera.inference.v1.InferenceService/Generate", "server", "chimera-inference"],
    ["chimera.inference.v1.InferenceService/Generate", "client", "chimera-router"],
  ],
  [
    ["chimera.cache.v1.CacheService/Store", "server", "chimera-cache"],
    ["chimera.cache.v1.CacheService/Store", "client", "chimera-router"],
  ],
  [
    [SEND, "producer", "chimera-router"],
    ["chimera.router.v1.RouterService/Generate", "server", "chimera-router"],
  ],
  [
    [PROCESS, "consumer", "chimera-evaluator"],
    [SEND, "producer", "chimera-router"],
  ],
  [
    [PROCESS, "consumer", "chimera-insight"],
    [SEND, "producer", "chimera-router"],
  ],
];

describe("one request", () => {
  it.each(EDGES)("%j is a child of %j", (child, parent) => {
    expect(only(...child).parentSpanId).toBe(only(...parent).spanId);
  });

  it("links each consumer to the event it handled", () => {
    const sent = only(SEND, "producer", "chimera-router");
    for (const service of ["chimera-evaluator", "chimera-insight"]) {
      expect(only(PROCESS, "consumer", service).links).toContainEqual({ traceId, spanId: sent.spanId });
    }
  });

  it("has one root, and no span without its parent", () => {
    const ids = new Set(spans.map(({ spanId }) => spanId));
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === "");
    expect(roots.map(({ name }) => name)).toEqual(["a user's call"]);
    expect(spans.filter(({ parentSpanId }) => parentSpanId !== "" && !ids.has(parentSpanId))).toEqual([]);
  });

  it("says on the router's span what happened, and no prompt anywhere", () => {
    const { attributes } = only("chimera.router.v1.RouterService/Generate", "server", "chimera-router");
    expect(attributes).toMatchObject({
      "chimera.tenant": "acme",
      "chimera.cache.status": "miss",
      "gen_ai.request.model": "triage-1.4m",
      "rpc.response.status_code": "OK",
    });
    expect(attributes["gen_ai.response.time_to_first_chunk"]).toBeGreaterThan(0);
    expect(JSON.stringify(spans)).not.toMatch(/parcel|shipping/);
  });
});
