// A router in memory whose answers a test writes itself, and a client of it that does not really wait.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { CacheStatus, FinishReason, type GenerateResponseSchema } from "@chimera/contracts/common";
import { RetryInfoSchema } from "@chimera/contracts/google-rpc";
import { RouterService } from "@chimera/contracts/router";
import { type Clock, seededRandom } from "@chimera/kernel";
import { Code, ConnectError, createRouterTransport, type ServiceImpl } from "@connectrpc/connect";
import { expect } from "vitest";
import { ChimeraClientError } from "../error.ts";
import type { CommonOptions } from "../options.ts";
import { type ChimeraClient, clientOn } from "../rpc/client.ts";
import { givenConnection } from "../rpc/connection.ts";

export type Part = MessageInitShape<typeof GenerateResponseSchema>;

export const accepted: Part = {
  part: {
    case: "accepted",
    value: {
      requestId: "request-1",
      servedBy: "inference-1",
      cache: { status: CacheStatus.MISS, reason: "not stored" },
      model: "triage",
      modelVersion: "0123456789abcdef",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      queueMs: 3,
    },
  },
};

export function delta(seq: number, text: string): Part {
  return { part: { case: "delta", value: { seq, text, tokenCount: 1 } } };
}

export const complete: Part = {
  part: {
    case: "complete",
    value: {
      finishReason: FinishReason.STOP,
      usage: { promptTokens: 5, cachedTokens: 2, completionTokens: 3 },
      timings: { queueMs: 1, prefillMs: 2, firstTokenMs: 4, totalMs: 8 },
    },
  },
};

export function unavailable(retryDelayMs?: number, code = Code.Unavailable): ConnectError {
  if (retryDelayMs === undefined) return new ConnectError("busy", code);
  const retryDelay = create(DurationSchema, { nanos: retryDelayMs * 1e6 });
  return new ConnectError("busy", code, undefined, [{ desc: RetryInfoSchema, value: { retryDelay } }]);
}

/** Time that a test moves. */
export class ManualClock implements Clock {
  ms = 0;
  nowMs = () => this.ms;
  monotonicMs = () => this.ms;
}

export interface Fake {
  client: ChimeraClient;
  clock: ManualClock;
  /** Waits between attempts, in milliseconds. */
  waits: number[];
}

export function fakeClient(
  routes: Partial<ServiceImpl<typeof RouterService>>,
  options: Partial<CommonOptions> = {},
): Fake {
  const clock = new ManualClock();
  const waits: number[] = [];
  const transport = createRouterTransport((router) => void router.service(RouterService, routes));
  const client = clientOn({
    options: { baseUrl: "http://router.test", ...options },
    connection: givenConnection(transport),
    surroundings: {
      clock,
      random: seededRandom(1),
      async sleep(ms) {
        waits.push(ms);
        clock.ms += ms;
      },
    },
  });
  return { client, clock, waits };
}

/** Ends when the caller has left. */
export function left(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The error that a call ends with. */
export async function failure(promise: Promise<unknown>): Promise<ChimeraClientError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown) => thrown,
  );
  if (error instanceof ChimeraClientError) return error;
  throw new Error("the call did not fail as it should", { cause: error });
}

/** Long past anything that works needs, also on a busy machine. */
const GIVE_UP_MS = 45_000;

/** Expects it to become true, however long that takes. */
export function eventually<T>(value: () => T) {
  return expect.poll(value, { timeout: GIVE_UP_MS, interval: 5 });
}
