// The scorers by name, each with the schema of its parameters.
import { FailedPreconditionError, InvalidRequestError, NotFoundError } from "@chimera/kernel";
import { z } from "zod";
import { Calibration, calibrationParameters } from "./calibration.ts";
import { ClassificationScorer, classificationParameters } from "./classification.ts";
import { ExactMatch, exactMatchParameters } from "./exact-match.ts";
import { JsonFields, jsonFieldsParameters } from "./json-fields.ts";
import { JUDGE, judgeParameters } from "./judge/parameters.ts";
import type { Scorer } from "./scorer.ts";
import { TokenF1, tokenF1Parameters } from "./token-f1.ts";

interface Definition {
  readonly summary: string;
  readonly schema: z.ZodType;
  create(parameters: unknown): Scorer;
}

function define<S extends z.ZodType>(
  summary: string,
  schema: S,
  create: (parameters: z.infer<S>) => Scorer,
): Definition {
  return { summary, schema, create: (parameters) => create(checked(schema, parameters)) };
}

const SCORERS: Readonly<Record<string, Definition>> = {
  exact_match: define("the answer is one of the accepted ones", exactMatchParameters, (p) => new ExactMatch(p)),
  token_f1: define("overlap of words, as SQuAD counts it", tokenF1Parameters, () => new TokenF1()),
  classification: define(
    "accuracy, macro, micro and weighted F1, MCC, kappa, classes, confusion",
    classificationParameters,
    (p) => new ClassificationScorer(p),
  ),
  calibration: define("Brier score, log-loss, calibration error", calibrationParameters, (p) => new Calibration(p)),
  json_fields: define("fields of a JSON answer", jsonFieldsParameters, (p) => new JsonFields(p)),
  [JUDGE]: define("grade that a model gives the answer, from 0 to 1", judgeParameters, () => {
    throw new FailedPreconditionError("the judge is a model of the mesh: it scores evaluations, not recorded answers");
  }),
};

export interface ScorerListing {
  name: string;
  summary: string;
  /** JSON Schema of the parameters. */
  parameters: unknown;
}

export function listScorers(): ScorerListing[] {
  return Object.entries(SCORERS).map(([name, { summary, schema }]) => ({
    name,
    summary,
    parameters: z.toJSONSchema(schema, { io: "input" }),
  }));
}

/** Throws NotFoundError for an unknown name, InvalidRequestError for parameters it can not use. */
export function createScorer(name: string, parameters: unknown = {}): Scorer {
  const definition = Object.hasOwn(SCORERS, name) ? SCORERS[name] : undefined;
  if (definition !== undefined) return definition.create(parameters);
  throw new NotFoundError(`there is no scorer "${name}": one of ${Object.keys(SCORERS).join(", ")}`, "scorer");
}

/** Checked, with the defaults filled in. Throws InvalidRequestError. */
export function judgeParametersOf(parameters: unknown = {}): z.infer<typeof judgeParameters> {
  return checked(judgeParameters, parameters);
}

function checked<S extends z.ZodType>(schema: S, parameters: unknown): z.infer<S> {
  const result = schema.safeParse(parameters);
  if (result.success) return result.data;
  throw new InvalidRequestError(
    result.error.issues.map(({ path, message }) => ({
      field: ["parameters", ...path].map(String).join("."),
      description: message,
    })),
  );
}
