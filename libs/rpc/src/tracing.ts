// Spans of every call, on both sides, with the trace carried in the metadata. Hand-written: auto-instrumentation does not see
// Connect or HTTP/2.
import { extractTrace, failSpan, injectTrace, iterateWithin, names, tracer } from "@chimera/telemetry";
import type { Interceptor, StreamRequest, StreamResponse, UnaryRequest, UnaryResponse } from "@connectrpc/connect";
import { type Context, context, type Span, SpanKind, trace } from "@opentelemetry/api";
import { statusName } from "./error-to-code.ts";

/** Probes, and what services ask each other once a second: traced, they would drown everything else. */
const UNTRACED = /^grpc\.(health|reflection)\.|\/(Describe|WatchLoad|WatchStats|Stats)$/;

type Request = UnaryRequest | StreamRequest;
type Response = UnaryResponse | StreamResponse;

export function traceClient(system: "grpc" | "connectrpc"): Interceptor {
  return (next) => async (request) => {
    if (UNTRACED.test(nameOf(request))) return next(request);
    const span = startSpan(request, SpanKind.CLIENT, system);
    const within = trace.setSpan(context.active(), span);
    injectTrace((key, value) => request.header.set(key, value), within);
    const end = endOnce(span);
    // A stream whose reader has gone is never pulled again; the abort is then the only sign of its end.
    request.signal.addEventListener("abort", () => end(request.signal.reason), { once: true });
    return run({ next, request, within, end });
  };
}

export const traceServer: Interceptor = (next) => async (request) => {
  if (UNTRACED.test(nameOf(request))) return next(request);
  const parent = extractTrace((key) => request.header.get(key));
  const system = request.header.get("content-type")?.startsWith("application/grpc") ? "grpc" : "connectrpc";
  const span = startSpan(request, SpanKind.SERVER, system, parent);
  return run({ next, request, within: trace.setSpan(parent, span), end: endOnce(span) });
};

/** The same for a method that is served as bytes. `method`: "package.Service/Method". */
export async function withServerSpan<T>(
  method: string,
  header: (name: string) => string | undefined,
  handle: () => Promise<T>,
): Promise<T> {
  if (UNTRACED.test(method)) return handle();
  const parent = extractTrace(header);
  const span = startMethodSpan(method, SpanKind.SERVER, "grpc", parent);
  const end = endOnce(span);
  try {
    const result = await context.with(trace.setSpan(parent, span), handle);
    end();
    return result;
  } catch (error) {
    end(error);
    throw error;
  }
}

export interface ClientSpan {
  /** The trace as headers of the call. */
  headers: Record<string, string>;
  end: End;
}

/** A span for a call that is made as bytes. */
export function startClientSpan(method: string): ClientSpan {
  const headers: Record<string, string> = {};
  if (UNTRACED.test(method)) return { headers, end: () => undefined };
  const span = startMethodSpan(method, SpanKind.CLIENT, "grpc", context.active());
  injectTrace(
    (key, value) => {
      headers[key] = value;
    },
    trace.setSpan(context.active(), span),
  );
  return { headers, end: endOnce(span) };
}

function nameOf({ service, method }: Request): string {
  return `${service.typeName}/${method.name}`;
}

function startSpan(request: Request, kind: SpanKind, system: string, parent = context.active()): Span {
  return startMethodSpan(nameOf(request), kind, system, parent);
}

function startMethodSpan(method: string, kind: SpanKind, system: string, parent: Context): Span {
  return tracer().startSpan(
    method,
    { kind, attributes: { [names.rpcSystem]: system, [names.rpcMethod]: method } },
    parent,
  );
}

export type End = (error?: unknown) => void;

function endOnce(span: Span): End {
  let ended = false;
  return (error) => {
    if (ended) return;
    ended = true;
    span.setAttribute(names.rpcStatusCode, statusName(error));
    if (error !== undefined) failSpan(span, error);
    span.end();
  };
}

interface Run {
  next: (request: Request) => Promise<Response>;
  request: Request;
  within: ReturnType<typeof context.active>;
  end: End;
}

async function run({ next, request, within, end }: Run): Promise<Response> {
  try {
    const response = await context.with(within, () => next(request));
    if (!response.stream) {
      end();
      return response;
    }
    return { ...response, message: iterateWithin(response.message, within, end) };
  } catch (error) {
    end(error);
    throw error;
  }
}
