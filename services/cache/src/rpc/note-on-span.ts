// What a trace says about a cache call: outcome, reason and the start of the key. Never the prompt, never the answer.
import { names } from "@chimera/telemetry";
import { trace } from "@opentelemetry/api";

export interface CacheNote {
  status: "hit" | "miss" | "stored" | "refused";
  reason: string;
  keyPrefix: string;
}

export function noteOnSpan({ status, reason, keyPrefix }: CacheNote): void {
  const span = trace.getActiveSpan();
  if (!span?.isRecording()) return;
  span.setAttributes({
    [names.cacheStatus]: status,
    [names.cacheReason]: reason,
    [names.cacheKeyPrefix]: keyPrefix,
  });
}
