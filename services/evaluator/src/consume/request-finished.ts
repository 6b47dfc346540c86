// Reads finished requests from the bus and hands them to the feedback join.
import type { Consumption, EventBus } from "@chimera/events";
import type { FeedbackJoin } from "../feedback/join.ts";
import { isRunRequest } from "../run/run-id.ts";

/** Goes on through outages of the bus, from where it was. */
export function consumeRequestFinished(bus: EventBus, join: FeedbackJoin): Promise<Consumption> {
  return bus.consume({
    durable: "evaluator",
    kinds: ["requestFinished"],
    handle: ({ event }) => {
      if (event.kind !== "requestFinished") return;
      // A run scores its own answers; they would only push waiting requests of users out.
      if (!isRunRequest(event.message.requestId)) join.requestFinished(event.message);
    },
  });
}
