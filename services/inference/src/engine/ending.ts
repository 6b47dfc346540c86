// Why work ends before its end, as errors of ours.
import { CancelledError, ChimeraError, InternalError, UnavailableError } from "@chimera/kernel";

/** What ended the work behind this signal. */
export function asCancelled(signal: AbortSignal): ChimeraError {
  const reason: unknown = signal.reason;
  return reason instanceof ChimeraError ? reason : new CancelledError("the request was cancelled", { cause: reason });
}

/** Made once: an abort without a reason of its own would build an error with a stack for every answer that ends. */
export const READER_LEFT = new CancelledError("the reader left");

export function shuttingDown(): UnavailableError {
  return new UnavailableError("this replica is shutting down");
}

/** What is not ours says nothing of itself to the caller. */
export function asOurs(error: unknown): ChimeraError {
  return error instanceof ChimeraError ? error : new InternalError("the engine failed", { cause: error });
}
