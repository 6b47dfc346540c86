// What a tuner may turn: parameters with their ranges, when they matter, and which combinations are ruled out. A space is
// plain JSON. Samplers see it as a unit cube, one axis per parameter, so none of them knows kinds or scales.
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import { z } from "zod";

/** Axes of one space; what a sampler costs grows with them. */
const MAX_PARAMETERS = 40;
const MAX_CHOICES = 64;
const MAX_CONSTRAINTS = 100;
/** Draws that may break a constraint before the space counts as empty. */
const MAX_REDRAWS = 1000;

const value = z.union([z.number(), z.string(), z.boolean()]);
/** The parameter counts only where another one has one of these values, or is above a number. */
const when = z
  .strictObject({ parameter: z.string(), in: z.array(value).min(1).optional(), above: z.number().optional() })
  .refine((condition) => (condition.in === undefined) !== (condition.above === undefined), "either in or above");
const scale = z.enum(["linear", "log"]).default("linear");
const parameterSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("float"),
    low: z.number(),
    high: z.number(),
    scale,
    step: z.number().positive().optional(),
    when: when.optional(),
  }),
  z.strictObject({ kind: z.literal("int"), low: z.int(), high: z.int(), scale, when: when.optional() }),
  z.strictObject({
    kind: z.literal("categorical"),
    choices: z.array(z.string()).min(1).max(MAX_CHOICES),
    when: when.optional(),
  }),
  z.strictObject({ kind: z.literal("boolean"), when: when.optional() }),
]);
const constraintSchema = z.discriminatedUnion("kind", [
  // Σ weight × value <= atMost; a parameter without effect counts as 0.
  z.strictObject({ kind: z.literal("linear"), weights: z.record(z.string(), z.number()), atMost: z.number() }),
  // Not all of these at once.
  z.strictObject({ kind: z.literal("forbidden"), values: z.record(z.string(), value) }),
]);
const spaceSchema = z.strictObject({
  parameters: z.record(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/), parameterSchema),
  constraints: z.array(constraintSchema).max(MAX_CONSTRAINTS).default([]),
});

export type Value = z.infer<typeof value>;
export type Parameter = z.infer<typeof parameterSchema>;
export type SpaceDescription = z.input<typeof spaceSchema>;
type Constraint = z.infer<typeof constraintSchema>;

/** Values by parameter; one without effect here is absent. */
export type Configuration = Readonly<Record<string, Value>>;

/** A configuration as coordinates in [0, 1); NaN where the parameter has no effect. */
export type Point = Float64Array;

export interface Axis {
  readonly name: string;
  readonly parameter: Parameter;
  /** Distinct values; 0 where the axis is continuous. */
  readonly values: number;
  /** Whether neighbouring values are alike. */
  readonly ordered: boolean;
}

export class SearchSpace {
  readonly axes: readonly Axis[];
  readonly #constraints: readonly Constraint[];
  // A parameter comes after the one it depends on.
  readonly #order: readonly number[];

  /** Throws InvalidRequestError with every mistake of the description. */
  constructor(description: unknown) {
    const parsed = spaceSchema.safeParse(description);
    if (!parsed.success) throw new InvalidRequestError(parsed.error.issues.map(violationOf));
    const { parameters, constraints } = parsed.data;
    const violations = [...mistakesIn(parameters), ...unknownIn(constraints, parameters)];
    if (violations.length > 0) throw new InvalidRequestError(violations);
    this.axes = Object.entries(parameters).map(([name, parameter]) => axisOf(name, parameter));
    this.#constraints = constraints;
    this.#order = dependencyOrder(this.axes);
  }

  /** The configuration at a point; coordinates of parameters without effect are ignored. */
  at(point: ArrayLike<number>): Configuration {
    const found: Record<string, Value> = {};
    for (const index of this.#order) {
      const axis = this.axes[index];
      const u = point[index];
      if (axis && u !== undefined && holds(axis.parameter, found)) found[axis.name] = valueAt(axis, u);
    }
    return inOrder(this.axes, found);
  }

  /** The point of a valid configuration. Discrete values sit in the middle of their share of the axis. */
  pointOf(configuration: Configuration): Point {
    return Float64Array.from(this.axes, (axis) => {
      const found = configuration[axis.name];
      return found === undefined ? Number.NaN : coordinateOf(axis, found);
    });
  }

  /** Whether no constraint is broken. */
  allows(configuration: Configuration): boolean {
    return this.#constraints.every((constraint) => satisfied(constraint, configuration));
  }

