// What a tuning run may move, and both ways between a point of its search space and what a run asks with.
import { clone, create } from "@bufbuild/protobuf";
import { type SamplingParams, SamplingParamsSchema } from "@chimera/contracts/common";
import { type Configuration as ConfigurationMessage, ConfigurationSchema } from "@chimera/contracts/evaluator";
import { InvalidRequestError } from "@chimera/kernel";
import type { PromptPlan } from "../prompt/prompt.ts";
import { SELECTIONS } from "../prompt/shots.ts";
import { TEMPLATES } from "../prompt/templates.ts";
import { type ArmRequest, DEFAULT_MAX_TOKENS } from "../run/open-run.ts";
import { type Configuration, productSpace, SearchSpace, type SpaceDescription } from "../tuner/index.ts";

/** What is in use, as a request says it. */
export type Baseline = Omit<ArmRequest, "useCache">;

export interface TuningSpaceOptions {
  baseline: Baseline;
  /** Names of what may move; all where empty. */
  parameters: readonly string[];
  /** Models the mesh serves. */
  models: readonly string[];
}

type Parameters = SpaceDescription["parameters"];
/** Of the range of a number, for small changes. */
const SMALL_STEP = 0.075;

export class TuningSpace {
  readonly space: SearchSpace;
  readonly description: SpaceDescription;
  /** The baseline as a point of the space: what is off it is moved to its edge. */
  readonly baseline: Configuration;
  readonly #baseline: Baseline;

  /** Throws InvalidRequestError for a parameter that is unknown or has nothing to choose from. */
  constructor({ baseline, parameters, models }: TuningSpaceOptions) {
    const all = allParameters(models);
    const names = parameters.length > 0 ? withConditions(checked(parameters, all), all) : Object.keys(all);
    const kept = Object.entries(all).filter(([name]) => names.includes(name));
    this.description = { parameters: Object.fromEntries(kept) };
    this.space = new SearchSpace(this.description);
    this.#baseline = baseline;
    this.baseline = this.space.at(this.space.pointOf(valuesOf(baseline, { parameters: all, models })));
  }

  isBaseline(configuration: Configuration): boolean {
    return this.space.axes.every(({ name }) => configuration[name] === this.baseline[name]);
  }

  /** What a run asks with. The baseline's point is the baseline itself. */
  armOf(configuration: Configuration): Baseline {
    if (this.isBaseline(configuration)) return this.#baseline;
    const { name, model, prompt } = this.#baseline;
    return {
      name,
      model: String(configuration.model_variant ?? model),
      sampling: this.#samplingOf(configuration),
      prompt: this.#promptOf(configuration, prompt),
    };
  }

  messageOf(configuration: Configuration, name: string): ConfigurationMessage {
    const { model, sampling, prompt } = this.armOf(configuration);
    const { template, shots, selection: shotSelection, votes } = prompt;
    return create(ConfigurationSchema, {
      name,
      model,
      ...(sampling && { sampling }),
      prompt: { template, shots, shotSelection: shots === 0 ? "" : shotSelection, votes },
    });
  }

  /** Neighbours with one number moved by about 7.5 % of its range, up or down as `isUp` says. */
  neighbours(configuration: Configuration, isUp: () => boolean): { name: string; configuration: Configuration }[] {
    return this.space.axes.flatMap(({ name, ordered }, axis) => {
      if (!ordered || configuration[name] === undefined) return [];
      const first = isUp() ? SMALL_STEP : -SMALL_STEP;
      for (const by of [first, -first]) {
        const point = this.space.pointOf(configuration);
        point[axis] = Math.min(1 - 1e-9, Math.max(0, (point[axis] ?? 0) + by));
        const moved = this.space.at(point);
        // A step to 0 may turn other parameters off: that is no small change.
        const isSmall = Object.keys(moved).length === Object.keys(configuration).length;
        if (isSmall && moved[name] !== configuration[name] && this.space.allows(moved)) {
          return [{ name: `${name} ${moved[name]}`, configuration: moved }];
        }
      }
      return [];
    });
  }

