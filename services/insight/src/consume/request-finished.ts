// Takes a RequestFinished event into the record of requests.
import { CacheStatus } from "@chimera/contracts/common";
import type { RequestFinished } from "@chimera/contracts/events";
import { toGrpcStatus } from "../window/grpc-status.ts";
import type { CacheVerdict, RequestSample } from "../window/request-ring.ts";
import { eventTimeMs, isDuration } from "./event-time.ts";
import type { Records } from "./records.ts";

/** `receivedAtMs`: when the stream stored it. */
export function takeRequestFinished(records: Records, message: RequestFinished, receivedAtMs: number): void {
  const sample = toSample(message);
  if (sample === undefined) {
    records.intake.refuse();
    return;
  }
  // What the mesh asks itself to measure its quality is no traffic.
  if (message.workload !== "") return;
  records.intake.tookPlace(sample.arrivedMs);
  records.requests.push(sample);
  records.traffic.push(sample, receivedAtMs);
  records.log.take(message);
}

function toSample(message: RequestFinished): RequestSample | undefined {
  const arrivedMs = eventTimeMs(message.arrivedAt);
  const { ttftMs, turnMs, engine } = message;
  const queueMs = engine && engine.queueMs + message.queueMs;
  if (arrivedMs === undefined || !isDuration(turnMs)) return undefined;
  if (ttftMs !== undefined && !isDuration(ttftMs)) return undefined;
  if (queueMs !== undefined && !isDuration(queueMs)) return undefined;
  return {
    arrivedMs,
    ttftMs,
    turnMs,
    queueMs,
    completionTokens: message.usage?.completionTokens ?? 0,
    cache: toVerdict(message.cache?.status),
    status: toGrpcStatus(message.status),
    refused: message.refusal !== "",
    arm: message.arm,
    settingsVersion: message.settingsVersion,
  };
}

export function toVerdict(status: CacheStatus | undefined): CacheVerdict {
  switch (status) {
    case CacheStatus.HIT:
    case CacheStatus.STALE:
      return "hit";
    case CacheStatus.MISS:
      return "miss";
    case CacheStatus.BYPASS:
      return "bypass";
    case CacheStatus.JOINED:
      return "joined";
    default:
      return "none";
  }
}
