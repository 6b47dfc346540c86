// Many tests at once. Holm where none may be false (guardrails), Benjamini and Hochberg where a share may (exploration).
import { at } from "./class-counts.ts";

/** Adjusted p-values (Holm 1979), in the order given: the chance of any false alarm stays below the level they are held against. */
export function holm(pValues: readonly number[]): number[] {
  const adjusted = new Array<number>(pValues.length).fill(1);
  let highest = 0;
  for (const [rank, index] of ascending(pValues).entries()) {
    highest = Math.max(highest, Math.min(1, (pValues.length - rank) * at(pValues, index)));
    adjusted[index] = highest;
  }
  return adjusted;
}

/** Adjusted p-values (Benjamini and Hochberg 1995): the expected share of false ones among the findings stays below the level. */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  const adjusted = new Array<number>(pValues.length).fill(1);
  const order = ascending(pValues);
  let lowest = 1;
  for (let rank = order.length - 1; rank >= 0; rank--) {
    const index = at(order, rank);
    lowest = Math.min(lowest, (at(pValues, index) * pValues.length) / (rank + 1));
    adjusted[index] = lowest;
  }
  return adjusted;
}

function ascending(values: readonly number[]): number[] {
  return values.map((_, index) => index).sort((a, b) => at(values, a) - at(values, b));
}
