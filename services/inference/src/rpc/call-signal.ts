// One signal for one call: the caller leaving, its deadline, a server that stops, and our own limit, each as an error of ours.
import { DeadlineExceededError } from "@chimera/kernel";
import { fromConnectError } from "@chimera/rpc";

export interface CallSignal {
  signal: AbortSignal;
  /** Frees the timer; the call is over. */
  release(): void;
}

/** Aborts with a ChimeraError when `rpc` aborts or after `maxRequestMs`. */
export function callSignal(rpc: AbortSignal, maxRequestMs: number): CallSignal {
  const call = new AbortController();
  const follow = () => call.abort(fromConnectError(rpc.reason));
  if (rpc.aborted) follow();
  else rpc.addEventListener("abort", follow, { once: true });
  const timer = setTimeout(() => {
    call.abort(
      new DeadlineExceededError(`the request took longer than ${maxRequestMs} ms; read faster or ask for less`),
    );
  }, maxRequestMs);
  timer.unref();
  return {
    signal: call.signal,
    release() {
      clearTimeout(timer);
      rpc.removeEventListener("abort", follow);
    },
  };
}
