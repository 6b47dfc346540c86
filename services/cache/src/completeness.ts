// Whether an answer is the whole answer. A cut stream that is stored once would be replayed as if it were good for a day.
import type { StoredAnswer } from "@chimera/contracts/cache";
import { type Delta, FinishReason } from "@chimera/contracts/common";

/** What is missing, for people; undefined where the answer is complete. */
export function missingPart(answer: StoredAnswer): string | undefined {
  const { complete, deltas } = answer;
  if (complete === undefined) return "the stream did not end";
  if (complete.finishReason === FinishReason.UNSPECIFIED) return "no finish reason";
  if (complete.usage === undefined) return "no usage";
  const gap = deltas.findIndex((delta, position) => delta.seq !== position);
  if (gap >= 0) return `delta ${gap} has seq ${deltas[gap]?.seq}`;
  return tokenProblem(deltas, complete.usage.completionTokens);
}

/** A token may end without text of its own (a stop text, the end token), so deltas may hold fewer tokens but never more. */
function tokenProblem(deltas: readonly Delta[], completionTokens: number): string | undefined {
  const counted = deltas.reduce((sum, delta) => sum + delta.tokenCount, 0);
  return counted <= completionTokens ? undefined : `deltas hold ${counted} tokens, usage says ${completionTokens}`;
}
