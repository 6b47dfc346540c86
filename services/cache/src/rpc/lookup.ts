// The stored answer of a request, or why there is none.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CacheService,
  type LookupRequest,
  LookupRequestSchema,
  type LookupResponse,
  LookupResponseSchema,
  StoredAnswerSchema,
} from "@chimera/contracts/cache";
import { envelope, type RawMethod } from "@chimera/rpc";
import type { LookupResult } from "../answers.ts";
import { checkInput } from "../check-input.ts";
import type { Context } from "../context.ts";
import { decode } from "./decode.ts";
import { noteOnSpan } from "./note-on-span.ts";
import { withField } from "./wire-field.ts";

export function lookup(context: Context) {
  return async (request: LookupRequest): Promise<LookupResponse> => {
    const { body, reason, keyPrefix, isStale } = await find(context, request);
    const answer = body && fromBinary(StoredAnswerSchema, body);
    return create(LookupResponseSchema, { answer, reason, keyPrefix, isStale });
  };
}

/** The same with the answer's bytes as they are stored. */
export function rawLookup(context: Context): RawMethod {
  const { parent, name } = CacheService.method.lookup;
  return {
    path: `/${parent.typeName}/${name}`,
    async handle(call) {
      const request = decode(LookupRequestSchema, await call.message());
      const { body, reason, keyPrefix, isStale } = await find(context, request);
      const rest = toBinary(LookupResponseSchema, create(LookupResponseSchema, { reason, keyPrefix, isStale }));
      call.write(envelope(body ? withField(rest, LookupResponseSchema.field.answer.number, body) : rest));
    },
  };
}

async function find({ answers }: Context, { input }: LookupRequest): Promise<LookupResult> {
  const result = await answers.lookup(checkInput(input));
  const { body, reason, keyPrefix } = result;
  noteOnSpan({ status: body === undefined ? "miss" : "hit", reason, keyPrefix });
  return result;
}
