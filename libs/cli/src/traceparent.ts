// A W3C trace context of the client's own, so that every request has a trace id even where the client exports no spans.
import { randomBytes } from "node:crypto";

export interface Trace {
  traceId: string;
  /** Version 00, this trace, a new parent, sampled (https://www.w3.org/TR/trace-context/). */
  traceparent: string;
}

export function newTrace(): Trace {
  const traceId = randomBytes(16).toString("hex");
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01` };
}
