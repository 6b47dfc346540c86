// Sends each event of the stream to the record it belongs to, once.
import type { ReceivedEvent } from "@chimera/events";
import type { Clock } from "@chimera/kernel";
import { takeCacheChanged } from "./cache-changed.ts";
import type { Records } from "./records.ts";
import { takeRequestFinished } from "./request-finished.ts";
import { takeScoreRecorded } from "./score-recorded.ts";

export const consumedKinds = [
  "requestFinished",
  "cacheChanged",
  "scoreRecorded",
  "cacheReviewed",
  "settingsApplied",
] as const;

export function takeEvent(records: Records, received: ReceivedEvent, clock: Clock): void {
  if (!records.intake.admit(received, clock.nowMs())) return;
  const { event } = received;
  if (event.kind === "requestFinished") takeRequestFinished(records, event.message, received.receivedAtMs);
  else if (event.kind === "cacheChanged") takeCacheChanged(records, event.message);
  else if (event.kind === "scoreRecorded") takeScoreRecorded(records, event.message);
  else if (event.kind === "cacheReviewed") records.reviews.push(event.message);
}
