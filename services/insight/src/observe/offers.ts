// What was recommended lately, so that it can be applied by its id as it was shown.
import { type Clock, FailedPreconditionError, NotFoundError } from "@chimera/kernel";
import type { Recommendation, Recommendations } from "../remedy/recommendations.ts";

/** Traffic changes; an older one is made anew instead. */
export const VALID_MS = 10 * 60_000;
const MAX_OFFERS = 64;

export class Offers {
  readonly #clock: Clock;
  readonly #offers = new Map<string, Recommendation>();
  /** As they were shown last, also those that expect no gain; undefined before the first look. */
  last: Recommendations | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(recommendation: Recommendation): void {
    this.#offers.set(offerId(recommendation), recommendation);
    const oldest = this.#offers.keys().next();
    if (this.#offers.size > MAX_OFFERS && !oldest.done) this.#offers.delete(oldest.value);
  }

  /** Throws NotFoundError, or FailedPreconditionError where it is too old. */
  take(id: string): Recommendation {
    const found = this.#offers.get(id);
    if (found === undefined) {
      throw new NotFoundError(`there is no recommendation ${id}; see \`chimera recommend\``, "recommendation_id");
    }
    const ageMs = this.#clock.nowMs() - found.predictions[0].madeAtMs;
    if (ageMs <= VALID_MS) return found;
    throw new FailedPreconditionError(
      `${id} is ${Math.round(ageMs / 60_000)} min old and was made for other traffic; ask for new ones with \`chimera recommend\``,
    );
  }
}

/** The id of the prediction that decides. */
export function offerId({ predictions }: Recommendation): string {
  return predictions[0].id;
}
