// The Sobol sequence (Sobol 1967): points that fill a cube evenly, so that a few first trials see all of every axis.
// Direction numbers: Joe and Kuo 2008 (new-joe-kuo-6). A random digital shift per run keeps the evenness and gives every
// seed its own points.
import { assert, type Random } from "@chimera/kernel";

const BITS = 32;

// Degree s, coefficients a and initial numbers m of the dimensions after the first.
const DIRECTIONS: readonly (readonly [a: number, m: readonly number[]])[] = [
  [0, [1]],
  [1, [1, 3]],
  [1, [1, 3, 1]],
  [2, [1, 1, 1]],
  [1, [1, 1, 3, 3]],
  [4, [1, 3, 5, 13]],
  [2, [1, 1, 5, 5, 17]],
  [4, [1, 1, 5, 5, 5]],
  [7, [1, 1, 7, 11, 19]],
  [11, [1, 1, 5, 1, 1]],
  [13, [1, 1, 1, 3, 11]],
  [14, [1, 3, 5, 5, 31]],
  [1, [1, 3, 3, 9, 7, 49]],
  [13, [1, 1, 1, 15, 21, 21]],
  [16, [1, 3, 1, 13, 27, 49]],
  [19, [1, 1, 1, 15, 7, 5]],
  [22, [1, 3, 1, 15, 13, 25]],
  [25, [1, 1, 5, 5, 19, 61]],
  [1, [1, 3, 7, 11, 23, 15, 103]],
  [4, [1, 3, 7, 13, 13, 15, 69]],
];
/** Dimensions with published numbers here; further axes are filled by chance. */
export const SOBOL_DIMENSIONS = DIRECTIONS.length + 1;

export class SobolSequence {
  readonly #directions: readonly Uint32Array[];
  readonly #state: Uint32Array;
  readonly #dimensions: number;
  readonly #random: Random;
  #index = 0;

  /** The digital shift is drawn here. */
  constructor(dimensions: number, random: Random) {
    assert(dimensions >= 1, `a Sobol sequence needs a dimension, got ${dimensions}`);
    this.#dimensions = dimensions;
    this.#random = random;
    const covered = Math.min(dimensions, SOBOL_DIMENSIONS);
    this.#directions = Array.from({ length: covered }, (_, dimension) => directionNumbers(dimension));
    this.#state = Uint32Array.from({ length: covered }, () => Math.floor(random() * 2 ** BITS));
  }

  /** Antonov and Saleev 1979: in Gray-code order each point differs from the last by one direction number. */
  next(): Float64Array {
    const point = Float64Array.from({ length: this.#dimensions }, (_, dimension) => {
      const bits = this.#state[dimension];
      return bits === undefined ? this.#random() : bits / 2 ** BITS;
    });
    const flipped = trailingOnes(this.#index);
    this.#directions.forEach((numbers, dimension) => {
      this.#state[dimension] = ((this.#state[dimension] ?? 0) ^ (numbers[flipped] ?? 0)) >>> 0;
    });
    this.#index += 1;
    return point;
  }
}

function trailingOnes(n: number): number {
  return 31 - Math.clz32(~n & (n + 1));
}

function directionNumbers(dimension: number): Uint32Array {
  const numbers = new Uint32Array(BITS);
  const direction = DIRECTIONS[dimension - 1];
  if (direction === undefined) return numbers.map((_, bit) => 2 ** (BITS - 1 - bit));
  const [a, m] = direction;
  const degree = m.length;
  for (let bit = 0; bit < BITS; bit++) {
    numbers[bit] = bit < degree ? ((m[bit] ?? 0) << (BITS - 1 - bit)) >>> 0 : recurrence(numbers, bit, { a, degree });
  }
  return numbers;
}

function recurrence(numbers: Uint32Array, bit: number, { a, degree }: { a: number; degree: number }): number {
  const earliest = numbers[bit - degree] ?? 0;
  let number = earliest ^ (earliest >>> degree);
  for (let k = 1; k < degree; k++) {
    if ((a >>> (degree - 1 - k)) & 1) number ^= numbers[bit - k] ?? 0;
  }
  return number >>> 0;
}
