// Whoever opens a stream to another service owns its end. Leaving a Connect client stream early does not cancel the server,
// so every client stream is read through here: break, return, throw, deadline or the caller's own signal all abort it.

export interface OwnedStreamOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
}

/** `open` gets the signal to pass to the call. Errors of the stream pass through unchanged. */
export async function* ownedStream<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  options: OwnedStreamOptions = {},
): AsyncGenerator<T, void, undefined> {
  const controller = new AbortController();
  const signals = [controller.signal];
  if (options.signal) signals.push(options.signal);
  if (options.timeoutMs !== undefined) signals.push(AbortSignal.timeout(options.timeoutMs));
  const signal = AbortSignal.any(signals);
  const iterator = open(signal)[Symbol.asyncIterator]();
  // A consumer that waits for the next part must not hold up the abort: the wait itself ends with the signal.
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => undefined);
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      if (signal.aborted) throw signal.reason;
      const step = await Promise.race([iterator.next(), aborted.promise]);
      if (step.done) return;
      yield step.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    controller.abort();
    await iterator.return?.().catch(() => undefined);
  }
}
