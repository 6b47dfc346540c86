// What every policy for choosing a replica is: it sees candidates and a request, and names one of those that may take it.
import type { PrefixIndex } from "./prefix-index.ts";

/** A replica as a policy sees it. What is sent there counts at once, long before it reports anything. */
export interface Candidate {
  /** Requests it works on, others' among them. */
  readonly outstanding: number;
  /** Until the first token of a request with so many tokens to compute; where nothing was measured yet, only relative. */
  expectedTtftMs(uncachedTokens: number): number;
}

export interface BalanceRequest {
  /** Keys of balance/prefix-keys.ts. */
  prefixKeys: readonly number[];
  /** An estimate is enough. */
  promptTokens: number;
}

/** The replicas of one model at the moment of a request. Up to 256: a policy must not copy or sort them. */
export interface Field<C extends Candidate> {
  readonly candidates: readonly C[];
  readonly prefixes: PrefixIndex<C>;
  /** Whether it may take the request: it answers, has room and is not excluded. */
  isOpen(candidate: C): boolean;
  /** The same for one that holds the beginning of the prompt: it may queue a few more, rather than that others compute it again. */
  isOpenToHeld(candidate: C): boolean;
}

export interface Choice<C extends Candidate> {
  candidate: C;
  /** For people. */
  why: string;
  /** What it was weighed against, itself among them; at most 8. */
  considered: readonly C[];
}

export interface Policy {
  /** Undefined only where no candidate is open. */
  choose<C extends Candidate>(request: BalanceRequest, field: Field<C>): Choice<C> | undefined;
}
