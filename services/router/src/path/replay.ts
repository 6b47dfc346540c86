// A cache hit: the stored parts, all at once.
import { create } from "@bufbuild/protobuf";
import type { StoredAnswer } from "@chimera/contracts/cache";
import { type GenerateResponse, GenerateResponseSchema, TimingsSchema } from "@chimera/contracts/common";

/** Deltas as they were, then the end with the tokens it once cost and no engine time. */
export function* replay(answer: StoredAnswer): Generator<GenerateResponse> {
  for (const delta of answer.deltas) yield create(GenerateResponseSchema, { part: { case: "delta", value: delta } });
  const { finishReason, usage } = answer.complete ?? {};
  yield create(GenerateResponseSchema, {
    part: { case: "complete", value: { finishReason, usage, timings: create(TimingsSchema) } },
  });
}
