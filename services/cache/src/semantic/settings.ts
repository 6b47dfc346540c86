// For which tenants a similar question may be answered with a stored answer, and how many wrong ones they accept.
import { parseJson } from "@chimera/lifecycle";
import { z } from "zod";

export interface SemanticTerms {
  /** Share of wrong answers among those that are served for similar questions. */
  errorBound: number;
}

export type SemanticTenants = ReadonlyMap<string, SemanticTerms>;

const table = z.record(
  z.string().min(1).max(63),
  z.strictObject({ errorBound: z.number().min(0.001).max(0.5).default(0.02) }),
);

const REMEDY = 'Write it like {"acme":{"errorBound":0.02}}';

/** `{"acme":{"errorBound":0.02}}`. Throws an Error that names the field and the remedy. */
export function parseSemanticTenants(text: string): SemanticTenants {
  return new Map(Object.entries(parseJson(text, { schema: table, remedy: REMEDY })));
}

/** What the settings of the cache say of it. */
export interface SemanticSettings {
  semantic: SemanticTenants;
  embeddingsUrl: string | undefined;
  embeddingsModel: string;
  embeddingsKey: string;
  embeddingsBudgetMs: number;
}
