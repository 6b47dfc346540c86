// Confusion counts kept apart by cluster, and the bootstrap over whole clusters (Field and Welsh 2007): items of one conversation
// stay together in every resample.
import { assert, type Random } from "@chimera/kernel";
import { atOnce, type BootstrapOptions, type BootstrapSteps, inTurns } from "./bootstrap.ts";
import { at, type ClassIndex, indexClasses } from "./class-counts.ts";
import { scoresOfCounts } from "./classification.ts";
import { ClusterSlots } from "./cluster-slots.ts";
import type { Cell } from "./confusion.ts";
import { Acceleration, MAX_LEFT_OUT, ResampledScores, type ScoreIntervals } from "./resampled-scores.ts";

/** Distinct (target, predicted) pairs; free text has more, and then has no score per class. */
const DEFAULT_MAX_CELLS = 5000;
/** Fewer than for a mean: every resample visits all counters. */
const MAX_SLOTS = 2000;
const LARGEST_MAX_CELLS = 65_535;

export interface ClusteredConfusionOptions {
  maxCells?: number;
  slots?: ClusterSlots;
}

/** Holds one counter per cluster slot and pair that occurs in it: at most 2,000 times 5,000, and never more than items. */
export class ClusteredConfusion {
  readonly #maxCells: number;
  readonly #slots: ClusterSlots;
  readonly #cellOf = new Map<string, Map<string, number>>();
  readonly #cells: { target: string; predicted: string }[] = [];
  // By slot * maxCells + cell: one map is a tenth of the size of a map per cluster.
  #counts = new Map<number, number>();
  #clusters = 0;
  #overflowed = false;

  constructor({ maxCells = DEFAULT_MAX_CELLS, slots = new ClusterSlots(MAX_SLOTS) }: ClusteredConfusionOptions = {}) {
    assert(maxCells <= LARGEST_MAX_CELLS, `at most ${LARGEST_MAX_CELLS} cells, got ${maxCells}`);
    this.#maxCells = maxCells;
    this.#slots = slots;
  }

  get clusters(): number {
    return this.#clusters;
  }

  /** False once there are more pairs than it has room for; nothing is known then. */
  get isWhole(): boolean {
    return !this.#overflowed;
  }

  add(answer: { target: string; predicted: string }, cluster: string): void {
    if (this.#overflowed) return;
    const cell = this.#indexOf(answer);
    if (cell >= this.#maxCells) {
      this.#overflowed = true;
      this.#clusters = 0;
      this.#counts = new Map();
      return;
    }
    const slot = this.#slots.slotOf(cluster);
    this.#clusters = Math.max(this.#clusters, slot + 1);
    const key = slot * this.#maxCells + cell;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  cells(): readonly Cell[] {
    if (this.#overflowed) return [];
    const counts = new Float64Array(this.#cells.length);
    for (const [key, count] of this.#counts) {
      const cell = key % this.#maxCells;
      counts[cell] = at(counts, cell) + count;
    }
    return this.#cells.map((cell, i) => ({ ...cell, count: at(counts, i) }));
  }

  /** At least two clusters must be counted. */
  bootstrap(options: BootstrapOptions): ScoreIntervals {
    return atOnce(this.#resampling(options));
  }

  /** The same figures, for clusters so many that the other streams of the process must go on meanwhile. */
  bootstrapInTurns(options: BootstrapOptions): Promise<ScoreIntervals> {
    return inTurns(this.#resampling(options));
  }

  *#resampling({ resamples, random }: BootstrapOptions): BootstrapSteps {
    assert(this.#clusters >= 2, "a bootstrap over clusters needs two of them");
    const rows = this.#rows();
    const index = indexClasses(this.#cells.map((cell) => ({ ...cell, count: 0 })));
    const scores = new ResampledScores(resamples);
    const drawn = new Float64Array(this.#cells.length);
    for (let resample = 0; resample < resamples; resample++) {
      drawn.fill(0);
      addDrawnRows(rows, drawn, random);
      scores.add(scoresOfCounts(index, drawn));
      yield rows.cells.length + drawn.length;
    }
    const observed = Float64Array.from(this.cells(), ({ count }) => count);
    const acceleration = yield* accelerationOf(rows, { index, observed });
    return scores.intervals({ observed: scoresOfCounts(index, observed), acceleration, units: this.#clusters });
  }

  /** The counters, cluster after cluster. */
  #rows(): Rows {
    const keys = Float64Array.from(this.#counts.keys()).sort();
    const starts = new Uint32Array(this.#clusters + 1);
    const cells = new Uint16Array(keys.length);
    const counts = new Float64Array(keys.length);
    for (const [i, key] of keys.entries()) {
      const cluster = Math.floor(key / this.#maxCells);
      starts[cluster + 1] = i + 1;
      cells[i] = key % this.#maxCells;
      counts[i] = this.#counts.get(key) ?? 0;
    }
    return { starts, cells, counts };
  }

  #indexOf({ target, predicted }: { target: string; predicted: string }): number {
    const row = this.#cellOf.get(target) ?? new Map<string, number>();
    this.#cellOf.set(target, row);
    const known = row.get(predicted);
    if (known !== undefined) return known;
    row.set(predicted, this.#cells.length);
    return this.#cells.push({ target, predicted }) - 1;
  }
}

interface Rows {
  /** Cluster c has the entries from starts[c] to before starts[c + 1]. */
  starts: Uint32Array;
  cells: Uint16Array;
  counts: Float64Array;
}

/** As many clusters as there are, drawn with replacement. */
function addDrawnRows({ starts, cells, counts }: Rows, drawn: Float64Array, random: Random): void {
  const clusters = starts.length - 1;
  for (let draw = 0; draw < clusters; draw++) {
    const cluster = Math.floor(random() * clusters);
    const end = starts[cluster + 1] ?? 0;
    // Each array read by its own type: through one helper this loop takes three times as long.
    for (let i = starts[cluster] ?? 0; i < end; i++) {
      const cell = cells[i] ?? 0;
      drawn[cell] = (drawn[cell] ?? 0) + (counts[i] ?? 0);
    }
  }
}

/** Every cluster is left out once. */
function* accelerationOf(
  { starts, cells, counts }: Rows,
  { index, observed }: { index: ClassIndex; observed: Float64Array },
): Generator<number, Acceleration, void> {
  const acceleration = new Acceleration();
  const clusters = starts.length - 1;
  if (clusters > MAX_LEFT_OUT) return acceleration;
  const left = new Float64Array(observed.length);
  for (let cluster = 0; cluster < clusters; cluster++) {
    left.set(observed);
    for (let i = starts[cluster] ?? 0; i < (starts[cluster + 1] ?? 0); i++) {
      const cell = cells[i] ?? 0;
      left[cell] = at(left, cell) - at(counts, i);
    }
    acceleration.add(scoresOfCounts(index, left));
    yield observed.length;
  }
  return acceleration;
}
