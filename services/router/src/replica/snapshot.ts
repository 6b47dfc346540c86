// What the router thinks of a replica at one moment, for statistics and for people.
import type { Fleet } from "./fleet.ts";
import type { Replica } from "./replica.ts";

export type ReplicaState =
  | "serving"
  | "full"
  /** It lost a request and is being asked whether it is still there. */
  | "doubted"
  | "on-trial"
  | "ejected"
  | "unreachable"
  | "leaving";

export interface ReplicaSnapshot {
  name: string;
  url: string;
  /** Empty until it has said it. */
  model: string;
  modelVersion: string;
  state: ReplicaState;
  /** Why it gets nothing, or only a trial; undefined where it serves. */
  reason: string | undefined;
  slots: number;
  limit: number;
  /** Requests of all routers, as far as this one knows. */
  outstanding: number;
  /** Requests of this router. */
  open: number;
  /** Prompt tokens that wait to be computed there. */
  tokensAhead: number;
  /** Mean over its latest first tokens; undefined before the first. */
  ttftMs: number | undefined;
  /** The same per token of work in front of it. */
  msPerToken: number | undefined;
  /** Beginnings of prompts it is taken to hold. */
  prefixKeys: number;
}

export function snapshotOf(replica: Replica, fleet: Fleet | undefined): ReplicaSnapshot {
  const { name, url, description, slots, outstanding, open, ttftMs, pace, limit, occupancy } = replica;
  return {
    name,
    url,
    model: description?.model ?? "",
    modelVersion: description?.modelVersion ?? "",
    state: stateOf(replica),
    reason: replica.whyOut ?? replica.breaker.reason,
    slots,
    limit: limit.value,
    outstanding,
    open,
    tokensAhead: occupancy.tokensAhead,
    ttftMs,
    msPerToken: pace.measured,
    prefixKeys: fleet?.prefixKeysOf(replica) ?? 0,
  };
}

function stateOf(replica: Replica): ReplicaState {
  if (replica.isLeaving) return "leaving";
  if (!replica.reachable) return "unreachable";
  if (replica.isDoubted) return "doubted";
  if (replica.breaker.state === "open") return "ejected";
  if (replica.breaker.state === "half-open") return "on-trial";
  return replica.hasRoom ? "serving" : "full";
}
