// When a candidate would give the first token of a request, and which of two gives it sooner.
import type { BalanceRequest, Candidate, Field } from "./policy.ts";
import { heldShare } from "./prefix-keys.ts";

/** Expectations this close to each other are the same: what was measured is not more exact. */
const CLOSE = 1.1;

/** Tokens of the prompt that it does not hold yet. */
export function uncachedTokens<C extends Candidate>(candidate: C, request: BalanceRequest, field: Field<C>): number {
  const { promptTokens, prefixKeys } = request;
  if (prefixKeys.length === 0) return promptTokens;
  const held = field.prefixes.heldBy(candidate, prefixKeys);
  return Math.ceil(promptTokens * (1 - heldShare(held, prefixKeys.length)));
}

export function expectedTtftMs<C extends Candidate>(candidate: C, request: BalanceRequest, field: Field<C>): number {
  return candidate.expectedTtftMs(uncachedTokens(candidate, request, field));
}

export interface Expectation {
  outstanding: number;
  ttftMs: number;
}

/** Whether `a` is the better one; among close ones that with fewer requests. */
export function isSooner(a: Expectation, b: Expectation): boolean {
  const areClose = a.ttftMs <= b.ttftMs * CLOSE && b.ttftMs <= a.ttftMs * CLOSE;
  return areClose ? a.outstanding < b.outstanding : a.ttftMs < b.ttftMs;
}
