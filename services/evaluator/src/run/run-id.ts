// Names of evaluation runs, and of the requests they make, so that these can be told from the traffic of users.
import { createHash } from "node:crypto";
import { InvalidRequestError, type Random } from "@chimera/kernel";

const PREFIX = "chimera-eval-";
const DIGITS = 12;
// One token of a NATS subject.
const RUN_ID = /^[A-Za-z0-9_-]{1,64}$/;

export function newRunId(random: Random): string {
  const digits = Array.from({ length: DIGITS }, () => Math.floor(random() * 16).toString(16));
  return PREFIX + digits.join("");
}

/** The id a caller chose, or a new one. Throws InvalidRequestError. */
export function runIdOf(given: string, random: Random): string {
  if (given === "") return newRunId(random);
  if (RUN_ID.test(given)) return given;
  throw new InvalidRequestError([{ field: "run_id", description: "1 to 64 of letters, digits, - and _" }]);
}

/** First part of the request ids of a run: of one length, whatever the run is called. */
export function requestPrefix(runId: string): string {
  if (isRunRequest(runId) && runId.length === PREFIX.length + DIGITS) return runId;
  return PREFIX + createHash("sha256").update(runId).digest("hex").slice(0, DIGITS);
}

export function isRunRequest(requestId: string): boolean {
  return requestId.startsWith(PREFIX);
}
