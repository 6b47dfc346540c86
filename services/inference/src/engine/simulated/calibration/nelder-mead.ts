// Minimises a function that has no derivative (Nelder and Mead 1965, the usual coefficients 1, 2, ½, ½). A replay jumps where a
// request falls into another step, so that differences of it say nothing.

export interface MinimiseOptions {
  /** First move along each axis. */
  step: number;
  /** Calls of the function, roughly. */
  evaluations: number;
}

interface Vertex {
  at: number[];
  value: number;
}

export function minimise(
  f: (at: readonly number[]) => number,
  start: readonly number[],
  options: MinimiseOptions,
): Vertex {
  let calls = 0;
  const vertex = (at: number[]): Vertex => {
    calls++;
    const value = f(at);
    return { at, value: Number.isNaN(value) ? Number.POSITIVE_INFINITY : value };
  };
  const moved = (axis: number) => start.map((value, index) => (index === axis ? value + options.step : value));
  let simplex = [vertex([...start]), ...start.map((_, axis) => vertex(moved(axis)))].sort(byValue);
  while (calls < options.evaluations) {
    const worst = simplex.at(-1);
    const [best] = simplex;
    if (worst === undefined || best === undefined) break;
    const others = simplex.slice(0, -1);
    const along = (factor: number) => vertex(between(centreOf(others), worst.at, factor));
    const better = improved(along, { best, worst, secondWorst: others.at(-1) ?? best });
    simplex = better
      ? [...others, better]
      : [best, ...simplex.slice(1).map(({ at }) => vertex(between(best.at, at, 0.5)))];
    simplex.sort(byValue);
  }
  return simplex[0] ?? vertex([...start]);
}

/** Reflection, expansion or contraction; undefined where only shrinking is left. */
function improved(
  along: (factor: number) => Vertex,
  { best, worst, secondWorst }: { best: Vertex; worst: Vertex; secondWorst: Vertex },
): Vertex | undefined {
  const reflected = along(-1);
  if (reflected.value < best.value) {
    const expanded = along(-2);
    return expanded.value < reflected.value ? expanded : reflected;
  }
  if (reflected.value < secondWorst.value) return reflected;
  const contracted = along(reflected.value < worst.value ? -0.5 : 0.5);
  return contracted.value < Math.min(reflected.value, worst.value) ? contracted : undefined;
}

const byValue = (a: Vertex, b: Vertex) => a.value - b.value;

function centreOf(vertices: readonly Vertex[]): number[] {
  const axes = vertices[0]?.at.length ?? 0;
  return Array.from({ length: axes }, (_, axis) => {
    return vertices.reduce((sum, { at }) => sum + (at[axis] ?? 0), 0) / vertices.length;
  });
}

/** `from` at factor 0, `to` at 1. */
function between(from: readonly number[], to: readonly number[], factor: number): number[] {
  return from.map((value, axis) => value + factor * ((to[axis] ?? 0) - value));
}
