// Drops answers here and in every other cache.
import { create } from "@bufbuild/protobuf";
import { type InvalidateRequest, type InvalidateResponse, InvalidateResponseSchema } from "@chimera/contracts/cache";
import { InvalidRequestError } from "@chimera/kernel";
import type { Context } from "../context.ts";

export function invalidate({ invalidator }: Pick<Context, "invalidator">) {
  return async ({ tenant, model, tag }: InvalidateRequest): Promise<InvalidateResponse> => {
    if (tenant === "" && model === "" && tag === "") {
      const description = "is required where neither model nor tag is given: what drops everything must be meant";
      throw new InvalidRequestError([{ field: "tenant", description }]);
    }
    const { entries, bytes } = await invalidator.invalidate({ tenant, model, tag });
    return create(InvalidateResponseSchema, { entries: BigInt(entries), bytes: BigInt(bytes) });
  };
}
