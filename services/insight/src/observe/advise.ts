// From what is observed to recommendations that can be applied.
import { InvalidRequestError } from "@chimera/kernel";
import type { Loop } from "../loop/loop.ts";
import { type Recommendations, recommendations } from "../remedy/recommendations.ts";
import { type ObserveParts, observe } from "./observe.ts";
import type { Offers } from "./offers.ts";

const DEFAULT_WINDOW_S = 900;
const MAX_WINDOW_S = 86_400;

/** Recommendations of the last `windowS` seconds; 900 where 0. Their predictions are as they would be stored. */
export type Advise = (windowS?: number) => Promise<Recommendations>;

export function advisor(parts: ObserveParts, loop: Pick<Loop, "promised">, offers: Offers): Advise {
  return async (windowS = 0) => {
    if (windowS > MAX_WINDOW_S) {
      throw new InvalidRequestError([{ field: "window_s", description: `is above ${MAX_WINDOW_S}, a day` }]);
    }
    const made = recommendations(await observe(parts, 1000 * (windowS || DEFAULT_WINDOW_S)));
    for (const recommendation of made.recommended) offers.add(recommendation);
    const shown = made.recommended.map((each) => {
      const [first, ...others] = each.predictions;
      return { ...each, predictions: [loop.promised(first), ...others.map((one) => loop.promised(one))] as const };
    });
    offers.last = { ...made, recommended: shown };
    return offers.last;
  };
}
