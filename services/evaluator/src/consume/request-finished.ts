// Reads finished requests from the bus and hands them to the feedback join.
import type { Consumption, EventBus } from "@chimera/events";
import type { FeedbackJoin } from "../feedback/join.ts";
import type { OnlineQuality } from "../online/online-quality.ts";
import { isRunRequest } from "../run/run-id.ts";

/** Goes on through outages of the bus, from where it was. */
export function consumeRequestFinished(
  bus: EventBus,
  { join, online }: { join: FeedbackJoin; online: Pick<OnlineQuality, "requestFinished"> },
): Promise<Consumption> {
  return bus.consume({
    durable: "evaluator",
    kinds: ["requestFinished"],
    handle: ({ event }) => {
      if (event.kind !== "requestFinished") return;
      // A run scores its own answers; they would only push waiting requests of users out.
      if (isRunRequest(event.message.requestId)) return;
      // First, so that a score that the join makes at once finds its request.
      online.requestFinished(event.message);
      join.requestFinished(event.message);
    },
  });
}
