// Grammars ready for use, the ones used last first: an application asks for the same few again and again.
import { InvalidRequestError } from "@chimera/kernel";
import { type Llama, type LlamaGrammar, LlamaGrammarEvaluationState, type LlamaModel } from "node-llama-cpp";
import type { Grammar } from "../../engine.ts";
import { grammarField } from "../../sampling.ts";
import { GrammarError } from "./gbnf.ts";
import { checkGbnf } from "./gbnf-check.ts";
import { jsonSchemaToGbnf } from "./json-schema.ts";

const MAX_KEPT = 32;

export interface CompiledGrammar {
  /** As asked for. */
  source: Grammar;
  /** What one answer has used of the grammar; never shared between two. */
  begin(): LlamaGrammarEvaluationState;
}

export class Grammars {
  readonly #llama: Llama;
  readonly #model: LlamaModel;
  /** By kind and text, least recently used first. Bounded by MAX_KEPT: one more lets go of the one unused for longest. */
  readonly #kept = new Map<string, LlamaGrammar>();

  constructor(llama: Llama, model: LlamaModel) {
    this.#llama = llama;
    this.#model = model;
  }

  /** Throws InvalidRequestError with the reason where no answer can be made to follow it. */
  async compile(source: Grammar): Promise<CompiledGrammar> {
    const grammar = await this.#compiled(source);
    return { source, begin: () => new LlamaGrammarEvaluationState({ model: this.#model, grammar }) };
  }

  async #compiled(source: Grammar): Promise<LlamaGrammar> {
    const key = `${source.kind} ${source.text}`;
    const grammar = this.#kept.get(key) ?? (await this.#create(source));
    this.#kept.delete(key);
    this.#kept.set(key, grammar);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return grammar;
  }

  async #create(source: Grammar): Promise<LlamaGrammar> {
    try {
      const gbnf = source.kind === "gbnf" ? source.text : jsonSchemaToGbnf(source.text);
      checkGbnf(gbnf);
      return await this.#llama.createGrammar({ grammar: gbnf });
    } catch (error) {
      throw unusable(source, error instanceof GrammarError ? error.message : "llama.cpp could not read it");
    }
  }
}

/** Undefined where the error is about something else. */
export function deadEnd(source: Grammar, error: unknown): InvalidRequestError | undefined {
  const isDeadEnd = error instanceof Error && /empty grammar stack/.test(error.message);
  return isDeadEnd ? unusable(source, "led to a place where no token of the model fits") : undefined;
}

function unusable(source: Grammar, description: string): InvalidRequestError {
  return new InvalidRequestError([{ field: grammarField(source), description }]);
}
