// The way of a request, stage by stage: accept, look up, choose and dispatch, forward, report.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { type AcceptedSchema, type GenerateResponse, GenerateResponseSchema } from "@chimera/contracts/common";
import { ownedStream } from "@chimera/rpc";
import { currentTraceId } from "@chimera/telemetry";
import type { Context } from "../context.ts";
import { type Outcome, openOutcome } from "../measure/outcome.ts";
import { type Accepted, accept } from "./accept.ts";
import { type CacheDecision, lookUp } from "./cache-lookup.ts";
import type { IncomingCall } from "./call.ts";
import { dispatch } from "./dispatch.ts";
import { AnswerCopy, forwardTokens } from "./forward-tokens.ts";
import { replay } from "./replay.ts";
import { reportOutcome } from "./report-outcome.ts";

/** Throws ChimeraErrors; whatever happens, the outcome is measured and published once. */
export async function* generate(context: Context, call: IncomingCall): AsyncGenerator<GenerateResponse> {
  const outcome = openOutcome(context, call);
  const timeoutMs = call.timeoutMs ?? context.config.requestTimeoutS * 1000;
  let ended = false;
  try {
    yield* ownedStream((signal) => stages(context, { ...call, signal }, outcome), { signal: call.signal, timeoutMs });
    ended = true;
  } catch (error) {
    outcome.fail(error);
    throw error;
  } finally {
    if (!ended) outcome.left();
    reportOutcome(context, outcome.close());
  }
}

async function* stages(context: Context, call: IncomingCall, outcome: Outcome): AsyncGenerator<GenerateResponse> {
  const accepted = accept(context, call);
  outcome.accepted(accepted);
  const cached = await lookUp(context, call, accepted);
  outcome.cached(cached);
  if (cached.answer) yield* fromCache(cached, accepted, outcome);
  else yield* fromReplica({ context, call, accepted, cached, outcome });
}

function* fromCache(cached: CacheDecision, accepted: Accepted, outcome: Outcome): Generator<GenerateResponse> {
  if (!cached.answer) return;
  outcome.servedBy("cache");
  yield acceptedPart(accepted, cached, "cache");
  for (const response of replay(cached.answer)) {
    outcome.part(response);
    yield response;
  }
}

interface Generation {
  context: Context;
  call: IncomingCall;
  accepted: Accepted;
  cached: CacheDecision;
  outcome: Outcome;
}

async function* fromReplica(generation: Generation): AsyncGenerator<GenerateResponse> {
  const { context, call, accepted, cached, outcome } = generation;
  const { replica, first, rest } = await dispatch(context, call, accepted);
  outcome.servedBy(replica.name);
  const copy = new AnswerCopy();
  try {
    yield acceptedPart(accepted, cached, replica.name);
    const upstream = resumed(first, rest);
    for await (const response of forwardTokens(upstream, { replicaName: replica.name, outcome, copy })) {
      // Stored before the caller hears of the end, so that asking again at once is a hit.
      if (response.part.case === "complete") await keep(generation, copy);
      yield response;
    }
  } finally {
    await rest.return?.();
  }
}

async function keep({ context, cached, outcome }: Generation, copy: AnswerCopy): Promise<void> {
  const answer = cached.storeAs && copy.whole(outcome.ttftMs);
  if (cached.storeAs && answer) await context.cache.store(cached.storeAs, answer);
}

async function* resumed<T>(first: T, rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield first;
  yield* { [Symbol.asyncIterator]: () => rest };
}

function acceptedPart({ requestId, model }: Accepted, cached: CacheDecision, servedBy: string): GenerateResponse {
  const value: MessageInitShape<typeof AcceptedSchema> = {
    requestId,
    servedBy,
    cache: { status: cached.status, reason: cached.reason },
    model: model.id,
    modelVersion: model.version,
    traceId: currentTraceId(),
  };
  return create(GenerateResponseSchema, { part: { case: "accepted", value } });
}
