// Spans without ceremony: start, run inside, record a failure, always end.
import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";

export const tracer = () => trace.getTracer("chimera");

/** Runs inside a new span. A thrown error marks it and passes on; its message is not recorded, it may quote a prompt. */
export async function withSpan<T>(
  name: string,
  attributes: Attributes,
  run: (span: Span) => Promise<T> | T,
): Promise<T> {
  return tracer().startActiveSpan(name, { attributes, kind: SpanKind.INTERNAL }, async (span) => {
    try {
      return await run(span);
    } catch (error) {
      failSpan(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

export function failSpan(span: Span, error: unknown): void {
  const type = error instanceof Error ? error.name : "error";
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: type });
}

/** 32 hex digits of the trace the caller runs in, or "" outside of any. */
export function currentTraceId(within: Context = context.active()): string {
  const spanContext = trace.getSpanContext(within);
  return spanContext && isSpanContextValid(spanContext) ? spanContext.traceId : "";
}

/**
 * Iterates `source` with `within` as the active context of every step, so that spans made inside an async generator find
 * their parent wherever the consumer runs. `done` is called exactly once: with the error, or with nothing.
 */
export async function* iterateWithin<T>(
  source: AsyncIterable<T>,
  within: Context,
  done: (error?: unknown) => void,
): AsyncGenerator<T, void, undefined> {
  const iterator = context.with(within, () => source[Symbol.asyncIterator]());
  let finished = false;
  const finish = (error?: unknown) => {
    if (finished) return;
    finished = true;
    done(error);
  };
  try {
    for (;;) {
      const step = await context.with(within, () => iterator.next());
      if (step.done) return;
      yield step.value;
    }
  } catch (error) {
    finish(error);
    throw error;
  } finally {
    if (!finished) await context.with(within, () => iterator.return?.());
    finish();
  }
}
