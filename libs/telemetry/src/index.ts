// Tracing for the mesh: names, spans, propagation, start and stop.
export { names } from "./names.ts";
export { extractTrace, injectTrace } from "./propagation.ts";
export { startTelemetry, stopTelemetry } from "./sdk.ts";
export { currentTraceId, failSpan, iterateWithin, tracer, withSpan } from "./spans.ts";
