// Puts back what the last prune took out.
import { create } from "@bufbuild/protobuf";
import { type UndoPruneRequest, type UndoPruneResponse, UndoPruneResponseSchema } from "@chimera/contracts/cache";
import { InvalidRequestError } from "@chimera/kernel";
import type { Context } from "../context.ts";

export function undoPrune({ pruner }: Pick<Context, "pruner">) {
  return async ({ pruneId }: UndoPruneRequest): Promise<UndoPruneResponse> => {
    if (pruneId === "") throw new InvalidRequestError([{ field: "prune_id", description: "is required" }]);
    const { restored, lost } = await pruner.undo(pruneId);
    return create(UndoPruneResponseSchema, { restored: BigInt(restored), lost: BigInt(lost) });
  };
}
