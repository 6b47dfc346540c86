// The seat between router and engine: whoever sits here moves an answer from a replica to the stages of a request as bytes.
// Nothing outside this folder depends on how.
import type { ChimeraError } from "@chimera/kernel";

export interface RelayReader {
  /** Whole frames: messages of GenerateResponse, each behind its five bytes. False pauses the replica until resume(). */
  frames(frames: Buffer): boolean;
  /** Once, after the last frames. Undefined: the replica ended the answer well. */
  end(error: ChimeraError | undefined): void;
}

export interface RelayedAnswer {
  resume(): void;
  /** Stops the replica's work; the reader hears nothing more. */
  cancel(): void;
}

export interface Relay {
  /** `request`: an encoded inference GenerateRequest. Never throws; what goes wrong is told to the reader, in a later turn. */
  open(request: Uint8Array, options: { timeoutMs: number }, reader: RelayReader): RelayedAnswer;
  close(): void;
}
