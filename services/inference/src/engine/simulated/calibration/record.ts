// A recording of a real service over gRPC: of an inference service, or of a router and what is behind it.
import { CachePolicy, type GenerateResponse, Role } from "@chimera/contracts/common";
import { InferenceService } from "@chimera/contracts/inference";
import { RouterService } from "@chimera/contracts/router";
import { type Clock, FailedPreconditionError, InternalError } from "@chimera/kernel";
import { connectClient, fromConnectError, ownedStream } from "@chimera/rpc";
import { type Measured, playTickets, type Question, type Recording } from "./play.ts";

const REQUEST_TIMEOUT_MS = 30_000;

export interface RecordOptions {
  /** http://host:port of an inference service or a router. */
  url: string;
  ratePerS: number;
  seconds: number;
  seed: number;
  maxTokens: number;
  /** Slots behind a router, which does not tell; an inference service does. */
  slots: number | undefined;
  clock: Clock;
}

/** Throws FailedPreconditionError where nobody says how many slots there are. */
export async function record(options: RecordOptions): Promise<Recording> {
  const door = await openDoor(options);
  const ask = async (question: Question) => {
    const parts = ownedStream((signal) => door.generate(question, signal), { timeoutMs: REQUEST_TIMEOUT_MS });
    for await (const response of parts) {
      const measured = measuredBy(response);
      if (measured) return measured;
    }
    throw new InternalError("the stream ended without its last part");
  };
  try {
    return await playTickets({ ...options, ask, slots: door.slots });
  } finally {
    door.close();
  }
}

interface Door {
  slots: number;
  generate(question: Question, signal: AbortSignal): AsyncIterable<GenerateResponse>;
  close(): void;
}

async function openDoor({ url, slots, maxTokens }: RecordOptions): Promise<Door> {
  const requestOf = ({ text }: Question) => ({
    messages: [{ role: Role.USER, content: text }],
    sampling: { temperature: 0, maxTokens },
  });
  const inference = connectClient(InferenceService, url);
  const described = await inference.client.describe({}).catch((error: unknown) => fromConnectError(error));
  if ("slots" in described) {
    return {
      slots: described.slots,
      generate: (question, signal) => inference.client.generate(requestOf(question), { signal }),
      close: () => inference.close(),
    };
  }
  inference.close();
  if (slots === undefined) {
    throw new FailedPreconditionError(`${url} does not say how many slots it has: give --slots`, { cause: described });
  }
  const router = connectClient(RouterService, url);
  return {
    slots,
    generate: (question, signal) => {
      const request = { ...requestOf(question), cachePolicy: CachePolicy.BYPASS };
      return router.client.generate(request, { signal, headers: { "x-chimera-tenant": question.tenant } });
    },
    close: () => router.close(),
  };
}

function measuredBy({ part }: GenerateResponse): Measured | undefined {
  if (part.case !== "complete") return undefined;
  const { timings, usage } = part.value;
  if (!timings || !usage) throw new InternalError("the last part of the stream has no timings");
  return { timings, usage };
}
