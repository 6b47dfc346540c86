// Tracing and metrics for the mesh: names, spans, propagation, instruments, start and stop.
export { BoundedLabel } from "./bounded-label.ts";
export { buckets } from "./buckets.ts";
export { durationHistogram, meter, metricsOn } from "./metrics.ts";
export { metricNames, names } from "./names.ts";
export { extractTrace, injectTrace } from "./propagation.ts";
export { startTelemetry, stopTelemetry } from "./sdk.ts";
export { currentTraceId, failSpan, iterateWithin, tracer, withSpan } from "./spans.ts";
