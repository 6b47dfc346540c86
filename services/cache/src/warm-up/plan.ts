// Which answers are worth making ahead, in which order, and which are left cold on purpose so that the gain can be measured.
import { hash } from "node:crypto";
import { type AskedKey, type Demand, medianTtftMs } from "./demand.ts";
import { chanceAsked, type Forecast, MIN_ASKED } from "./forecast.ts";

/** Assumed of a question that never got an answer. */
const UNKNOWN_TOKENS = 512;

/** How a candidate can come to be stored. */
export type Way = "restore" | "generate";

export interface Candidate {
  asked: AskedKey;
  /** Place in the order in which they are worth it, those left cold included. */
  rank: number;
  way: Way;
  /** Of being asked at least once in the next window: the one request that a warm answer turns into a hit. */
  chance: number;
  /** Expected saving of time to first token. */
  savedMs: number;
  /** Prompt and completion tokens it will take; 0 for what can be restored. */
  tokens: number;
}

export interface PlanOptions {
  forecast: Forecast;
  controlShare: number;
  /** Makes the control group of each run another one. */
  salt: string;
  tokenBudget: number;
  maxAnswers: number;
  /** Undefined: it can not be stored. */
  wayOf(asked: AskedKey): Way | undefined;
  isResident(asked: AskedKey): boolean;
}

export interface Plan {
  /** Asked often enough. */
  candidates: number;
  resident: number;
  /** Neither text nor a pruned answer. */
  withoutText: number;
  /** In the order they are to be stored. */
  treated: readonly Candidate[];
  /** What would be stored as well, and is not. */
  control: readonly Candidate[];
  /** Share of all requests of the next window that become hits, in percentage points. */
  predictedHitGainPp: number;
}

/**
 * Of a cold answer only the first request misses: it is stored then. So a warm one gains one hit at most, with the chance that
 * it is asked for at all.
 */
export function planOf(demand: Demand, options: PlanOptions): Plan {
  const { forecast, isResident, wayOf } = options;
  const candidates = candidatesOf(demand);
  const cold = candidates.filter((asked) => !isResident(asked));
  const usualTtftMs = usualTtft(candidates);
  const possible: Candidate[] = [];
  for (const asked of cold) {
    const way = wayOf(asked);
    if (way === undefined) continue;
    const chance = chanceAsked(forecast.expected(asked));
    const tokens = way === "restore" ? 0 : asked.promptTokens + asked.completionTokens || UNKNOWN_TOKENS;
    possible.push({ asked, rank: 0, way, chance, savedMs: chance * (medianTtftMs(asked) ?? usualTtftMs), tokens });
  }
  const { treated, control } = chosen(possible.sort(byWorth), options);
  return {
    candidates: candidates.length,
    resident: candidates.length - cold.length,
    withoutText: cold.length - possible.length,
    treated,
    control,
    predictedHitGainPp: predictedGainPp(treated, forecast),
  };
}

export function predictedGainPp(treated: readonly Candidate[], { expectedRequests }: Forecast): number {
  if (expectedRequests === 0) return 0;
  return (100 * treated.reduce((sum, { chance }) => sum + chance, 0)) / expectedRequests;
}

/** Questions of an older version of their model will not be asked again. */
function candidatesOf(demand: Demand): AskedKey[] {
  return [...demand.keys()].filter((asked) => asked.count >= MIN_ASKED && demand.isCurrent(asked));
}

/** What costs no tokens first, then the most saved per token. */
function byWorth(a: Candidate, b: Candidate): number {
  if (a.tokens === 0 || b.tokens === 0) return a.tokens - b.tokens || b.savedMs - a.savedMs;
  return b.savedMs / b.tokens - a.savedMs / a.tokens;
}

/** Both groups are taken from the same range of the order: whoever would have been stored was as likely to be left cold. */
function chosen(
  ordered: readonly Candidate[],
  { controlShare, salt, tokenBudget, maxAnswers }: PlanOptions,
): { treated: Candidate[]; control: Candidate[] } {
  const treated: Candidate[] = [];
  const control: Candidate[] = [];
  let tokensLeft = tokenBudget;
  for (const [rank, candidate] of ordered.entries()) {
    candidate.rank = rank;
    if (treated.length >= maxAnswers || candidate.tokens > tokensLeft) break;
    if (uniformOf(`${salt}:${candidate.asked.key}`) < controlShare) control.push(candidate);
    else {
      treated.push(candidate);
      tokensLeft -= candidate.tokens;
    }
  }
  return { treated, control };
}

/** The same text is always the same number in [0, 1). */
export function uniformOf(text: string): number {
  return hash("sha256", text, "buffer").readUInt32BE(0) / 2 ** 32;
}

function usualTtft(candidates: readonly AskedKey[]): number {
  const known = candidates.flatMap((asked) => medianTtftMs(asked) ?? []);
  return medianTtftMs({ ttftMs: known }) ?? 1;
}
