import { context, ROOT_CONTEXT, TraceFlags, trace } from "@opentelemetry/api";
import { expect, it } from "vitest";
import { idsOnly } from "./ids-only.ts";

const tracer = idsOnly.getTracer("test");
const idsOf = (span: ReturnType<typeof tracer.startSpan>) => span.spanContext();

it("gives every root a trace of its own, and every span an id of its own", () => {
  const roots = Array.from({ length: 2000 }, () => idsOf(tracer.startSpan("x", {}, ROOT_CONTEXT)));
  expect(new Set(roots.map(({ traceId }) => traceId)).size).toBe(2000);
  expect(new Set(roots.map(({ spanId }) => spanId)).size).toBe(2000);
  expect(roots.every(({ traceId, spanId }) => /^[0-9a-f]{32}$/.test(traceId) && /^[0-9a-f]{16}$/.test(spanId))).toBe(
    true,
  );
  expect(roots.every(({ traceFlags }) => traceFlags === TraceFlags.NONE)).toBe(true);
});

it("goes on with a caller's trace, and with its wish to be sampled", () => {
  const caller = {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    traceFlags: TraceFlags.SAMPLED,
  };
  const span = tracer.startSpan("x", {}, trace.setSpanContext(ROOT_CONTEXT, caller));
  expect(idsOf(span)).toMatchObject({ traceId: caller.traceId, traceFlags: TraceFlags.SAMPLED });
  expect(idsOf(span).spanId).not.toBe(caller.spanId);
  expect(span.isRecording()).toBe(false);
});

it("runs what is asked within a new span, whatever is left out", () => {
  const runs = [
    tracer.startActiveSpan("x", (span) => span),
    tracer.startActiveSpan("x", {}, (span) => span),
    tracer.startActiveSpan("x", {}, context.active(), (span) => span),
  ];
  for (const span of runs) expect(idsOf(span).traceId).toMatch(/^[0-9a-f]{32}$/);
});
