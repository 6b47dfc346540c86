// How the stages reach the cache: within a budget, as bytes, and without ever failing a request.
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { StoreResponseSchema } from "@chimera/contracts/cache";
import type { RawChannel } from "@chimera/rpc";

/** An answer in the making at some router. */
export interface Lead {
  url: string;
  id: string;
}

export interface LookupOptions {
  signal: AbortSignal;
  /** This router's own flight, for others to be told of where nobody makes the answer yet. */
  flight?: (Lead & { replaces?: string }) | undefined;
}

export interface CacheAnswer {
  /** An encoded StoredAnswer; undefined is a miss. */
  answer: Uint8Array | undefined;
  /** Why there is one, or none. */
  reason: string;
  /** First digits of the key; "" where the cache did not answer. */
  keyPrefix: string;
  /** The answer is past its time, and whoever was told so is to make a new one. */
  isStale: boolean;
  /** Who makes the answer, where it is not the flight that was offered. */
  running: Lead | undefined;
}

export interface StoreOptions {
  /** An encoded CacheControl. */
  control?: Uint8Array | undefined;
  /** Since the request came in. */
  ageMs: number;
}

/** `input`: an encoded CacheKeyInput. */
export interface CacheDoor {
  /** Never rejects. */
  lookup(input: Uint8Array, options: LookupOptions): Promise<CacheAnswer>;
  /** Never rejects. */
  store(input: Uint8Array, answer: Uint8Array, options: StoreOptions): Promise<void>;
  /** Never rejects. */
  endFlight(id: string): Promise<void>;
}

type During = "lookup" | "store" | "end-flight";

const LOOKUP = "/chimera.cache.v1.CacheService/Lookup";
const STORE = "/chimera.cache.v1.CacheService/Store";
const END_FLIGHT = "/chimera.cache.v1.CacheService/EndFlight";
/** Calls under way that nobody waits for; more are given up, they would only pile up behind a slow cache. */
const MAX_STORES = 256;
/** Failures in a row after which the cache is left alone for a while, so that an outage costs few requests their budget. */
const FAILURES_BEFORE_PAUSE = 3;
const PAUSE_MS = 500;

export interface CacheDoorOptions {
  channel: Pick<RawChannel, "unary">;
  budgetMs: number;
  monotonicMs(): number;
  onFailure(error: unknown, during: During): void;
}

export function cacheDoor(options: CacheDoorOptions): CacheDoor {
  const { channel, budgetMs } = options;
  let pausedUntilMs = 0;
  let failures = 0;
  let stores = 0;
  const failed = (error: unknown, during: During) => {
    failures += 1;
    if (failures >= FAILURES_BEFORE_PAUSE) pausedUntilMs = options.monotonicMs() + PAUSE_MS;
    options.onFailure(error, during);
  };
  /** A call whose answer says nothing that matters. */
  const tell = async (during: During, path: string, request: () => Uint8Array) => {
    if (stores >= MAX_STORES || options.monotonicMs() < pausedUntilMs) return;
    stores += 1;
    const budget = startBudget(budgetMs);
    try {
      const response = await channel.unary(path, request(), { signal: budget.signal });
      if (during === "store") fromBinary(StoreResponseSchema, response);
    } catch (error) {
      failed(error, during);
    } finally {
      budget.end();
      stores -= 1;
    }
  };
  return {
    async lookup(input, { signal, flight }) {
      if (options.monotonicMs() < pausedUntilMs) return nothing("cache unavailable");
      const budget = startBudget(budgetMs, signal);
      try {
        const response = await channel.unary(LOOKUP, lookupRequest(input, flight), { signal: budget.signal });
        const answer = lookupAnswer(response);
        failures = 0;
        return answer;
      } catch (error) {
        if (signal.aborted) return nothing("the caller left");
        failed(error, "lookup");
        return nothing(budget.isSpent() ? `no answer within ${budgetMs} ms` : "cache unavailable");
      } finally {
        budget.end();
      }
    },
    store: (input, answer, how) => tell("store", STORE, () => storeRequest(input, answer, how)),
    endFlight: (id) =>
      tell("end-flight", END_FLIGHT, () => new BinaryWriter().tag(1, WireType.LengthDelimited).string(id).finish()),
  };
}

function nothing(reason: string): CacheAnswer {
  return { answer: undefined, reason, keyPrefix: "", isStale: false, running: undefined };
}

/** LookupRequest: input = 1, flight = 2. */
function lookupRequest(input: Uint8Array, flight: LookupOptions["flight"]): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(input);
  if (!flight) return writer.finish();
  // Flight: url = 1, id = 2, replaces = 3.
  writer.tag(2, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(flight.url).tag(2, WireType.LengthDelimited).string(flight.id);
  if (flight.replaces) writer.tag(3, WireType.LengthDelimited).string(flight.replaces);
  return writer.join().finish();
}

/** StoreRequest: input = 1, answer = 2, control = 3, age_ms = 5. */
function storeRequest(input: Uint8Array, answer: Uint8Array, { control, ageMs }: StoreOptions): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).bytes(input).tag(2, WireType.LengthDelimited).bytes(answer);
  if (control) writer.tag(3, WireType.LengthDelimited).bytes(control);
  return writer.tag(5, WireType.Bit64).double(ageMs).finish();
}

/** LookupResponse: answer = 1, left encoded, reason = 2, key_prefix = 3, is_stale = 4, running = 5. */
function lookupAnswer(bytes: Uint8Array): CacheAnswer {
  const reader = new BinaryReader(bytes);
  const found = nothing("");
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) found.answer = reader.bytes();
    else if (field === 2) found.reason = reader.string();
    else if (field === 3) found.keyPrefix = reader.string();
    else if (field === 4) found.isStale = reader.bool();
    else if (field === 5) found.running = leadOf(reader.bytes());
    else reader.skip(type, field);
  }
  return found;
}

function leadOf(bytes: Uint8Array): Lead {
  const reader = new BinaryReader(bytes);
  const lead: Lead = { url: "", id: "" };
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) lead.url = reader.string();
    else if (field === 2) lead.id = reader.string();
    else reader.skip(type, field);
  }
  return lead;
}

/** Made once, since it carries nothing: an error with a stack per slow answer is what an overloaded router needs least. */
const SPENT = new DOMException("the cache's budget is spent", "TimeoutError");

/**
 * A time-out that is taken back when the answer is there; AbortSignal.timeout() would fire all the same. What a busy router takes
 * before it sends and before it reads is not the cache's delay: the time runs from the next turn on, and whatever has come when it
 * is over is read first.
 */
function startBudget(budgetMs: number, outer?: AbortSignal) {
  const controller = new AbortController();
  const onOuterAbort = () => controller.abort(outer?.reason);
  outer?.addEventListener("abort", onOuterAbort, { once: true });
  if (outer?.aborted) onOuterAbort();
  let timer: NodeJS.Timeout | undefined;
  let turn = setImmediate(() => {
    timer = setTimeout(() => {
      turn = setImmediate(() => controller.abort(SPENT));
    }, budgetMs);
  });
  return {
    signal: controller.signal,
    isSpent: () => controller.signal.reason === SPENT,
    end() {
      clearImmediate(turn);
      clearTimeout(timer);
      outer?.removeEventListener("abort", onOuterAbort);
    },
  };
}
