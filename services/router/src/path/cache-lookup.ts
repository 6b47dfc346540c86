// Stage 3: has this been answered already? A slow or absent cache is a miss.
import { create, toBinary } from "@bufbuild/protobuf";
import { CacheKeyInputSchema } from "@chimera/contracts/cache";
import { CachePolicy, CacheStatus, type SamplingParams } from "@chimera/contracts/common";
import type { Context } from "../context.ts";
import type { Accepted } from "./accept.ts";
import type { AskedCall } from "./call.ts";
import { type Replay, replayOf } from "./stored-answer.ts";

export interface CacheDecision {
  status: CacheStatus;
  reason: string;
  replay?: Replay;
  /** The encoded key input; set where a new answer should be stored. */
  storeAs?: Uint8Array;
  /** Whether an identical request that is being answered right now will do. */
  mayJoin: boolean;
}

export async function lookUp(context: Context, call: AskedCall, accepted: Accepted): Promise<CacheDecision> {
  const { request } = call;
  const policy = request.cachePolicy;
  const bypass = (reason: string): CacheDecision => ({ status: CacheStatus.BYPASS, reason, mayJoin: false });
  if (policy === CachePolicy.BYPASS) return bypass("the caller asked to bypass it");
  if (policy !== CachePolicy.ALLOW_SAMPLED && !isRepeatable(request.sampling, accepted.model.defaultSampling)) {
    return bypass("sampled without a seed, so not repeatable");
  }
  const storeAs = keyInput(call, accepted);
  if (policy === CachePolicy.REFRESH) {
    return { status: CacheStatus.MISS, reason: "the caller asked to refresh it", storeAs, mayJoin: false };
  }
  const { answer, reason } = await context.cache.lookup(storeAs, call.signal);
  const replay = answer && replayOf(answer);
  if (replay) return { status: CacheStatus.HIT, reason, replay, mayJoin: false };
  return { status: CacheStatus.MISS, reason, storeAs, mayJoin: true };
}

/** Greedy, or with a seed. A field the caller left unset has the model's default. */
function isRepeatable(asked: SamplingParams | undefined, byDefault: SamplingParams | undefined): boolean {
  const temperature = asked?.temperature ?? byDefault?.temperature ?? 1;
  return temperature === 0 || (asked?.seed ?? byDefault?.seed) !== undefined;
}

function keyInput({ request, tenant }: AskedCall, { model }: Accepted): Uint8Array {
  const input = create(CacheKeyInputSchema, {
    tenant,
    model: model.id,
    modelVersion: model.version,
    messages: request.messages,
    prompt: request.prompt,
    sampling: request.sampling,
  });
  return toBinary(CacheKeyInputSchema, input);
}
