// From the events of the stream to the log that predictions replay.
import type { RequestFinished } from "@chimera/contracts/events";
import { eventTimeMs, isDuration } from "../consume/event-time.ts";
import { toVerdict } from "../consume/request-finished.ts";
import { contains, type Window } from "../window/window.ts";
import { type EngineTimes, type LoggedRequest, MAX_LOGGED } from "./observed.ts";

/** What an answer takes in the cache where nothing else is known: a fixed part and one for each token. */
const ANSWER_BYTES = { fixed: 150, perToken: 16 };

/** Undefined for what is no traffic or lacks a usable time. */
export function loggedRequest(message: RequestFinished): LoggedRequest | undefined {
  const arrivedMs = eventTimeMs(message.arrivedAt);
  const { ttftMs, turnMs, usage } = message;
  if (message.workload !== "" || arrivedMs === undefined || !isDuration(turnMs)) return undefined;
  if (ttftMs !== undefined && !isDuration(ttftMs)) return undefined;
  const completionTokens = usage?.completionTokens ?? 0;
  return {
    arrivedMs,
    key: message.cacheKey,
    cache: toVerdict(message.cache?.status),
    ttftMs,
    engine: engineTimes(message),
    promptTokens: usage?.promptTokens ?? 0,
    completionTokens,
    answerBytes: ANSWER_BYTES.fixed + ANSWER_BYTES.perToken * completionTokens,
  };
}

function engineTimes({ engine, queueMs, ttftMs, turnMs }: RequestFinished): EngineTimes | undefined {
  if (engine === undefined || ttftMs === undefined) return undefined;
  const waitMs = Math.min(ttftMs, queueMs + engine.queueMs);
  return isDuration(waitMs) ? { waitMs, firstTokenMs: ttftMs - waitMs, serviceMs: turnMs - waitMs } : undefined;
}

/** The newest MAX_LOGGED requests, in the order in which they ended. */
export class RequestLog {
  readonly #limit: number;
  /** At most twice the limit, so that letting go costs nothing per request. */
  #requests: LoggedRequest[] = [];

  constructor(limit = MAX_LOGGED) {
    this.#limit = limit;
  }

  take(message: RequestFinished): void {
    const request = loggedRequest(message);
    if (request === undefined) return;
    this.#requests.push(request);
    if (this.#requests.length >= 2 * this.#limit) this.#requests = this.#requests.slice(-this.#limit);
  }

  /** Those that arrived in the window, by arrival. */
  in(window: Window): LoggedRequest[] {
    return this.#requests
      .slice(-this.#limit)
      .filter(({ arrivedMs }) => contains(window, arrivedMs))
      .sort((a, b) => a.arrivedMs - b.arrivedMs);
  }
}
