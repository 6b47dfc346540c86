// SetLimits: how much is computed at the same time and how much may wait, while the replica serves.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SetLimitsRequest, SetLimitsResponseSchema } from "@chimera/contracts/inference";
import type { Context } from "../context.ts";

export function setLimits({ engine, logger, replica }: Context) {
  return ({ slots, maxQueued }: SetLimitsRequest): MessageInitShape<typeof SetLimitsResponseSchema> => {
    const inForce = engine.setLimits({
      ...(slots !== undefined && { slots }),
      ...(maxQueued !== undefined && { maxQueued }),
    });
    logger.info({ replica, ...inForce }, "limits changed");
    return inForce;
  };
}
