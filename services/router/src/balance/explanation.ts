// Why a request went where it went, for a trace and for people.

export interface ExplainedCandidate {
  name: string;
  /** What speaks for and against it, in words. */
  score: string;
  outstanding: number;
  limit: number;
  /** Undefined where nothing was measured yet. */
  expectedTtftMs: number | undefined;
  /** Tokens of the prompt that it is taken to hold. */
  heldTokens: number;
}

export interface RouteExplanation {
  policy: string;
  chosen: string;
  why: string;
  /** What was weighed, at most 8. */
  candidates: readonly ExplainedCandidate[];
}

export function explainCandidate(facts: Omit<ExplainedCandidate, "score">): ExplainedCandidate {
  const { outstanding, limit, expectedTtftMs, heldTokens } = facts;
  const expected = expectedTtftMs === undefined ? "nothing measured" : `first token in ${expectedTtftMs.toFixed(1)} ms`;
  const score = `${expected}, ${outstanding} of ${limit} outstanding, holds ${heldTokens} prompt tokens`;
  return { ...facts, score };
}
