// A curve that carries its own definition: what a figure is to a number, a series is to a plot.
import { InternalError } from "@chimera/kernel";
import type { Window } from "../window/window.ts";
import type { Unit } from "./definitions.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly id: string;
  readonly name: string;
  readonly xName: string;
  readonly xUnit: Unit | "s" | "slots";
  readonly yName: string;
  readonly yUnit: Unit;
  readonly definition: string;
  readonly n: number;
  readonly window: Window;
  readonly method: string;
  readonly source: string;
  readonly points: readonly Point[];
}

/** Throws InternalError where a point is not a number: a plot would show a hole as if it were data. */
export function series(candidate: Series): Series {
  if (candidate.definition === "") throw new InternalError(`the series ${candidate.id} has no definition`);
  for (const point of candidate.points) {
    if (!Number.isFinite(point.x) || !Number.isFinite(point.y)) {
      throw new InternalError(`the series ${candidate.id} was refused: a point is not finite`);
    }
  }
  return Object.freeze({ ...candidate });
}
