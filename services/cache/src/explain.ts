// Why a request has a stored answer, or none.
import type { Clock } from "@chimera/kernel";
import { agoText } from "./ago-text.ts";
import type { Answers } from "./answers.ts";
import type { Departure, DepartureReason } from "./departures.ts";
import type { Entry } from "./index/entry.ts";
import type { EntryIndex } from "./index/entry-index.ts";
import { inSlices } from "./slices.ts";

export type AnswerState = "resident" | "stale" | "expired" | "evicted" | "pruned" | "invalidated" | "unknown";

export interface Explanation {
  state: AnswerState;
  /** For people. */
  text: string;
  /** Set where it is resident, also past its time. */
  entry: Entry | undefined;
}

export interface ExplainOptions {
  answers: Answers;
  index: Pick<EntryIndex, "get" | "entries">;
  clock: Clock;
}

/** `key`: "tenant:hash". */
export function explainKey({ answers, index, clock }: ExplainOptions, key: string): Explanation {
  const nowMs = Math.floor(clock.nowMs());
  const entry = index.get(key);
  if (entry !== undefined) {
    const isInvalid = answers.invalidations.coversResident(entry, entry.storedAtMs);
    return isInvalid
      ? { state: "invalidated", text: "invalidated, and about to be removed", entry }
      : explainResident(entry, nowMs);
  }
  const departure = answers.departures.get(key);
  if (departure !== undefined) return explainDeparture(departure, nowMs, answers.undo.has(key));
  if (answers.undo.has(key)) return { state: "pruned", text: "pruned, and can be put back", entry: undefined };
  const text = "never stored in this cache, or gone for so long that the reason is forgotten";
  return { state: "unknown", text, entry: undefined };
}

/** Keys whose hash begins with these hex digits, of what is resident, was pruned, or left lately; at most `max` of them. */
export async function keysWithPrefix(
  { answers, index, clock }: ExplainOptions,
  digits: string,
  max: number,
): Promise<readonly string[]> {
  const found = new Set<string>();
  const visit = ({ key }: { key: string }) => {
    if (key.startsWith(digits, key.indexOf(":") + 1)) found.add(key);
  };
  const options = { clock, isDone: () => found.size >= max };
  for (const source of [index.entries(), answers.departures.values(), answers.undo.values()]) {
    await inSlices<{ key: string }>(source, visit, options);
  }
  return [...found];
}

function explainResident(entry: Entry, nowMs: number): Explanation {
  const stored = `stored ${agoText(nowMs - entry.storedAtMs)} ago, ${usesText(entry, nowMs)}`;
  if (nowMs < entry.freshUntilMs) {
    return { state: "resident", text: `${stored}, fresh for ${agoText(entry.freshUntilMs - nowMs)}`, entry };
  }
  const late = `${agoText(nowMs - entry.freshUntilMs)} past its time`;
  return nowMs < entry.staleUntilMs
    ? { state: "stale", text: `${stored}, ${late}: served while a new one is made`, entry }
    : { state: "expired", text: `${stored}, ${late}: not served any more`, entry };
}

function usesText({ hits, lastUsedMs }: Entry, nowMs: number): string {
  if (hits === 0) return "never served";
  return `served ${hits === 1 ? "once" : `${hits} times`}, last ${agoText(nowMs - lastUsedMs)} ago`;
}

const WHY: Record<DepartureReason, { state: AnswerState; text: string }> = {
  expired: { state: "expired", text: "asked for after its time and removed" },
  evicted: { state: "evicted", text: "evicted to make room" },
  pruned: { state: "pruned", text: "pruned" },
  invalidated: { state: "invalidated", text: "invalidated" },
  lost: { state: "unknown", text: "given up, because its bytes could not be kept or read" },
};

function explainDeparture({ reason, atMs }: Departure, nowMs: number, canReturn: boolean): Explanation {
  const { state, text } = WHY[reason];
  const undo = reason === "pruned" ? (canReturn ? ", and can be put back" : ", for good") : "";
  return { state, text: `${text} ${agoText(nowMs - atMs)} ago${undo}`, entry: undefined };
}
