// Keeps one complete answer, or says why not.
import { create } from "@bufbuild/protobuf";
import { type StoreRequest, type StoreResponse, StoreResponseSchema } from "@chimera/contracts/cache";
import { InvalidRequestError } from "@chimera/kernel";
import { checkInput } from "../check-input.ts";
import type { Context } from "../context.ts";
import { noteOnSpan } from "./note-on-span.ts";

export function store(context: Context) {
  return async ({ input, answer }: StoreRequest): Promise<StoreResponse> => {
    const checked = checkInput(input);
    if (answer === undefined) throw new InvalidRequestError([{ field: "answer", description: "is required" }]);
    if (!(answer.ttftMs >= 0 && Number.isFinite(answer.ttftMs))) {
      throw new InvalidRequestError([
        { field: "answer.ttft_ms", description: "must be a number of milliseconds, at least 0" },
      ]);
    }
    const { stored, reason, keyPrefix } = await context.answers.store(checked, answer);
    noteOnSpan({ status: stored ? "stored" : "refused", reason, keyPrefix });
    return create(StoreResponseSchema, { stored, reason });
  };
}
