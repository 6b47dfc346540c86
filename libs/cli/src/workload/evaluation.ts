// Has the evaluator play one split of its labelled tickets through the mesh and score the answers.
import { type EvaluateProgress, type EvaluateResult, EvaluatorService } from "@chimera/contracts/evaluator";
import { InternalError } from "@chimera/kernel";
import { connectClient, fromConnectError, ownedStream } from "@chimera/rpc";

const TIMEOUT_MS = 5 * 60_000;

export interface EvaluationOptions {
  evaluatorUrl: string;
  split: "train" | "validation" | "holdout";
  /** 0 means every item. */
  limit: number;
  concurrency: number;
  signal: AbortSignal;
  onProgress(progress: EvaluateProgress): void;
}

export async function evaluateSplit(options: EvaluationOptions): Promise<EvaluateResult> {
  const { split, limit, concurrency, onProgress } = options;
  const { client, close } = connectClient(EvaluatorService, options.evaluatorUrl);
  try {
    const open = (signal: AbortSignal) => client.evaluate({ split, limit, concurrency }, { signal });
    for await (const { event } of ownedStream(open, { signal: options.signal, timeoutMs: TIMEOUT_MS })) {
      if (event.case === "progress") onProgress(event.value);
      else if (event.case === "result") return event.value;
    }
  } catch (error) {
    throw fromConnectError(error);
  } finally {
    close();
  }
  throw new InternalError(`the evaluation of ${split} ended without a result`);
}
