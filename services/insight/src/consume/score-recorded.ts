// Takes a ScoreRecorded event into the book of scores.
import type { ScoreRecorded } from "@chimera/contracts/events";
import { eventTimeMs } from "./event-time.ts";
import type { Records } from "./records.ts";

export function takeScoreRecorded(records: Records, message: ScoreRecorded): void {
  const atMs = eventTimeMs(message.at);
  const { source } = message;
  const isUsable = source === "live" || (source === "dataset" && message.runId !== "" && message.split !== "");
  if (atMs === undefined || !isUsable) {
    records.intake.refuse();
    return;
  }
  const { model, modelVersion, predicted, target, correct, dataset, split, runId } = message;
  records.intake.tookPlace(atMs);
  records.scores.push({ source, model, modelVersion, predicted, target, correct, dataset, split, runId, atMs });
}
