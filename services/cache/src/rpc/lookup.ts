// The stored answer of a request, or why there is none.
import { create } from "@bufbuild/protobuf";
import { type LookupRequest, type LookupResponse, LookupResponseSchema } from "@chimera/contracts/cache";
import { checkInput } from "../check-input.ts";
import type { Context } from "../context.ts";
import { noteOnSpan } from "./note-on-span.ts";

export function lookup(context: Context) {
  return async (request: LookupRequest): Promise<LookupResponse> => {
    const { answer, reason, keyPrefix } = await context.answers.lookup(checkInput(request.input));
    noteOnSpan({ status: answer === undefined ? "miss" : "hit", reason, keyPrefix });
    return create(LookupResponseSchema, { answer, reason, keyPrefix });
  };
}
