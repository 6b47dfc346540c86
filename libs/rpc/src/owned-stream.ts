// Whoever opens a stream to another service owns its end. Leaving a Connect client stream early does not cancel the server,
// so every client stream is read through here: break, return, throw, deadline or the caller's own signal all abort it.
import { DeadlineExceededError } from "@chimera/kernel";

export interface OwnedStreamOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
}

/** Made once: an abort without a reason of its own would build an error with a stack for every stream that is left. */
const LEFT = new DOMException("the reader left the stream", "AbortError");

/**
 * `open` gets the signal to pass to the call. Errors of the stream pass through unchanged; a deadline that passes is a
 * DeadlineExceededError.
 */
export async function* ownedStream<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  { signal: outer, timeoutMs }: OwnedStreamOptions = {},
): AsyncGenerator<T, void, undefined> {
  const controller = new AbortController();
  const { signal } = controller;
  const onOuterAbort = () => controller.abort(outer?.reason);
  outer?.addEventListener("abort", onOuterAbort, { once: true });
  if (outer?.aborted) onOuterAbort();
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => controller.abort(new DeadlineExceededError(`no end within ${timeoutMs} ms`)), timeoutMs);
  // A consumer that waits for the next part must not hold up the abort: the wait itself ends with the signal.
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => undefined);
  signal.addEventListener("abort", () => aborted.reject(signal.reason), { once: true });
  let ended = false;
  let iterator: AsyncIterator<T> | undefined;
  try {
    // A Connect call begins when it is made, and its failure is unhandled where nobody reads it: a call that nobody will read
    // must not be made.
    signal.throwIfAborted();
    iterator = open(signal)[Symbol.asyncIterator]();
    for (;;) {
      const step = await Promise.race([iterator.next(), aborted.promise]);
      if (step.done) {
        ended = true;
        return;
      }
      yield step.value;
    }
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", onOuterAbort);
    if (!ended) {
      controller.abort(LEFT);
      await iterator?.return?.().catch(() => undefined);
    }
  }
}
