// Stored answers for questions that are worded differently. Off unless a tenant turns it on, never across tenants, and only as
// often as the tenant's bound on wrong answers lets it: the rest is answered anew, and each new answer tells whether the stored
// one would have been right.
import type { CacheKeyInput } from "@chimera/contracts/cache";
import type { Random } from "@chimera/kernel";
import type { CacheKey } from "../key.ts";
import { exploredShare } from "./correctness.ts";
import type { Embedder } from "./embedder.ts";
import { NearestQuestions, unit } from "./nearest.ts";
import { questionOf } from "./question.ts";
import type { SemanticTenants } from "./settings.ts";

/** Answered anew however sure we are: without it nothing would show that similar questions no longer have the same answer. */
const MIN_EXPLORED_SHARE = 0.02;
/** Questions under way whose answer will be compared; the oldest is forgotten. */
const MAX_PENDING = 4096;

export interface SemanticOptions {
  tenants: SemanticTenants;
  embedder: Embedder;
  random: Random;
}

export interface SimilarAnswer {
  storeKey: string;
  similarity: number;
  /** How likely it is the right one. */
  probability: number;
}

export interface SemanticStatistics {
  questions: number;
  /** Served from a similar question. */
  hits: number;
  /** Answered anew though there was a similar question, and how many of those answers were others than the stored one. */
  explored: number;
  exploredWrong: number;
  /**
   * Wrong answers among the hits, estimated from the explored ones, each of which stands for the (1 - e) / e that were served with
   * the same share e of exploring (inverse probability weighting). NaN before the first.
   */
  wrongShare: number;
  /** Questions without an embedding in time. */
  withoutEmbedding: number;
}

interface Pending {
  scope: string;
  vector: Float32Array;
  /** The similar question that was not used. */
  neighbour?: { storeKey: string; similarity: number; exploredShare: number };
}

export class SemanticMatch {
  readonly #options: SemanticOptions;
  readonly #known = new NearestQuestions();
  /** By store key, at most MAX_PENDING. */
  readonly #pending = new Map<string, Pending>();
  readonly #counts = { questions: 0, hits: 0, explored: 0, exploredWrong: 0, withoutEmbedding: 0 };
  #standsFor = 0;
  #standsForWrong = 0;

  constructor(options: SemanticOptions) {
    this.#options = options;
  }

  /** For a request that has no stored answer of its own. Undefined: make one. */
  async find(input: CacheKeyInput, { storeKey }: CacheKey): Promise<SimilarAnswer | undefined> {
    const terms = this.#options.tenants.get(input.tenant);
    const question = terms && questionOf(input);
    if (!question) return undefined;
    this.#counts.questions += 1;
    const embedding = await this.#options.embedder.embed(question.text);
    const vector = embedding && unit(embedding);
    if (vector === undefined) {
      this.#counts.withoutEmbedding += 1;
      return undefined;
    }
    const { scope } = question;
    const nearest = this.#known.find(scope, vector);
    if (nearest === undefined) {
      this.#await(storeKey, { scope, vector });
      return undefined;
    }
    const { similarity } = nearest;
    const probability = nearest.question.correctness.probability(similarity);
    const share = Math.max(MIN_EXPLORED_SHARE, exploredShare(probability, terms.errorBound));
    if (this.#options.random() < share) {
      const neighbour = { storeKey: nearest.question.storeKey, similarity, exploredShare: share };
      this.#await(storeKey, { scope, vector, neighbour });
      return undefined;
    }
    this.#counts.hits += 1;
    return { storeKey: nearest.question.storeKey, similarity, probability };
  }

  /** `answer`: the whole text. */
  stored({ storeKey }: CacheKey, answer: string): void {
    const pending = this.#pending.get(storeKey);
    if (pending === undefined) return;
    this.#pending.delete(storeKey);
    const { scope, vector } = pending;
    // A question whose answer another one already stands for would only make the search longer.
    if (!this.#compare(pending, answer)) this.#known.add({ scope, storeKey, vector, answer: normal(answer) });
  }

  /** The answer is stored no more. */
  forget(storeKey: string): void {
    this.#known.remove(storeKey);
  }

  statistics(): SemanticStatistics {
    return { ...this.#counts, wrongShare: this.#standsForWrong / this.#standsFor };
  }

  /** Whether the similar question has the same answer. */
  #compare({ neighbour }: Pending, answer: string): boolean {
    const other = neighbour && this.#known.get(neighbour.storeKey);
    if (!neighbour || !other) return false;
    const isSame = other.answer === normal(answer);
    other.correctness.observe(neighbour.similarity, isSame);
    this.#counts.explored += 1;
    const standsFor = (1 - neighbour.exploredShare) / neighbour.exploredShare;
    this.#standsFor += standsFor;
    if (isSame) return true;
    this.#counts.exploredWrong += 1;
    this.#standsForWrong += standsFor;
    return false;
  }

  #await(storeKey: string, pending: Pending): void {
    this.#pending.delete(storeKey);
    this.#pending.set(storeKey, pending);
    if (this.#pending.size <= MAX_PENDING) return;
    const oldest = this.#pending.keys().next().value;
    if (oldest !== undefined) this.#pending.delete(oldest);
  }
}

/** Two answers that differ in nothing but spaces and case say the same. */
function normal(answer: string): string {
  return answer.replace(/\s+/g, " ").trim().toLowerCase();
}
