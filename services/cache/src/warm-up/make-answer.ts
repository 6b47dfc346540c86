// Has one answer made by the router, as any client would: the same question under the same key, at batch priority.
import { create } from "@bufbuild/protobuf";
import type { CacheKeyInput } from "@chimera/contracts/cache";
import { type CacheControl, CachePolicy, type GenerateResponse, RequestClass } from "@chimera/contracts/common";
import { type GenerateRequest, GenerateRequestSchema } from "@chimera/contracts/router";
import { FailedPreconditionError, InternalError } from "@chimera/kernel";
import type { Spending } from "./token-budget.ts";

/** Marks its requests, so that they are no traffic. */
export const WARM_UP_WORKLOAD = "warm-up";

/** One stream from the router. Errors are ChimeraErrors; leaving the iteration, or the signal, cancels the request. */
export type Generate = (
  request: GenerateRequest,
  options: { tenant: string; signal: AbortSignal },
) => AsyncIterable<GenerateResponse>;

export interface Order {
  input: CacheKeyInput;
  control: CacheControl | undefined;
  /** What its prompt is expected to take. */
  promptTokens: number;
  spending: Spending;
  budget: { readonly isOverdrawn: boolean };
  signal: AbortSignal;
}

/** Resolves when the whole answer was streamed. Throws a ChimeraError. */
export async function makeAnswer(generate: Generate, order: Order): Promise<void> {
  const { input, spending, budget, signal } = order;
  let tokens = order.promptTokens;
  let isComplete = false;
  // Read to the very end: to leave right behind the last part would be to cancel.
  for await (const { part } of generate(requestOf(order), { tenant: input.tenant, signal })) {
    if (part.case === "accepted" && part.value.modelVersion !== input.modelVersion) {
      throw new FailedPreconditionError(`the model is now of version ${part.value.modelVersion}`);
    }
    if (part.case === "delta") {
      tokens += part.value.tokenCount;
      spending.reached(tokens);
    }
    if (part.case === "complete") {
      const { promptTokens = 0, completionTokens = 0 } = part.value.usage ?? {};
      spending.reached(promptTokens + completionTokens);
      isComplete = true;
    }
    if (budget.isOverdrawn && !isComplete) {
      throw new FailedPreconditionError("the answer is longer than the tokens that are left");
    }
  }
  if (!isComplete) throw new InternalError("the answer broke off: its stream ended without a last part");
}

/** Not looked up where that is possible: a lookup of our own would count as a miss of the cache. */
function requestOf({ input, control }: Pick<Order, "input" | "control">): GenerateRequest {
  const { model, messages, prompt, sampling } = input;
  const isRepeatable = sampling?.temperature === 0 || sampling?.seed !== undefined;
  return create(GenerateRequestSchema, {
    model,
    messages,
    prompt,
    cachePolicy: isRepeatable ? CachePolicy.REFRESH : CachePolicy.ALLOW_SAMPLED,
    class: RequestClass.BATCH,
    ...(sampling && { sampling }),
    ...(control && { cacheControl: control }),
  });
}
