// Draws an index in proportion to its weight in constant time (alias method: Walker 1977, set up as in Vose 1991).
import { assert, type Random } from "@chimera/kernel";

/** `weights` are not negative and not all 0. An index of weight 0 is never drawn. */
export function aliasTable(weights: Uint32Array, random: Random): () => number {
  const indexes = Array.from(weights.keys()).filter((index) => at(weights, index) > 0);
  const size = indexes.length;
  assert(size > 0, "an alias table needs a weight above 0");
  const total = indexes.reduce((sum, index) => sum + at(weights, index), 0);
  const share = Float64Array.from(indexes, (index) => (at(weights, index) * size) / total);
  const alias = Uint32Array.from({ length: size }, (_, slot) => slot);
  const small = slots(size).filter((slot) => at(share, slot) < 1);
  const large = slots(size).filter((slot) => at(share, slot) >= 1);
  for (let low = small.pop(); low !== undefined; low = small.pop()) {
    const high = large.at(-1);
    // Only rounding leaves a small slot without a partner; it then stands for itself.
    if (high === undefined) {
      share[low] = 1;
      continue;
    }
    alias[low] = high;
    share[high] = at(share, high) - (1 - at(share, low));
    if (at(share, high) < 1) {
      large.pop();
      small.push(high);
    }
  }
  const values = Uint32Array.from(indexes);
  return () => {
    const point = random() * size;
    const slot = Math.floor(point);
    return at(values, point - slot < at(share, slot) ? slot : at(alias, slot));
  };
}

function slots(size: number): number[] {
  return Array.from({ length: size }, (_, slot) => slot);
}

function at(values: Uint32Array | Float64Array, index: number): number {
  return values[index] ?? 0;
}
