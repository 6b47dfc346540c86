// Replicas for tests of policies: busy by what was sent to them, and as fast as they are told to be.
import type { Candidate, Field } from "../policy.ts";
import { PrefixIndex } from "../prefix-index.ts";

export class TestCandidate implements Candidate {
  readonly name: string;
  readonly msPerToken: number;
  outstanding = 0;
  tokensAhead = 0;
  limit = Number.POSITIVE_INFINITY;
  isOut = false;

  constructor(name: string, msPerToken = 0.1) {
    this.name = name;
    this.msPerToken = msPerToken;
  }

  expectedTtftMs(uncachedTokens: number): number {
    return (64 + this.tokensAhead + uncachedTokens + 8 * this.outstanding) * this.msPerToken;
  }

  /** Returns its end. */
  take(tokens: number): () => void {
    this.outstanding += 1;
    this.tokensAhead += tokens;
    return () => {
      this.outstanding -= 1;
      this.tokensAhead -= tokens;
    };
  }
}

export function candidates(count: number): TestCandidate[] {
  return Array.from({ length: count }, (_, i) => new TestCandidate(`replica-${i}`));
}

/** `heldExtra`: requests above its limit that a holder may queue. */
export function fieldOf(
  all: readonly TestCandidate[],
  { prefixes = new PrefixIndex<TestCandidate>(), heldExtra = 0 } = {},
): Field<TestCandidate> {
  return {
    candidates: all,
    prefixes,
    isOpen: ({ isOut, outstanding, limit }) => !isOut && outstanding < limit,
    isOpenToHeld: ({ isOut, outstanding, limit }) => !isOut && outstanding < limit + heldExtra,
  };
}
