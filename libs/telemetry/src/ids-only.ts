// Spans of a process that exports none: they carry ids, so that every request has a trace id and a caller's trace goes on to
// whoever does export, and they cost next to nothing.
import { randomFillSync } from "node:crypto";
import {
  type Context,
  context,
  isSpanContextValid,
  type Span,
  type SpanContext,
  type SpanOptions,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

class IdsTracer implements Tracer {
  startSpan(_name: string, options: SpanOptions = {}, parent: Context = context.active()): Span {
    return trace.wrapSpanContext(childOf(options.root ? undefined : trace.getSpanContext(parent)));
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, ...rest: unknown[]): ReturnType<F> {
    const run = rest.pop() as F;
    const [options, parent = context.active()] = rest as [SpanOptions?, Context?];
    const span = this.startSpan(name, options, parent);
    return context.with(trace.setSpan(parent, span), () => run(span)) as ReturnType<F>;
  }
}

export const idsOnly: TracerProvider = { getTracer: () => new IdsTracer() };

function childOf(parent: SpanContext | undefined): SpanContext {
  const spanId = randomHex(SPAN_ID_BYTES);
  if (parent && isSpanContextValid(parent)) return { ...parent, spanId, isRemote: false };
  return { traceId: randomHex(TRACE_ID_BYTES), spanId, traceFlags: TraceFlags.NONE };
}

/** Random bytes are drawn for many ids at once. */
const pool = Buffer.alloc(8192);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
}
