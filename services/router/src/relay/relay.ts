// The seat between router and engine: whoever sits here moves an answer from a replica to the stages of a request.
import type { GenerateResponse } from "@chimera/contracts/common";
import type { GenerateRequest } from "@chimera/contracts/inference";

export interface Relay {
  /** Aborting `signal`, or leaving the iteration, stops the replica's work. Errors are ChimeraErrors. */
  open(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerateResponse>;
  close(): void;
}
