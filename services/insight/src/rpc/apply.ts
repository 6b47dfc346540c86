// Apply: puts a recommendation in force. Its promise is stored first; whoever leaves the call leaves the trial running.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type ApplyRequest, type ApplyResponse, ApplyResponseSchema } from "@chimera/contracts/insight";
import type { LoopContext } from "../context.ts";
import { outcomeMessage } from "./messages.ts";

export function apply({ loop, offers, ended }: Pick<LoopContext, "loop" | "offers" | "ended">) {
  return async function* (
    { recommendationId, by }: ApplyRequest,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<ApplyResponse, void, undefined> {
    const trial = await loop.begin(offers.take(recommendationId), by);
    for await (const { step, text, atMs, settled } of trial.progress.watch(AbortSignal.any([signal, ended]))) {
      yield create(ApplyResponseSchema, {
        ...{ step, text },
        at: timestampFromMs(atMs),
        ...(settled && { outcome: outcomeMessage(settled.prediction, settled.outcome) }),
      });
    }
  };
}
