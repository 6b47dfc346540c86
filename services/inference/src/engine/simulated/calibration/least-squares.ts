// Least squares where no coefficient may be negative: a step that gets shorter the more is in it would be no engine.
import { assert } from "@chimera/kernel";
import { Matrix, QrDecomposition } from "ml-matrix";

/**
 * argmin ‖Xβ − y‖ with β ≥ 0, exactly: the best of the unconstrained solutions over subsets of columns that are not negative.
 * Few columns only, their subsets are all tried. Columns that do not matter, or can not be told apart, get 0.
 */
export function nonNegativeLeastSquares(rows: readonly (readonly number[])[], y: readonly number[]): number[] {
  const columns = rows[0]?.length ?? 0;
  assert(columns > 0 && columns <= 8 && rows.length === y.length, "1 to 8 columns and as many rows as values");
  let best: { beta: number[]; error: number } | undefined;
  for (let subset = (1 << columns) - 1; subset > 0; subset--) {
    const chosen = Array.from({ length: columns }, (_, column) => column).filter((column) => subset & (1 << column));
    const solved = solve(rows, y, chosen);
    if (solved === undefined || solved.some((value) => value < 0)) continue;
    const beta = new Array<number>(columns).fill(0);
    chosen.forEach((column, index) => {
      beta[column] = solved[index] ?? 0;
    });
    const error = squaredError(rows, y, beta);
    if (best === undefined || error < best.error) best = { beta, error };
    // Nothing constrained can be better than all columns together.
    if (chosen.length === columns) break;
  }
  return best?.beta ?? new Array<number>(columns).fill(0);
}

/** Undefined where the columns depend on each other. */
function solve(rows: readonly (readonly number[])[], y: readonly number[], chosen: readonly number[]) {
  // Columns of length one: what is large must not hide what is small.
  const lengths = chosen.map((column) => Math.sqrt(rows.reduce((sum, row) => sum + (row[column] ?? 0) ** 2, 0)));
  if (lengths.some((length) => length === 0) || rows.length < chosen.length) return undefined;
  const scaled = rows.map((row) => chosen.map((column, index) => (row[column] ?? 0) / (lengths[index] ?? 1)));
  const qr = new QrDecomposition(new Matrix(scaled));
  const diagonal = qr.upperTriangularMatrix.diagonal().map(Math.abs);
  if (Math.min(...diagonal) < 1e-9) return undefined;
  const solution = qr.solve(Matrix.columnVector([...y])).getColumn(0);
  return solution.map((value, index) => value / (lengths[index] ?? 1));
}

function squaredError(rows: readonly (readonly number[])[], y: readonly number[], beta: readonly number[]): number {
  return rows.reduce((sum, row, index) => {
    const predicted = row.reduce((total, value, column) => total + value * (beta[column] ?? 0), 0);
    return sum + (predicted - (y[index] ?? 0)) ** 2;
  }, 0);
}
