// A number that carries its own definition. `figure()` is the only way to make one, and renderers take nothing else, so a
// report can not show a number that nobody defined.
import { InternalError, type IntervalEstimate } from "@chimera/kernel";
import type { Window } from "../window/window.ts";
import { definitionOf, type FigureId } from "./definitions.ts";

export interface Measurement {
  readonly id: FigureId;
  /** Which one of several of its kind: the id of a prediction, a part of the window. */
  readonly of?: string | undefined;
  /** Undefined where there is nothing to measure. */
  readonly value: number | undefined;
  /** Observations behind the value; 0 exactly where nothing was observed. */
  readonly n: number;
  readonly window: Window;
  /** Undefined for counts and where the sample is too small. */
  readonly interval?: IntervalEstimate | undefined;
  /** How the value and its interval were computed. */
  readonly method: string;
  /** What to read to compute it again. */
  readonly source: string;
}

declare const checked: unique symbol;

export interface Figure extends Measurement {
  readonly [checked]: true;
  readonly name: string;
  readonly unit: string;
  readonly definition: string;
  readonly interval: IntervalEstimate | undefined;
}

const made = new WeakSet<object>();

/** Throws InternalError where the measurement could mislead: nothing of that kind may reach a reader. */
export function figure(measurement: Measurement): Figure {
  const { id, of, value, n, window, interval, method, source } = measurement;
  const definition = definitionOf(id);
  if (definition === undefined) throw new InternalError(`the figure ${id} has no definition`);
  const refuse = (why: string) => new InternalError(`the figure ${id} was refused: ${why}`);
  if (value !== undefined && !Number.isFinite(value)) throw refuse("its value is not finite");
  if (!Number.isInteger(n) || n < 0) throw refuse("its n is not a count");
  if (value !== undefined && n === 0) throw refuse("it has a value but nothing was observed");
  if (!(window.fromMs <= window.toMs)) throw refuse("its window ends before it begins");
  if (method === "" || source === "") throw refuse("it does not say how and from what it was computed");
  if (interval !== undefined && !isOrdered(interval)) throw refuse("its interval is not an interval");
  if (interval !== undefined && value === undefined) throw refuse("it has an interval but no value");
  const which = of === undefined ? {} : { of };
  const built = Object.freeze({ id, ...which, ...definition, value, n, window, interval, method, source }) as Figure;
  made.add(built);
  return built;
}

/** Whether it was made by `figure()`; an object that only looks like one was not checked. */
export function isFigure(candidate: unknown): candidate is Figure {
  return typeof candidate === "object" && candidate !== null && made.has(candidate);
}

function isOrdered(interval: IntervalEstimate): boolean {
  const { low, high, level } = interval;
  return Number.isFinite(low) && Number.isFinite(high) && low <= high && level > 0 && level < 1;
}
