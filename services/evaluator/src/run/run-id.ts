// Names of evaluation runs. Requests of a run carry its name, so that they can be told from the traffic of users.
import type { Random } from "@chimera/kernel";

const PREFIX = "chimera-eval-";
const DIGITS = 12;

export function newRunId(random: Random): string {
  const digits = Array.from({ length: DIGITS }, () => Math.floor(random() * 16).toString(16));
  return PREFIX + digits.join("");
}

export function isRunRequest(requestId: string): boolean {
  return requestId.startsWith(PREFIX);
}
