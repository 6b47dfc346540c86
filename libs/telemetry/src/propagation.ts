// Trace context across process borders, whatever carries the headers.
import { type Context, context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";

export function injectTrace(set: (key: string, value: string) => void, from: Context = context.active()): void {
  propagation.inject(from, set, { set: (carrier, key, value) => carrier(key, value) });
}

/** `get` gives undefined, null or "" for an absent header. */
export function extractTrace(get: (key: string) => string | null | undefined): Context {
  return propagation.extract(ROOT_CONTEXT, get, { get: (carrier, key) => carrier(key) || undefined, keys: () => [] });
}