  #moves(name: string): boolean {
    return this.space.axes.some((axis) => axis.name === name);
  }

  #samplingOf(configuration: Configuration): SamplingParams {
    const { sampling: given } = this.#baseline;
    const sampling = given ? clone(SamplingParamsSchema, given) : create(SamplingParamsSchema);
    const put = (name: string, set: (value: number | undefined) => void) => {
      const value = configuration[name];
      if (this.#moves(name)) set(value === undefined ? undefined : Number(value));
    };
    put("temperature", (value) => assign(sampling, "temperature", value));
    put("top_p", (value) => assign(sampling, "topP", value));
    put("top_k", (value) => assign(sampling, "topK", value));
    put("min_p", (value) => assign(sampling, "minP", value));
    put("repetition_penalty", (value) => assign(sampling, "repetitionPenalty", value));
    put("max_tokens", (value) => assign(sampling, "maxTokens", value));
    return sampling;
  }

  #promptOf(configuration: Configuration, prompt: PromptPlan): PromptPlan {
    const selection = SELECTIONS.find((name) => name === configuration.shot_selection);
    const shots = this.#moves("shot_selection")
      ? { shots: selection === undefined ? 0 : Number(configuration.shots ?? Math.max(1, prompt.shots)) }
      : {};
    return {
      ...prompt,
      ...(this.#moves("template") && { template: String(configuration.template) }),
      ...shots,
      ...(selection !== undefined && { selection }),
      ...(this.#moves("votes") && { votes: Number(configuration.votes ?? 1) }),
    };
  }
}

type NumberField = "temperature" | "topP" | "topK" | "minP" | "repetitionPenalty" | "maxTokens";

function assign(sampling: SamplingParams, field: NumberField, value: number | undefined): void {
  if (value === undefined) delete sampling[field];
  else sampling[field] = value;
}

function allParameters(models: readonly string[]): Parameters {
  const { model_variant: _, ...parameters } = productSpace([...TEMPLATES.keys()]).parameters;
  if (models.length < 2) return parameters;
  return { model_variant: { kind: "categorical", choices: [...models] }, ...parameters };
}

function checked(names: readonly string[], all: Parameters): readonly string[] {
  const unknown = names.filter((name) => all[name] === undefined);
  if (unknown.length === 0) return names;
  const known = `of ${Object.keys(all).join(", ")}`;
  const only = unknown.includes("model_variant") ? "; model_variant where the mesh serves several models" : "";
  throw new InvalidRequestError([{ field: "parameters", description: `${unknown.join(", ")}: none ${known}${only}` }]);
}

/** A parameter comes with what decides whether it has an effect. */
function withConditions(names: readonly string[], all: Parameters): string[] {
  const closed = new Set(names);
  for (const name of closed) {
    const parent = all[name]?.when?.parameter;
    if (parent !== undefined) closed.add(parent);
  }
  // How examples are chosen matters once there are some, and how many there are matters once they are chosen.
  if (closed.has("shot_selection")) closed.add("shots");
  return [...closed];
}

/** A value for every parameter, whether it has an effect or not. */
function valuesOf(
  { model, sampling, prompt }: Baseline,
  { parameters, models }: { parameters: Parameters; models: readonly string[] },
): Configuration {
  const values = {
    model_variant: model || (models[0] ?? ""),
    temperature: sampling?.temperature ?? 0,
    top_p: sampling?.topP ?? 1,
    // 0 keeps all, which the largest value nearly does.
    top_k: sampling?.topK || Number.POSITIVE_INFINITY,
    min_p: sampling?.minP ?? 0,
    repetition_penalty: sampling?.repetitionPenalty ?? 1,
    template: prompt.template,
    shot_selection: prompt.shots === 0 ? "none" : prompt.selection,
    shots: prompt.shots,
    votes: prompt.votes,
    max_tokens: sampling?.maxTokens ?? DEFAULT_MAX_TOKENS,
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const parameter = parameters[name];
      if (typeof value !== "number" || parameter === undefined || !("low" in parameter)) return [name, value];
      return [name, Math.min(parameter.high, Math.max(parameter.low, value))];
    }),
  );
}
