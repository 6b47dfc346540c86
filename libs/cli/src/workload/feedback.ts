// Tells the evaluator what each answer should have been, as callers who check an answer later would.
import { EvaluatorService } from "@chimera/contracts/evaluator";
import { connectClient, fromConnectError } from "@chimera/rpc";
import type { Played } from "./traffic.ts";

/** The evaluator takes 1 to 1000 at a time. */
const BATCH = 500;
const TIMEOUT_MS = 15_000;

/** Returns how many were taken. */
export async function sendFeedback(
  evaluatorUrl: string,
  answered: Played["answered"],
  signal: AbortSignal,
): Promise<number> {
  const feedback = answered.flatMap(({ request, result }) =>
    result.accepted
      ? [{ requestId: result.accepted.requestId, output: result.text, target: request.ticket.target }]
      : [],
  );
  const { client, close } = connectClient(EvaluatorService, evaluatorUrl);
  try {
    let taken = 0;
    for (let from = 0; from < feedback.length; from += BATCH) {
      const batch = { feedback: feedback.slice(from, from + BATCH) };
      taken += (await client.recordFeedback(batch, { signal, timeoutMs: TIMEOUT_MS })).taken;
    }
    return taken;
  } catch (error) {
    throw fromConnectError(error);
  } finally {
    close();
  }
}
