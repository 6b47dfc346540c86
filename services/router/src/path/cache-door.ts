// How the stages reach the cache: within a budget, as bytes, and without ever failing a request.
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { StoreResponseSchema } from "@chimera/contracts/cache";
import type { RawChannel } from "@chimera/rpc";

export interface CacheAnswer {
  /** An encoded StoredAnswer; undefined is a miss. */
  answer: Uint8Array | undefined;
  /** Why there is one, or none. */
  reason: string;
}

/** `input`: an encoded CacheKeyInput. */
export interface CacheDoor {
  /** Never rejects. */
  lookup(input: Uint8Array, signal: AbortSignal): Promise<CacheAnswer>;
  /** Never rejects. */
  store(input: Uint8Array, answer: Uint8Array): Promise<void>;
}

const LOOKUP = "/chimera.cache.v1.CacheService/Lookup";
const STORE = "/chimera.cache.v1.CacheService/Store";
/** Stores under way at a time; more are given up, they would only pile up behind a slow cache. */
const MAX_STORES = 256;
/** Failures in a row after which the cache is left alone for a while, so that an outage costs few requests their budget. */
const FAILURES_BEFORE_PAUSE = 3;
const PAUSE_MS = 500;

export interface CacheDoorOptions {
  channel: Pick<RawChannel, "unary">;
  budgetMs: number;
  monotonicMs(): number;
  onFailure(error: unknown, during: "lookup" | "store"): void;
}

export function cacheDoor(options: CacheDoorOptions): CacheDoor {
  const { channel, budgetMs } = options;
  let pausedUntilMs = 0;
  let failures = 0;
  let stores = 0;
  const failed = (error: unknown, during: "lookup" | "store") => {
    failures += 1;
    if (failures >= FAILURES_BEFORE_PAUSE) pausedUntilMs = options.monotonicMs() + PAUSE_MS;
    options.onFailure(error, during);
  };
  return {
    async lookup(input, signal) {
      if (options.monotonicMs() < pausedUntilMs) return { answer: undefined, reason: "cache unavailable" };
      const budget = startBudget(budgetMs, signal);
      try {
        const answer = lookupAnswer(await channel.unary(LOOKUP, withFields(input), { signal: budget.signal }));
        failures = 0;
        return answer;
      } catch (error) {
        if (signal.aborted) return { answer: undefined, reason: "the caller left" };
        failed(error, "lookup");
        return {
          answer: undefined,
          reason: budget.isSpent() ? `no answer within ${budgetMs} ms` : "cache unavailable",
        };
      } finally {
        budget.end();
      }
    },
    async store(input, answer) {
      if (stores >= MAX_STORES || options.monotonicMs() < pausedUntilMs) return;
      stores += 1;
      const budget = startBudget(budgetMs);
      try {
        fromBinary(
          StoreResponseSchema,
          await channel.unary(STORE, withFields(input, answer), { signal: budget.signal }),
        );
      } catch (error) {
        failed(error, "store");
      } finally {
        budget.end();
        stores -= 1;
      }
    },
  };
}

/** LookupRequest and StoreRequest: encoded messages as the fields 1, 2, … */
function withFields(...messages: readonly Uint8Array[]): Uint8Array {
  const writer = new BinaryWriter();
  messages.forEach((message, i) => void writer.tag(i + 1, WireType.LengthDelimited).bytes(message));
  return writer.finish();
}

/** LookupResponse: answer = 1, left encoded, and reason = 2. */
function lookupAnswer(bytes: Uint8Array): CacheAnswer {
  const reader = new BinaryReader(bytes);
  const found: CacheAnswer = { answer: undefined, reason: "" };
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) found.answer = reader.bytes();
    else if (field === 2) found.reason = reader.string();
    else reader.skip(type, field);
  }
  return found;
}

/** Made once, since it carries nothing: an error with a stack per slow answer is what an overloaded router needs least. */
const SPENT = new DOMException("the cache's budget is spent", "TimeoutError");

/** A time-out that is taken back when the answer is there; AbortSignal.timeout() would fire all the same. */
function startBudget(budgetMs: number, outer?: AbortSignal) {
  const controller = new AbortController();
  const onOuterAbort = () => controller.abort(outer?.reason);
  outer?.addEventListener("abort", onOuterAbort, { once: true });
  if (outer?.aborted) onOuterAbort();
  const timer = setTimeout(() => controller.abort(SPENT), budgetMs);
  return {
    signal: controller.signal,
    isSpent: () => controller.signal.reason === SPENT,
    end() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", onOuterAbort);
    },
  };
}
