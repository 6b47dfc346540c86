// The most similar of the questions that were asked in the same circumstances, by the cosine of their embeddings.
import { Correctness } from "./correctness.ts";

/** Questions compared with in one scope; the oldest leaves. All of them are looked at, so this also bounds the time. */
const MAX_PER_SCOPE = 4096;
const MAX_QUESTIONS = 65_536;

export interface KnownQuestion {
  readonly scope: string;
  /** Of its stored answer. */
  readonly storeKey: string;
  /** Of length 1. */
  readonly vector: Float32Array;
  /** Names the text of its answer. */
  readonly answer: string;
  readonly correctness: Correctness;
}

export interface Neighbour {
  question: KnownQuestion;
  /** Cosine, -1 to 1. */
  similarity: number;
}

export class NearestQuestions {
  /** By scope, then by key, oldest first; bounded by the two constants. */
  readonly #scopes = new Map<string, Map<string, KnownQuestion>>();
  readonly #byKey = new Map<string, KnownQuestion>();

  get size(): number {
    return this.#byKey.size;
  }

  get(storeKey: string): KnownQuestion | undefined {
    return this.#byKey.get(storeKey);
  }

  find(scope: string, vector: Float32Array): Neighbour | undefined {
    let best: Neighbour | undefined;
    for (const question of this.#scopes.get(scope)?.values() ?? []) {
      if (question.vector.length !== vector.length) continue;
      const similarity = dot(question.vector, vector);
      if (best === undefined || similarity > best.similarity) best = { question, similarity };
    }
    return best;
  }

  add(question: Omit<KnownQuestion, "correctness">): void {
    this.remove(question.storeKey);
    const scope = this.#scopes.get(question.scope) ?? new Map<string, KnownQuestion>();
    this.#scopes.set(question.scope, scope);
    const oldest = scope.size >= MAX_PER_SCOPE ? scope.keys().next().value : undefined;
    const oldestOfAll = this.#byKey.size >= MAX_QUESTIONS ? this.#byKey.keys().next().value : undefined;
    if (oldest !== undefined) this.remove(oldest);
    else if (oldestOfAll !== undefined) this.remove(oldestOfAll);
    const known: KnownQuestion = { ...question, correctness: new Correctness() };
    scope.set(question.storeKey, known);
    this.#byKey.set(question.storeKey, known);
  }

  remove(storeKey: string): void {
    const question = this.#byKey.get(storeKey);
    if (question === undefined) return;
    this.#byKey.delete(storeKey);
    const scope = this.#scopes.get(question.scope);
    scope?.delete(storeKey);
    if (scope?.size === 0) this.#scopes.delete(question.scope);
  }
}

/** Scaled to length 1; undefined where there is no direction. */
export function unit(vector: readonly number[]): Float32Array | undefined {
  const length = Math.hypot(...vector);
  if (!(length > 0) || !Number.isFinite(length)) return undefined;
  return Float32Array.from(vector, (each) => each / length);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
