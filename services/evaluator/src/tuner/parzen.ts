// Parzen estimators over one axis of the unit cube, as tree-structured Parzen estimators use them (Bergstra et al. 2011,
// bandwidths and prior as in Optuna 3.1): a mixture of one bump per observation and one prior over the whole axis.
import type { Random } from "@chimera/kernel";
import { normalCdf } from "@chimera/statistics";
import type { Axis } from "./space.ts";

export interface AxisDensity {
  draw(component: number, random: Random): number;
  /** Log density of u under one component. */
  logDensity(component: number, u: number): number;
}

/** Component i belongs to `coordinates[i]`, the last one to the prior. `widths` gives one width for all, else neighbours do. */
export function axisDensity(axis: Axis, coordinates: readonly number[], width?: number): AxisDensity {
  return axis.ordered ? ordered(axis, coordinates, width) : unordered(axis.values, coordinates);
}

/** Truncated normals; discrete values are integrated over their share of the axis. */
function ordered({ values }: Axis, coordinates: readonly number[], width?: number): AxisDensity {
  const centres = [...coordinates, 0.5];
  const widths = width === undefined ? neighbourWidths(centres) : centres.map(() => width);
  widths[centres.length - 1] = 1;
  const half = values === 0 ? 0 : 0.5 / values;
  return {
    draw(component, random) {
      const { centre, sd } = bump(component);
      for (;;) {
        const u = centre + sd * normal(random);
        if (u >= 0 && u < 1) return u;
      }
    },
    logDensity(component, u) {
      const { centre, sd } = bump(component);
      const total = normalCdf((1 - centre) / sd) - normalCdf(-centre / sd);
      const z = (u - centre) / sd;
      const density =
        half === 0
          ? Math.exp((-z * z) / 2) / (sd * Math.sqrt(2 * Math.PI))
          : normalCdf((u + half - centre) / sd) - normalCdf((u - half - centre) / sd);
      return Math.log(Math.max(density, 1e-300) / total);
    },
  };
  function bump(component: number): { centre: number; sd: number } {
    return { centre: centres[component] ?? 0.5, sd: widths[component] ?? 1 };
  }
}

/** The larger distance to the neighbours, prior and ends included, but never so narrow that a few bumps are spikes. */
function neighbourWidths(centres: readonly number[]): number[] {
  const order = centres.map((_, index) => index).sort((a, b) => (centres[a] ?? 0) - (centres[b] ?? 0));
  const least = 1 / Math.min(100, 1 + centres.length);
  const widths = new Array<number>(centres.length).fill(1);
  order.forEach((index, rank) => {
    const centre = centres[index] ?? 0;
    const below = centres[order[rank - 1] ?? -1] ?? 0;
    const above = centres[order[rank + 1] ?? -1] ?? 1;
    widths[index] = Math.min(1, Math.max(least, centre - below, above - centre));
  });
  return widths;
}

/** Each observation counts its own value and, a little, all others. */
function unordered(values: number, coordinates: readonly number[]): AxisDensity {
  const components = coordinates.length + 1;
  const rest = 1 / components / values;
  const own = (component: number) => Math.floor((coordinates[component] ?? -1) * values);
  const mass = (component: number, value: number) => {
    if (component === coordinates.length) return 1 / values;
    return ((own(component) === value ? 1 : 0) + rest) / (1 + rest * values);
  };
  return {
    draw(component, random) {
      let left = random();
      for (let value = 0; value < values; value++) {
        left -= mass(component, value);
        if (left < 0) return (value + 0.5) / values;
      }
      return (values - 0.5) / values;
    },
    logDensity: (component, u) => Math.log(mass(component, Math.floor(u * values))),
  };
}

/** Standard normal (Box and Muller 1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
