import { metrics } from "@opentelemetry/api";
import { afterAll, expect, it } from "vitest";
import { BoundedLabel, buckets, currentTraceId, metricsOn, startTelemetry, stopTelemetry, withSpan } from "./index.ts";

afterAll(stopTelemetry);

it("makes no metrics where nothing is configured, and ids all the same", async () => {
  for (const name of Object.keys(process.env)) if (name.startsWith("OTEL_")) delete process.env[name];
  await startTelemetry("bare");
  expect(metricsOn()).toBe(false);
  expect(metrics.getMeterProvider().getMeter("any").constructor.name).toBe("NoopMeter");
  expect(await withSpan("a call", {}, () => currentTraceId())).toMatch(/^[0-9a-f]{32}$/);
});

it("keeps the names of the first values and calls later ones other", () => {
  const label = new BoundedLabel(2);
  expect(["a", "b", "c", "a", "d", "b"].map((value) => label.of(value))).toEqual([
    "a",
    "b",
    "other",
    "a",
    "other",
    "b",
  ]);
});

it("has ascending buckets without repetition, with the promised TTFT as an edge", () => {
  for (const bounds of Object.values(buckets)) {
    for (let i = 1; i < bounds.length; i++) expect(bounds[i]).toBeGreaterThan(bounds[i - 1] ?? Number.NaN);
  }
  for (const bounds of [buckets.clientTimeToFirst, buckets.serverTimeToFirst]) {
    for (const edge of [0.35, 0.5]) expect(bounds).toContain(edge);
  }
});
