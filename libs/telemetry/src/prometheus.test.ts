import { createServer } from "node:net";
import { diag } from "@opentelemetry/api";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { currentTraceId, durationHistogram, metricsOn, startTelemetry, stopTelemetry, withSpan } from "./index.ts";

const HOST = "127.0.0.1";
/** Whoever else runs here may have the usual port already. */
const neighbour = createServer();
let url: string;

beforeAll(async () => {
  const said = vi.spyOn(diag, "info");
  vi.stubEnv("OTEL_METRICS_EXPORTER", "prometheus");
  vi.stubEnv("OTEL_EXPORTER_PROMETHEUS_HOST", HOST);
  await new Promise<void>((resolve) => neighbour.once("error", () => resolve()).listen(9464, HOST, resolve));
  await startTelemetry("fetched");
  url = /http\S+/.exec(said.mock.calls.flat().join(" "))?.[0] ?? "";
});
afterAll(async () => {
  await stopTelemetry();
  neighbour.close();
  vi.unstubAllEnvs();
});

describe("metrics for Prometheus", () => {
  it("are served on the next free port where the usual one is taken", async () => {
    expect(metricsOn()).toBe(true);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:94\d\d\/metrics$/);
    expect(url).not.toContain(":9464/");
    durationHistogram("chimera.test.duration", "how long", [0.1, 0.5]).record(0.2, { who: "me" });
    const text = await (await fetch(url)).text();
    expect(text).toMatch(/chimera_test_duration_bucket\{.*who="me".*le="0.1".*\} 0/);
    expect(text).toMatch(/chimera_test_duration_bucket\{.*who="me".*le="0.5".*\} 1/);
    expect(text).toContain('service_name="fetched"');
  });

  it("leave every call with a trace id, though no trace is sent", async () => {
    expect(await withSpan("a call", {}, () => currentTraceId())).toMatch(/^[0-9a-f]{32}$/);
  });
});