  /** Throws InvalidRequestError that names what is missing, unknown, out of range or ruled out. */
  check(configuration: Configuration): void {
    const violations = this.axes.flatMap((axis) => mistakeOf(axis, configuration));
    for (const name of Object.keys(configuration)) {
      if (!this.axes.some((axis) => axis.name === name))
        violations.push({ field: name, description: "not a parameter" });
    }
    this.#constraints.forEach((constraint, index) => {
      if (!satisfied(constraint, configuration)) {
        violations.push({ field: `constraints[${index}]`, description: describe(constraint) });
      }
    });
    if (violations.length > 0) throw new InvalidRequestError(violations);
  }

  /** The first allowed configuration that `draw` gives. */
  firstAllowed(draw: () => ArrayLike<number>): Configuration {
    for (let attempt = 0; attempt < MAX_REDRAWS; attempt++) {
      const configuration = this.at(draw());
      if (this.allows(configuration)) return configuration;
    }
    const description = `no allowed combination in ${MAX_REDRAWS} draws`;
    throw new InvalidRequestError([{ field: "constraints", description }]);
  }
}

/** The same text for the same configuration. */
export function keyOf(configuration: Configuration): string {
  return JSON.stringify(Object.entries(configuration).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function axisOf(name: string, parameter: Parameter): Axis {
  const ordered = parameter.kind === "float" || parameter.kind === "int";
  return { name, parameter, values: countOf(parameter), ordered };
}

function countOf(parameter: Parameter): number {
  if (parameter.kind === "boolean") return 2;
  if (parameter.kind === "categorical") return parameter.choices.length;
  if (parameter.kind === "int") return parameter.high - parameter.low + 1;
  // A tiny surplus keeps 1.5 / 0.05 from losing its last step to rounding.
  return parameter.step === undefined ? 0 : Math.floor((parameter.high - parameter.low) / parameter.step + 1e-9) + 1;
}

function valueAt({ parameter, values }: Axis, u: number): Value {
  const index = Math.min(values - 1, Math.max(0, Math.floor(u * values)));
  if (parameter.kind === "boolean") return index === 1;
  if (parameter.kind === "categorical") return parameter.choices[index] ?? "";
  const { low, high } = rangeOf(parameter);
  const along = unscale(parameter.scale, low + u * (high - low));
  if (parameter.kind === "int") return clamp(Math.round(along), parameter);
  const step = parameter.step;
  if (step === undefined) return clamp(along, parameter);
  return Number(
    (parameter.low + clamp(Math.round((along - parameter.low) / step), { low: 0, high: values - 1 }) * step).toFixed(
      10,
    ),
  );
}

function coordinateOf({ parameter, values }: Axis, found: Value): number {
  if (parameter.kind === "boolean") return found === true ? 0.75 : 0.25;
  if (parameter.kind === "categorical") return (parameter.choices.indexOf(String(found)) + 0.5) / values;
  const { low, high } = rangeOf(parameter);
  const u = high === low ? 0.5 : (rescale(parameter.scale, Number(found)) - low) / (high - low);
  return Math.min(Math.max(u, 0), 1 - 1e-12);
}

type Numeric = Extract<Parameter, { kind: "float" | "int" }>;

/** On the scale of the axis; discrete values are given half a step to either side, so that the ends get their full share. */
function rangeOf(parameter: Numeric): { low: number; high: number } {
  const half = parameter.kind === "int" ? 0.5 : (parameter.step ?? 0) / 2;
  // Half a step below a logarithmic low could be 0 or less.
  const low = parameter.scale === "log" ? Math.max(parameter.low - half, parameter.low / 2) : parameter.low - half;
  return { low: rescale(parameter.scale, low), high: rescale(parameter.scale, parameter.high + half) };
}

function rescale(kind: "linear" | "log", x: number): number {
  return kind === "log" ? Math.log(x) : x;
}

function unscale(kind: "linear" | "log", x: number): number {
  return kind === "log" ? Math.exp(x) : x;
}

function clamp(x: number, { low, high }: { low: number; high: number }): number {
  return Math.min(high, Math.max(low, x));
}

function inOrder(axes: readonly Axis[], found: Configuration): Configuration {
  const entries = axes.flatMap(({ name }) => {
    const each = found[name];
    return each === undefined ? [] : [[name, each] as const];
  });
  return Object.fromEntries(entries);
}

function holds({ when: condition }: Parameter, configuration: Configuration): boolean {
  if (condition === undefined) return true;
  const found = configuration[condition.parameter];
  if (found === undefined) return false;
  return condition.in ? condition.in.includes(found) : Number(found) > (condition.above ?? 0);
}

function satisfied(constraint: Constraint, configuration: Configuration): boolean {
  if (constraint.kind === "forbidden") {
    return !Object.entries(constraint.values).every(([name, ruledOut]) => configuration[name] === ruledOut);
  }
  const total = Object.entries(constraint.weights).reduce(
    (sum, [name, weight]) => sum + weight * Number(configuration[name] ?? 0),
    0,
  );
  return total <= constraint.atMost + 1e-9;
}

function describe(constraint: Constraint): string {
  if (constraint.kind === "forbidden") return `not together: ${JSON.stringify(constraint.values)}`;
  const sum = Object.entries(constraint.weights).map(([name, weight]) => `${weight} × ${name}`);
  return `${sum.join(" + ")} is at most ${constraint.atMost}`;
}

function mistakeOf({ name, parameter }: Axis, configuration: Configuration): FieldViolation[] {
  const found = configuration[name];
  if (!holds(parameter, configuration)) {
    return found === undefined
      ? []
      : [{ field: name, description: `without effect here: ${JSON.stringify(parameter.when)}` }];
  }
  const problem = found === undefined ? "missing" : problemOf(parameter, found);
  return problem === undefined ? [] : [{ field: name, description: problem }];
}

function problemOf(parameter: Parameter, found: Value): string | undefined {
  if (parameter.kind === "boolean") return typeof found === "boolean" ? undefined : "true or false";
  if (parameter.kind === "categorical") {
    return parameter.choices.some((choice) => choice === found) ? undefined : `one of ${parameter.choices.join(", ")}`;
  }
  const inRange = typeof found === "number" && found >= parameter.low && found <= parameter.high;
  const whole = parameter.kind === "float" || Number.isInteger(found);
  return inRange && whole ? undefined : `${parameter.kind} from ${parameter.low} to ${parameter.high}`;
}

function mistakesIn(parameters: Readonly<Record<string, Parameter>>): FieldViolation[] {
  const names = Object.keys(parameters);
  const violations = Object.entries(parameters).flatMap(([name, parameter]) =>
    rangeMistake(parameter)
      .concat(conditionMistake(parameter, parameters))
      .map((description) => ({
        field: `parameters.${name}`,
        description,
      })),
  );
  if (names.length === 0 || names.length > MAX_PARAMETERS) {
    violations.push({ field: "parameters", description: `1 to ${MAX_PARAMETERS} of them` });
  }
  return violations;
}

function rangeMistake(parameter: Parameter): string[] {
  if (parameter.kind === "boolean") return [];
  if (parameter.kind === "categorical") {
    return new Set(parameter.choices).size === parameter.choices.length ? [] : ["a choice is there twice"];
  }
  const { low, high, scale } = parameter;
  if (low > high) return [`low ${low} is above high ${high}`];
  return scale === "log" && low <= 0 ? ["a log scale needs low above 0"] : [];
}

function conditionMistake(parameter: Parameter, all: Readonly<Record<string, Parameter>>): string[] {
  const seen = new Set<string>();
  for (let condition = parameter.when; condition !== undefined; ) {
    const other = all[condition.parameter];
    if (other === undefined) return [`when names ${condition.parameter}, which is no parameter`];
    if (other === parameter || seen.has(condition.parameter)) return ["when leads back to itself"];
    seen.add(condition.parameter);
    condition = other.when;
  }
  return [];
}

function unknownIn(
  constraints: readonly Constraint[],
  parameters: Readonly<Record<string, Parameter>>,
): FieldViolation[] {
  return constraints.flatMap((constraint, index) =>
    Object.keys(constraint.kind === "linear" ? constraint.weights : constraint.values)
      .filter((name) => parameters[name] === undefined)
      .map((name) => ({ field: `constraints[${index}]`, description: `${name} is no parameter` })),
  );
}

/** Conditions have no cycles by now, so every round places at least one axis. */
function dependencyOrder(axes: readonly Axis[]): number[] {
  const placed = new Set<string>();
  const order: number[] = [];
  while (order.length < axes.length) {
    axes.forEach(({ name, parameter }, index) => {
      if (placed.has(name) || (parameter.when && !placed.has(parameter.when.parameter))) return;
      placed.add(name);
      order.push(index);
    });
  }
  return order;
}

function violationOf({ path, message }: { path: readonly PropertyKey[]; message: string }): FieldViolation {
  return { field: path.map(String).join(".") || "space", description: message };
}
