// Why a request has a stored answer, or none.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type EntryFactsSchema,
  type ExplainRequest,
  type ExplainResponse,
  ExplainResponseSchema,
  StoreOrigin,
} from "@chimera/contracts/cache";
import { InvalidRequestError, OverloadedError } from "@chimera/kernel";
import { checkInput } from "../check-input.ts";
import type { Context } from "../context.ts";
import { explainKey, keysWithPrefix } from "../explain.ts";
import type { Entry } from "../index/entry.ts";
import { cacheKey } from "../key.ts";

const KEY_PREFIX = /^[0-9a-f]{8,64}$/;
const PREFIX_DIGITS = 16;
/** More are not counted. */
const MAX_FOUND = 100;
/** Each walks over all entries. */
const MAX_SEARCHES = 4;
const RETRY_AFTER_MS = 1000;

type ExplainContext = Pick<Context, "answers" | "index" | "clock">;

export function explain(context: ExplainContext) {
  let searches = 0;
  const find = async (prefix: string): Promise<string | undefined> => {
    if (searches >= MAX_SEARCHES)
      throw new OverloadedError(`${searches} keys are searched for already`, RETRY_AFTER_MS);
    searches += 1;
    try {
      return onlyOne(await keysWithPrefix(context, prefix, MAX_FOUND));
    } finally {
      searches -= 1;
    }
  };
  return async ({ input, keyPrefix }: ExplainRequest): Promise<ExplainResponse> => {
    if (input !== undefined) {
      const { storeKey } = cacheKey(checkInput(input));
      return toMessage(context, storeKey);
    }
    if (!KEY_PREFIX.test(keyPrefix)) {
      const description = "needs 8 to 64 hex digits in lower case where no input is given";
      throw new InvalidRequestError([{ field: "key_prefix", description }]);
    }
    return toMessage(context, (await find(keyPrefix)) ?? `:${keyPrefix}`);
  };
}

function onlyOne(keys: readonly string[]): string | undefined {
  if (keys.length <= 1) return keys[0];
  const count = keys.length >= MAX_FOUND ? `${MAX_FOUND} or more` : keys.length;
  throw new InvalidRequestError([{ field: "key_prefix", description: `fits ${count} answers: give more digits` }]);
}

function toMessage(context: ExplainContext, key: string): ExplainResponse {
  const { state, text, entry } = explainKey(context, key);
  const digits = key.slice(key.indexOf(":") + 1);
  return create(ExplainResponseSchema, {
    keyPrefix: digits.slice(0, PREFIX_DIGITS),
    state,
    text,
    ...(entry && { entry: factsOf(entry) }),
  });
}

function factsOf(entry: Entry): MessageInitShape<typeof EntryFactsSchema> {
  return {
    tenant: entry.tenant,
    model: entry.model,
    bytes: BigInt(entry.bytes),
    hits: BigInt(entry.hits),
    ttftMs: entry.ttftMs,
    tokens: entry.tokens,
    storedAt: timestampFromMs(entry.storedAtMs),
    lastUsedAt: timestampFromMs(entry.lastUsedMs),
    freshUntil: timestampFromMs(entry.freshUntilMs),
    staleUntil: timestampFromMs(entry.staleUntilMs),
    tags: [...entry.tags],
    origin: entry.origin === "warm-up" ? StoreOrigin.WARM_UP : StoreOrigin.REQUEST,
  };
}
