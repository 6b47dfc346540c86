// Linear systems of symmetric positive definite matrices, in row order in one array; only the lower triangle is read.

/** Replaces the lower triangle of the matrix by its factor L with L Lᵀ = matrix. */
export function cholesky(matrix: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j] as number;
      for (let k = 0; k < j; k++) sum -= (matrix[i * n + k] as number) * (matrix[j * n + k] as number);
      // Rounding can take a pivot of a nearly singular matrix below 0.
      matrix[i * n + j] = i === j ? Math.sqrt(Math.max(sum, Number.EPSILON)) : sum / (matrix[j * n + j] as number);
    }
  }
}

/** Replaces b by the solution of L x = b. */
export function solveLower(factor: Float64Array, b: Float64Array): void {
  const n = b.length;
  for (let i = 0; i < n; i++) {
    let sum = b[i] as number;
    for (let k = 0; k < i; k++) sum -= (factor[i * n + k] as number) * (b[k] as number);
    b[i] = sum / (factor[i * n + i] as number);
  }
}

/** Replaces b by the solution of Lᵀ x = b. */
export function solveUpper(factor: Float64Array, b: Float64Array): void {
  const n = b.length;
  for (let i = n - 1; i >= 0; i--) {
    let sum = b[i] as number;
    for (let k = i + 1; k < n; k++) sum -= (factor[k * n + i] as number) * (b[k] as number);
    b[i] = sum / (factor[i * n + i] as number);
  }
}
