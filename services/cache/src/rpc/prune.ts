// Takes out what is not worth its room.
import { create } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { type PruneRequest, type PruneResponse, PruneResponseSchema } from "@chimera/contracts/cache";
import { InvalidRequestError } from "@chimera/kernel";
import type { Context } from "../context.ts";
import type { PruneCriteria } from "../pruning/criteria.ts";

export function prune({ pruner }: Pick<Context, "pruner">) {
  return async (request: PruneRequest): Promise<PruneResponse> => {
    const result = await pruner.prune(criteriaOf(request), { dryRun: request.dryRun });
    const { pruneId, entries, bytes, forecastLossPp, undoBytes } = result;
    return create(PruneResponseSchema, {
      pruneId,
      entries: BigInt(entries),
      bytes: BigInt(bytes),
      forecastLossPp,
      undoBytes: BigInt(undoBytes),
    });
  };
}

function criteriaOf({ targetBytes, unusedFor, neverHit, tenant, model, tag }: PruneRequest): PruneCriteria {
  const unusedForMs = unusedFor && durationMs(unusedFor);
  if (unusedForMs !== undefined && unusedForMs < 0) {
    throw new InvalidRequestError([{ field: "unused_for", description: "must not be negative" }]);
  }
  return {
    targetBytes: targetBytes === undefined ? undefined : Number(targetBytes),
    unusedForMs,
    neverHit,
    tenant,
    model,
    tag,
  };
}
