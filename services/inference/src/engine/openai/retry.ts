// Sends a request again where that may help: a server that is away, restarts or is busy. How long it waits is the server's
// word, or grows with every attempt, with chance in it so that many callers do not come back together.
import { setTimeout as sleep } from "node:timers/promises";
import { ChimeraError, type Random } from "@chimera/kernel";

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 2_000;
/** A server that wants a longer pause is better asked by the caller: another replica may be free. */
const MAX_RETRY_AFTER_MS = 5_000;

export interface RetryOptions {
  /** Attempts after the first. */
  retries: number;
  random: Random;
  signal: AbortSignal;
  /** Whether this failure may be followed by another attempt. */
  mayRetry(error: ChimeraError): boolean;
  onRetry?(error: ChimeraError, delayMs: number): void;
}

/** Throws the last failure, or the signal's reason. */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let retry = 0; ; retry++) {
    try {
      return await attempt();
    } catch (error) {
      options.signal.throwIfAborted();
      if (retry >= options.retries || !(error instanceof ChimeraError) || !options.mayRetry(error)) throw error;
      const delayMs = delayBefore(retry, error, options.random);
      if (delayMs === undefined) throw error;
      options.onRetry?.(error, delayMs);
      await sleep(delayMs, undefined, { signal: options.signal });
    }
  }
}

/** Undefined where the server asks for a pause that is too long to hold a slot for. */
function delayBefore(retry: number, error: ChimeraError, random: Random): number | undefined {
  const growingMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** retry) * (0.5 + random() / 2);
  const askedMs = error.retryAfterMs ?? 0;
  return askedMs > MAX_RETRY_AFTER_MS ? undefined : Math.max(askedMs, growingMs);
}
