// What the end of a request says about the replica that had it.
import type { ChimeraError } from "@chimera/kernel";

export type RequestEnd = "ok" | "cancelled" | ChimeraError;

/**
 * - well: it did its part, also where the request was no good;
 * - nothing: the caller left first;
 * - refused: it has no room, and is well;
 * - failed: its doing;
 * - lost: there may be nobody any more.
 */
export type Verdict = "well" | "nothing" | "refused" | "failed" | "lost";

/** A deadline that passes sooner says more about the caller. */
const HUNG_MS = 5000;

export function verdictOf(end: RequestEnd, { hadToken, tookMs }: { hadToken: boolean; tookMs: number }): Verdict {
  if (end === "ok") return "well";
  if (end === "cancelled" || end.kind === "cancelled") return hadToken ? "well" : "nothing";
  switch (end.kind) {
    case "overloaded":
      return "refused";
    case "unavailable":
      // On the wire both are UNAVAILABLE; only who has no room says when to come back.
      return end.retryAfterMs === undefined ? "lost" : "refused";
    case "internal":
      return "failed";
    case "deadline-exceeded":
      if (hadToken) return "well";
      return tookMs >= HUNG_MS ? "failed" : "nothing";
    default:
      return "well";
  }
}
