// A request log for the tests of the warm-up: events as the stream would hold them, and a bus that reads them.
import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CacheKeyInputSchema } from "@chimera/contracts/cache";
import { CacheStatus } from "@chimera/contracts/common";
import { RequestFinishedSchema } from "@chimera/contracts/events";
import type { ChimeraEvent, EventBus, EventHandler, ReceivedEvent } from "@chimera/events";
import { cacheKey } from "../../key.ts";
import { sampleInput } from "../../test-data.ts";

export interface LoggedRequest {
  /** The question; stands for its text. */
  question: string;
  atMs: number;
  tenant?: string;
  status?: CacheStatus;
  ttftMs?: number;
  promptTokens?: number;
  completionTokens?: number;
  modelVersion?: string;
  workload?: string;
  /** False: its tenant does not let its prompts be logged. */
  isLogged?: boolean;
}

export function inputOf({ question, tenant = "acme", modelVersion = "v1" }: LoggedRequest) {
  return sampleInput({ tenant, modelVersion, messages: [], prompt: question });
}

export function keyOf(request: LoggedRequest): string {
  return cacheKey(inputOf(request)).prefix;
}

export class RequestLog {
  readonly events: ReceivedEvent[] = [];
  readonly published: ChimeraEvent[] = [];
  #followers: EventHandler[] = [];

  add(request: LoggedRequest): void {
    const { atMs, tenant = "acme", status = CacheStatus.MISS, ttftMs = 100, isLogged = true } = request;
    const { promptTokens = 10, completionTokens = 10, modelVersion = "v1", workload = "" } = request;
    const input = inputOf(request);
    const message = create(RequestFinishedSchema, {
      ...{ tenant, model: input.model, modelVersion, workload, ttftMs, status: "OK" },
      cache: { status, reason: "" },
      arrivedAt: timestampFromMs(atMs),
      usage: { promptTokens, completionTokens },
      cacheKey: cacheKey(input).prefix,
      ...(isLogged && { loggedInput: toBinary(CacheKeyInputSchema, input) }),
    });
    const sequence = this.events.length + 1;
    const event = { kind: "requestFinished", message } as const;
    const received = { event, id: `${sequence}`, sequence, receivedAtMs: atMs };
    this.events.push(received);
    for (const follow of this.#followers) void follow(received);
  }

  readonly bus: Pick<EventBus, "replay" | "eventAt" | "follow" | "publish"> = {
    replay: async ({ sinceMs, handle, signal }) => {
      signal?.throwIfAborted();
      for (const event of this.events) if (event.receivedAtMs >= sinceMs) handle(event);
    },
    eventAt: async (_, sequence) => this.events[sequence - 1]?.event,
    follow: async ({ handle }) => {
      this.#followers.push(handle);
      return {
        stop: async () => {
          this.#followers = this.#followers.filter((each) => each !== handle);
        },
      };
    },
    publish: (event) => void this.published.push(event),
  };
}
