// From values to positions on a plot: linear and logarithmic axes with round ticks.

export interface Scale {
  /** Position of a value, in the units of the drawing. */
  at(value: number): number;
  readonly ticks: readonly number[];
}

export interface Axis {
  readonly from: number;
  readonly to: number;
  /** Positions of `from` and `to`. */
  readonly start: number;
  readonly end: number;
}

/** Ticks at 1, 2 or 5 times a power of ten, about `count` of them. */
export function linearScale(axis: Axis, count = 5): Scale {
  const { from, to, start, end } = axis;
  const span = to - from || 1;
  const step = roundStep(span / count);
  const ticks: number[] = [];
  for (let index = Math.ceil(from / step - 1e-9); index * step <= to + step * 1e-9; index += 1) {
    // Through a decimal text, so that 3 * 0.1 is 0.3.
    ticks.push(Number((index * step).toPrecision(12)));
  }
  return { at: (value) => start + ((value - from) / span) * (end - start), ticks };
}

/** For values above zero that span decades. Values below `from` lie on its position. */
export function logScale(axis: Axis): Scale {
  const { from, to, start, end } = axis;
  const span = Math.log(to / from) || 1;
  const multiples = to / from > 1e4 ? [1] : to / from > 100 ? [1, 3] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power += 1) {
    for (const multiple of multiples) {
      const value = Number((multiple * 10 ** power).toPrecision(12));
      if (value >= from && value <= to) ticks.push(value);
    }
  }
  return { at: (value) => start + (Math.log(Math.max(value, from) / from) / span) * (end - start), ticks };
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const multiple = [1, 2, 5].find((candidate) => candidate * power >= rough * (1 - 1e-9)) ?? 10;
  return multiple * power;
}
