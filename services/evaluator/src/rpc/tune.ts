// Tune: a search for a better configuration, every trial as it ends, then a proposal and what the guard says of it.
import { create } from "@bufbuild/protobuf";
import { type TuneRequest, type TuneResponse, TuneResponseSchema } from "@chimera/contracts/evaluator";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import { openTuning } from "../tuning/open-tuning.ts";
import type { TuningEvent } from "../tuning/tuning-run.ts";

export function tune(context: Context) {
  return async function* (
    request: TuneRequest,
    rpc: Pick<HandlerContext, "signal">,
  ): AsyncGenerator<TuneResponse, void, undefined> {
    using _ = context.slots.take();
    using opened = await openTuning(context, request, rpc.signal);
    const { runId, trials, ended } = opened;
    const about = { runId, trials };
    try {
      if (ended !== undefined) {
        yield create(TuneResponseSchema, { event: { case: "result", value: ended } });
        return;
      }
      context.logger.info(about, "tuning starts");
      for await (const event of opened.run().run()) {
        if (event.kind === "result") {
          // Kept first: who asks again must not cost a second look at the holdout.
          await opened.keep(event.result);
          const { isAccepted, reasons } = event.result.proposal ?? {};
          context.logger.info({ ...about, isAccepted, reasons }, "tuning ended");
        }
        yield toResponse(event, about);
      }
    } finally {
      await opened.close();
    }
  };
}

function toResponse(event: TuningEvent, { runId, trials }: { runId: string; trials: number }): TuneResponse {
  if (event.kind === "trial") return create(TuneResponseSchema, { event: { case: "trial", value: event.trial } });
  if (event.kind === "result") return create(TuneResponseSchema, { event: { case: "result", value: event.result } });
  const { trials: done, itemsScored, text } = event;
  const value = { runId, trials: done, trialsTotal: trials, itemsScored: BigInt(itemsScored), text };
  return create(TuneResponseSchema, { event: { case: "progress", value } });
}
