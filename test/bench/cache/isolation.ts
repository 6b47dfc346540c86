// Whether one tenant ever gets what another one stored: random requests of many tenants through the cache's own code, over every
// byte store, while answers are evicted, pruned, put back and invalidated.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Random, seededRandom } from "@chimera/kernel";
import { cacheKey } from "../../../services/cache/src/key.ts";
import { openStore } from "../../../services/cache/src/store/open-store.ts";
import { encodedAnswer, HandClock, textOfBody } from "../../../services/cache/src/test-data.ts";
import { type AnswersUnderTest, answersUnderTest, question } from "../../../services/cache/src/testing/answers.ts";
import { hasRedis, RedisServer } from "../../../services/cache/src/testing/redis-server.ts";
import type { BenchContext } from "../benchmark.ts";
import { plainResult, sum } from "../figures.ts";
import type { BenchResult } from "../result.ts";

const LOOKUPS = { quick: 3000, full: 34_000 };
/** In flight at a time, as callers are. */
const BATCH = 32;
const STORE_SHARE = 0.4;
/** Batches between two disturbances. */
const DISTURBED_EVERY = 25;
/** Fewer than there are questions, so that many are evicted. */
const MAX_ENTRIES = 1500;

/** Names that a careless key could take for one another. */
export const TENANTS: readonly string[] = [
  "a",
  "A",
  "ab",
  "a.b",
  "a-b",
  "a_b",
  "b",
  "acme",
  "acme2",
  "acm",
  "ACME",
  "0",
];
const PROMPTS: readonly string[] = [
  "x",
  "a:x",
  "b:x",
  "a\nx",
  'a"],[4,"x',
  ...Array.from({ length: 60 }, (_, at) => `question ${at}`),
];
const MODELS: readonly string[] = ["tiny", "tin", "a", "tiny:a"];

export interface IsolationTally {
  lookups: number;
  hits: number;
  /** Hits with an answer that this tenant never stored for this very request. */
  foreign: number;
}

export async function isolationResults(context: BenchContext): Promise<BenchResult[]> {
  const lookups = LOOKUPS[context.quick ? "quick" : "full"];
  const folder = await mkdtemp(join(tmpdir(), "chimera-isolation-"));
  try {
    if (!hasRedis) context.progress("no redis-server on PATH (apt-get install redis-server): its part is left out");
    await using redis = hasRedis ? await RedisServer.start() : undefined;
    const addresses = {
      memory: ["memory"],
      sqlite: [`sqlite://${join(folder, "a.db")}`],
      ...(redis && { redis: [redis.url, redis.url] }),
    };
    const tallies: IsolationTally[] = [];
    for (const [name, stores] of Object.entries(addresses)) {
      context.progress(`${lookups} lookups of ${TENANTS.length} tenants over ${name}`);
      tallies.push(
        await isolationTally({ addresses: stores, lookups, random: seededRandom(1), signal: context.signal }),
      );
    }
    return resultsOf(tallies);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function resultsOf(tallies: readonly IsolationTally[]): BenchResult[] {
  const total = (of: keyof IsolationTally) => sum(tallies.map((tally) => tally[of]));
  const method = `Random lookups and stores of ${TENANTS.length} tenants with names alike, ${PROMPTS.length} prompts and ${MODELS.length} models, ${BATCH} at a time, over memory, SQLite, and, where this machine has one, a Redis that two caches share, with evictions, prunes, undos and invalidations between them.`;
  return [
    plainResult({
      id: "cache.foreign_hits",
      value: total("foreign"),
      unit: "count",
      n: total("lookups"),
      method: `Answers served that the asking tenant had never stored for that very request. ${method}`,
    }),
    plainResult({
      id: "cache.isolation_hits",
      value: total("hits"),
      unit: "count",
      n: total("lookups"),
      method: `Answers served in the search for foreign ones. ${method}`,
    }),
  ];
}

export interface IsolationPlan {
  /** One cache for each; the same address twice is a store that two caches share. */
  addresses: readonly string[];
  lookups: number;
  random: Random;
  signal: AbortSignal;
}

export async function isolationTally({ addresses, lookups, random, signal }: IsolationPlan): Promise<IsolationTally> {
  const clock = new HandClock();
  const failed = (error: unknown) => {
    throw error;
  };
  const caches: AnswersUnderTest[] = [];
  try {
    for (const address of addresses) {
      const store = await openStore(address, failed, { readBudgetMs: 10_000 });
      caches.push(await answersUnderTest({ store, clock, maxEntries: MAX_ENTRIES }));
    }
    const trial = new Trial(caches, random);
    for (let batch = 0; trial.tally.lookups < lookups; batch += 1) {
      signal.throwIfAborted();
      clock.ms += 100;
      await Promise.all(Array.from({ length: BATCH }, () => trial.step()));
      if (batch % DISTURBED_EVERY === 0) await trial.disturb();
    }
    return trial.tally;
  } finally {
    for (const { store } of caches) await store.close();
  }
}

class Trial {
  readonly tally: IsolationTally = { lookups: 0, hits: 0, foreign: 0 };
  readonly #caches: readonly AnswersUnderTest[];
  readonly #random: Random;
  /** By request, everything that was ever stored for it; as long as the trial is. */
  readonly #written = new Map<string, Set<string>>();
  #stores = 0;
  #pruneId = "";

  constructor(caches: readonly AnswersUnderTest[], random: Random) {
    this.#caches = caches;
    this.#random = random;
  }

  async step(): Promise<void> {
    const [tenant, model, prompt] = [this.#one(TENANTS), this.#one(MODELS), this.#one(PROMPTS)];
    const { answers } = this.#one(this.#caches);
    const input = question(prompt, tenant, model);
    const request = JSON.stringify([tenant, model, prompt]);
    if (this.#random() < STORE_SHARE) {
      this.#stores += 1;
      const text = `${request} ${this.#stores}`;
      this.#writtenFor(request).add(text);
      await answers.store(input, encodedAnswer([text]), { tags: [prompt.replace(/[^\w-]/g, "_")] });
      return;
    }
    const { body } = await answers.lookup(input);
    this.tally.lookups += 1;
    if (body === undefined) return;
    this.tally.hits += 1;
    if (!this.#writtenFor(request).has(textOfBody(body) ?? "")) this.tally.foreign += 1;
  }

  /** Moves entries about: out by worth, back in, out for good, one by its key. */
  async disturb(): Promise<void> {
    const { pruner, index, answers } = this.#one(this.#caches);
    const choice = this.#random();
    const criteria = { targetBytes: Math.floor(index.bytes / 2), neverHit: false, tenant: "", model: "", tag: "" };
    if (choice < 0.4) ({ pruneId: this.#pruneId } = await pruner.prune(criteria, { dryRun: false }));
    // Of another cache, or undone already: nothing to put back then.
    else if (choice < 0.7) await pruner.undo(this.#pruneId).catch(() => undefined);
    else if (choice < 0.9) {
      const tenant = this.#one(TENANTS);
      for (const entry of [...index.entries()]) if (entry.tenant === tenant) answers.drop(entry, "invalidated");
    } else {
      const { storeKey } = cacheKey(question(this.#one(PROMPTS), this.#one(TENANTS)));
      await pruner.restore(storeKey);
    }
  }

  #writtenFor(request: string): Set<string> {
    const written = this.#written.get(request) ?? new Set();
    this.#written.set(request, written);
    return written;
  }

  #one<T>(of: readonly T[]): T {
    const chosen = of[Math.floor(this.#random() * of.length)];
    if (chosen === undefined) throw new Error("nothing to choose from");
    return chosen;
  }
}
