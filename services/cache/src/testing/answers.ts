// Answers on a real index and a real byte store in memory, with a clock that is moved by hand.

import { clone } from "@bufbuild/protobuf";
import { type CacheKeyInput, CacheKeyInputSchema, type StoredAnswer } from "@chimera/contracts/cache";
import { Answers, type StoreTerms } from "../answers.ts";
import type { Entry } from "../index/entry.ts";
import { EntryIndex } from "../index/entry-index.ts";
import { cacheKey } from "../key.ts";
import { createPolicy, type PolicyName } from "../policy/policies.ts";
import { Pruner } from "../pruning/pruner.ts";
import type { SemanticMatch } from "../semantic/semantic-match.ts";
import { openStore } from "../store/open-store.ts";
import type { ByteStore } from "../store/store.ts";
import { encoded, HandClock, sampleAnswer, sampleInput } from "../test-data.ts";

export interface AnswersUnderTest {
  answers: Answers;
  index: EntryIndex;
  store: ByteStore;
  clock: HandClock;
  pruner: Pruner;
  /** Stores one answer for `prompt`; returns its key. */
  keep(prompt: string, options?: KeepOptions): Promise<string>;
  /** "hit" or why not. */
  ask(prompt: string, tenant?: string): Promise<string>;
}

export interface KeepOptions extends StoreTerms {
  tenant?: string;
  model?: string;
  answer?: StoredAnswer;
}

export interface AnswersOptions {
  store?: ByteStore;
  clock?: HandClock;
  capacityBytes?: number;
  maxEntries?: number;
  ttlMs?: number;
  staleMs?: number;
  policy?: PolicyName;
  semantic?: SemanticMatch;
}

export async function answersUnderTest(options: AnswersOptions = {}): Promise<AnswersUnderTest> {
  const { capacityBytes = 1_000_000, maxEntries = 100_000, clock = new HandClock(), policy = "s3-fifo" } = options;
  const store = options.store ?? (await openStore("memory", () => undefined));
  const random = () => 0.5;
  const index = new EntryIndex({
    capacityBytes,
    maxEntries,
    policy: createPolicy<Entry>(policy, { capacityBytes, random }),
    random,
  });
  const { ttlMs = 86_400_000, staleMs = 0 } = options;
  const { semantic } = options;
  const answers = new Answers({ index, store, clock, ttlMs, staleMs, semantic, onChange: () => undefined });
  return {
    answers,
    index,
    store,
    clock,
    pruner: new Pruner({ answers, index, marks: store, clock }),
    async keep(prompt, { tenant, model, answer = sampleAnswer(), ...terms } = {}) {
      const input = question(prompt, tenant, model);
      await answers.store(input, encoded(answer), terms);
      return cacheKey(input).storeKey;
    },
    async ask(prompt, tenant) {
      const { body, reason } = await answers.lookup(question(prompt, tenant));
      return body === undefined ? reason : "hit";
    },
  };
}

export function question(prompt: string, tenant = "acme", model = "tiny"): CacheKeyInput {
  return clone(CacheKeyInputSchema, sampleInput({ tenant, model, messages: [], prompt }));
}
