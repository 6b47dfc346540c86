// Stage 2: has this been answered already? A slow or absent cache is a miss.
import { create } from "@bufbuild/protobuf";
import { type CacheKeyInput, CacheKeyInputSchema, type StoredAnswer } from "@chimera/contracts/cache";
import { CachePolicy, CacheStatus, type SamplingParams } from "@chimera/contracts/common";
import type { Context } from "../context.ts";
import type { Accepted } from "./accept.ts";
import type { IncomingCall } from "./call.ts";

export interface CacheDecision {
  status: CacheStatus;
  reason: string;
  answer?: StoredAnswer;
  /** Set where a new answer should be stored. */
  storeAs?: CacheKeyInput;
}

export async function lookUp(
  context: Context,
  call: IncomingCall & { signal: AbortSignal },
  accepted: Accepted,
): Promise<CacheDecision> {
  const { request } = call;
  const policy = request.cachePolicy;
  if (policy === CachePolicy.BYPASS) return { status: CacheStatus.BYPASS, reason: "the caller asked to bypass it" };
  if (policy !== CachePolicy.ALLOW_SAMPLED && !isRepeatable(request.sampling, accepted.model.defaultSampling)) {
    return { status: CacheStatus.BYPASS, reason: "sampled without a seed, so not repeatable" };
  }
  const storeAs = keyInput(call, accepted);
  if (policy === CachePolicy.REFRESH)
    return { status: CacheStatus.MISS, reason: "the caller asked to refresh it", storeAs };
  const { answer, reason } = await context.cache.lookup(storeAs, call.signal);
  if (answer?.complete) return { status: CacheStatus.HIT, reason, answer };
  return { status: CacheStatus.MISS, reason, storeAs };
}

/** Greedy, or with a seed. A field the caller left unset has the model's default. */
function isRepeatable(asked: SamplingParams | undefined, byDefault: SamplingParams | undefined): boolean {
  const temperature = asked?.temperature ?? byDefault?.temperature ?? 1;
  return temperature === 0 || (asked?.seed ?? byDefault?.seed) !== undefined;
}

function keyInput({ request, tenant }: IncomingCall, { model }: Accepted): CacheKeyInput {
  return create(CacheKeyInputSchema, {
    tenant,
    model: model.id,
    modelVersion: model.version,
    messages: request.messages,
    prompt: request.prompt,
    sampling: request.sampling,
  });
}
