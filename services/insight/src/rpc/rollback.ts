// Rollback: takes an applied change back, whatever its verdict.
import { create } from "@bufbuild/protobuf";
import { type RollbackRequest, type RollbackResponse, RollbackResponseSchema } from "@chimera/contracts/insight";
import type { LoopContext } from "../context.ts";

export function rollback({ loop }: Pick<LoopContext, "loop">) {
  return async ({ predictionId, by, reason }: RollbackRequest): Promise<RollbackResponse> => {
    const { settingsVersion, text } = await loop.rollback({ id: predictionId, by, reason });
    return create(RollbackResponseSchema, { settingsVersion: BigInt(settingsVersion), text });
  };
}
