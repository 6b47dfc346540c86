// An answer that began elsewhere is either continued, its tokens computed like a prompt, or drawn again token by token. Which of
// the two is exact is decided here; docs/decisions/013-resume.md has the reasons.
import { canNotGoOn } from "../begun-answer.ts";
import type { Sampling } from "../engine.ts";

/** Share of tokens that may be drawn otherwise than they were: a draw on the border between two tokens turns on rounding. */
const MAX_STRAY_SHARE = 1 / 16;

/** Tokens that were sent, while they are drawn again. */
export class Replay {
  readonly #tokens: readonly number[];
  /** Each token is made certain, where its draw was chance that nobody can repeat or no chance at all. */
  readonly isForced: boolean;
  readonly #maxStrays: number;
  #strays = 0;
  #at = 0;

  constructor(tokens: readonly number[], { isForced, mayStray }: { isForced: boolean; mayStray: boolean }) {
    this.#tokens = tokens;
    this.isForced = isForced;
    this.#maxStrays = mayStray ? Math.max(1, Math.floor(tokens.length * MAX_STRAY_SHARE)) : 0;
  }

  /** How many were drawn again so far. */
  get drawn(): number {
    return this.#at;
  }

  /** The token that was sent at this place; undefined when all have been drawn again. */
  get next(): number | undefined {
    return this.#tokens[this.#at];
  }

  /** Goes on to the next place. Throws FailedPreconditionError where this can not be the answer that was sent. */
  accept(token: number): void {
    if (token !== this.next && ++this.#strays > this.#maxStrays) {
      throw canNotGoOn(`other tokens are drawn here than were sent, from token ${this.#at} on`);
    }
    this.#at++;
  }
}

/** Undefined where to continue is exact, or as good as anything. `areDrawn`: the tokens are those the model drew. */
export function replayOf(sampling: Sampling, tokens: readonly number[], areDrawn: boolean): Replay | undefined {
  const repeatsDraws = sampling.temperature > 0 && sampling.seed !== undefined && areDrawn;
  // A grammar is only ever where its answer is. After a stray it would be elsewhere.
  if (sampling.grammar) return new Replay(tokens, { isForced: !repeatsDraws, mayStray: false });
  return repeatsDraws ? new Replay(tokens, { isForced: false, mayStray: true }) : undefined;
}
