// ListWarmUps: what the last warm-ups promised and gained.
import { create } from "@bufbuild/protobuf";
import { type ListWarmUpsResponse, ListWarmUpsResponseSchema } from "@chimera/contracts/cache";
import type { Context } from "../context.ts";

export function listWarmUps({ warmUps }: Pick<Context, "warmUps">) {
  return (): ListWarmUpsResponse => create(ListWarmUpsResponseSchema, { warmUps: warmUps.list() });
}
