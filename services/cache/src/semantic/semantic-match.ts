// Stored answers for questions that are worded differently. Off unless a tenant turns it on, never across tenants, and only where
// the stored answer is as likely right as the tenant wants it. Everything else is answered anew, and each new answer tells whether
// the stored one would have been right.
import { hash } from "node:crypto";
import type { CacheKeyInput, StoredAnswer } from "@chimera/contracts/cache";
import type { Random } from "@chimera/kernel";
import type { CacheKey } from "../key.ts";
import type { Embedder } from "./embedder.ts";
import { NearestQuestions, unit } from "./nearest.ts";
import { questionOf } from "./question.ts";
import type { SemanticTenants } from "./settings.ts";

/** Of what could be served, answered anew all the same: nothing else shows how often the stored answers are wrong. */
const AUDITED_SHARE = 0.02;
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
  /** Of the explored: a random share of those that would have been served. */
  audited: number;
  /** Wrong answers among the hits, as the audited ones have it. NaN before the first. */
  wrongShare: number;
  /** Questions without an embedding in time. */
  withoutEmbedding: number;
}

interface Pending {
  scope: string;
  vector: Float32Array;
  /** The similar question that was not used. */
  neighbour?: { storeKey: string; similarity: number; isAudit: boolean };
}

export class SemanticMatch {
  readonly #options: SemanticOptions;
  readonly #known = new NearestQuestions();
  /** By store key, at most MAX_PENDING. */
  readonly #pending = new Map<string, Pending>();
  readonly #counts = { questions: 0, hits: 0, explored: 0, exploredWrong: 0, audited: 0, withoutEmbedding: 0 };
  #auditedWrong = 0;

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
    const isGood = probability >= 1 - terms.errorBound;
    if (!isGood || this.#options.random() < AUDITED_SHARE) {
      const neighbour = { storeKey: nearest.question.storeKey, similarity, isAudit: isGood };
      this.#await(storeKey, { scope, vector, neighbour });
      return undefined;
    }
    this.#counts.hits += 1;
    return { storeKey: nearest.question.storeKey, similarity, probability };
  }

  /** An answer that find() did not have is there now. */
  stored({ storeKey }: CacheKey, { deltas }: Pick<StoredAnswer, "deltas">): void {
    const pending = this.#pending.get(storeKey);
    if (pending === undefined) return;
    this.#pending.delete(storeKey);
    const { scope, vector } = pending;
    const answer = fingerprint(deltas.map(({ text }) => text).join(""));
    // A question whose answer another one already stands for would only make the search longer.
    if (!this.#compare(pending, answer)) this.#known.add({ scope, storeKey, vector, answer });
  }

  /** The answer is stored no more. */
  forget(storeKey: string): void {
    this.#known.remove(storeKey);
  }

  statistics(): SemanticStatistics {
    return { ...this.#counts, wrongShare: this.#auditedWrong / this.#counts.audited };
  }

  /** Whether the similar question has the same answer. */
  #compare({ neighbour }: Pending, answer: string): boolean {
    const other = neighbour && this.#known.get(neighbour.storeKey);
    if (!neighbour || !other) return false;
    const isSame = other.answer === answer;
    other.correctness.observe(neighbour.similarity, isSame);
    this.#counts.explored += 1;
    if (neighbour.isAudit) this.#counts.audited += 1;
    if (isSame) return true;
    this.#counts.exploredWrong += 1;
    if (neighbour.isAudit) this.#auditedWrong += 1;
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
function fingerprint(answer: string): string {
  return hash("sha256", answer.replace(/\s+/g, " ").trim().toLowerCase(), "base64");
}
