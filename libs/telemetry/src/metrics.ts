// Metrics without ceremony. Where nothing takes them, `metricsOn()` is false and nobody needs to make any.
import { type Histogram, type Meter, metrics } from "@opentelemetry/api";

let on = false;

/** Whether this process sends metrics or lets them be fetched. */
export const metricsOn = () => on;

export function setMetricsOn(value: boolean): void {
  on = value;
}

/** Make instruments of it after `startTelemetry`: what is made before it stays without effect. */
export const meter = (): Meter => metrics.getMeter("chimera");

/** `boundaries` in seconds, as all durations are. */
export function durationHistogram(name: string, description: string, boundaries: readonly number[]): Histogram {
  return meter().createHistogram(name, {
    description,
    unit: "s",
    advice: { explicitBucketBoundaries: [...boundaries] },
  });
}
