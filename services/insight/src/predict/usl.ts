// The universal scalability law (Gunther 1993): what N slots can do, with what they lose to waiting for each other (contention)
// and to keeping each other informed (coherency).

/** One step of a load test. */
export interface CapacityPoint {
  readonly slots: number;
  /** Requests per second that were served within the objective. */
  readonly rps: number;
  /** Requests behind it. */
  readonly n: number;
  /** Relative standard error of `rps`, from the spread between parts of the step; unset where it was not measured. */
  readonly error?: number;
}

export interface Usl {
  /** Requests per second of one slot. */
  readonly perSlotRps: number;
  readonly contention: number;
  readonly coherency: number;
}

/** X(N) = g N / (1 + a (N - 1) + b N (N - 1)). */
export function capacityAt({ perSlotRps, contention, coherency }: Usl, slots: number): number {
  return (perSlotRps * slots) / (1 + contention * (slots - 1) + coherency * slots * (slots - 1));
}

/**
 * N / X(N) is linear in 1/g, a/g and b/g. Weighted by (X/N)², its least squares are those of the relative errors of X to first
 * order, and need no start and no iteration. None of the three is negative: the best of the fits with the negative ones left out
 * is the constrained one. Undefined below three different N.
 */
export function fitUsl(points: readonly CapacityPoint[]): Usl | undefined {
  if (new Set(points.map(({ slots }) => slots)).size < 3) return undefined;
  const rows = points.map(({ slots, rps }) => {
    const share = rps / slots;
    return { x: [share, (slots - 1) * share, slots * (slots - 1) * share], y: 1 };
  });
  const candidates = [[0, 1, 2], [0, 1], [0, 2], [0]].flatMap((columns) => {
    const solved = leastSquares(rows, columns);
    return solved?.every((value) => value >= 0) && (solved[0] ?? 0) > 0 ? [solved] : [];
  });
  const best = candidates.reduce<number[] | undefined>(
    (a, b) => (a !== undefined && errorOf(rows, a) <= errorOf(rows, b) ? a : b),
    undefined,
  );
  if (best === undefined) return undefined;
  const [inverse = 0, contention = 0, coherency = 0] = best;
  return { perSlotRps: 1 / inverse, contention: contention / inverse, coherency: coherency / inverse };
}

interface Row {
  readonly x: readonly number[];
  readonly y: number;
}

function errorOf(rows: readonly Row[], beta: readonly number[]): number {
  return rows.reduce((sum, { x, y }) => sum + (y - x.reduce((dot, xi, i) => dot + xi * (beta[i] ?? 0), 0)) ** 2, 0);
}

/** Of the columns named, the others being 0: normal equations by Gauss and Jordan. Undefined where they have no one solution. */
function leastSquares(rows: readonly Row[], columns: readonly number[]): number[] | undefined {
  const matrix = columns.map((i) => [
    ...columns.map((j) => rows.reduce((sum, { x }) => sum + (x[i] ?? 0) * (x[j] ?? 0), 0)),
    rows.reduce((sum, { x, y }) => sum + (x[i] ?? 0) * y, 0),
  ]);
  for (const [i, pivotRow] of matrix.entries()) {
    const pivot = pivotRow[i] ?? 0;
    if (!(Math.abs(pivot) > 1e-12)) return undefined;
    for (let k = 0; k < pivotRow.length; k++) pivotRow[k] = (pivotRow[k] ?? 0) / pivot;
    for (const [j, row] of matrix.entries()) {
      const factor = row[i] ?? 0;
      if (j !== i) for (let k = 0; k < row.length; k++) row[k] = (row[k] ?? 0) - factor * (pivotRow[k] ?? 0);
    }
  }
  const beta = [0, 0, 0];
  for (const [i, column] of columns.entries()) beta[column] = matrix[i]?.at(-1) ?? 0;
  return beta;
}
