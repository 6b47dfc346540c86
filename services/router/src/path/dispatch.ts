// Stage 4: opens the stream to a replica. Until the first part has arrived nothing was promised to the caller, so a replica
// that is gone is replaced by the next one.
import { create } from "@bufbuild/protobuf";
import type { GenerateResponse } from "@chimera/contracts/common";
import { GenerateRequestSchema } from "@chimera/contracts/inference";
import { type ChimeraError, UnavailableError } from "@chimera/kernel";
import { fromConnectError } from "@chimera/rpc";
import type { Context } from "../context.ts";
import type { Replica } from "../replica/replica.ts";
import type { Accepted } from "./accept.ts";
import type { IncomingCall } from "./call.ts";

/** Replicas tried for one request. */
const MAX_ATTEMPTS = 3;

export interface Dispatched {
  replica: Replica;
  first: GenerateResponse;
  rest: AsyncIterator<GenerateResponse>;
}

/** Throws the last replica's error where none could take the request. */
export async function dispatch(context: Context, call: IncomingCall, accepted: Accepted): Promise<Dispatched> {
  let lastError: ChimeraError | undefined;
  for (const replica of context.replicas.order(accepted.model.id).slice(0, MAX_ATTEMPTS)) {
    const rest = context.replicas.open(replica, toEngine(call, accepted), call.signal)[Symbol.asyncIterator]();
    try {
      const first = await rest.next();
      if (first.done) throw new UnavailableError(`${replica.name} ended the stream before it began`);
      return { replica, first: first.value, rest };
    } catch (error) {
      lastError = fromConnectError(error);
      if (!lastError.isRetryable || call.signal.aborted) throw lastError;
      context.logger.warn({ replica: replica.name, err: lastError }, "replica refused, trying the next");
    }
  }
  throw lastError ?? new UnavailableError(`no replica of ${accepted.model.id} is reachable`);
}

function toEngine({ request }: IncomingCall, { requestId, model }: Accepted) {
  const { messages, prompt, sampling } = request;
  return create(GenerateRequestSchema, { requestId, model: model.id, messages, prompt, sampling });
}
