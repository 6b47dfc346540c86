// The stored answer of a request, or why there is none and who is making one.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CacheService,
  type Flight,
  type LookupRequest,
  LookupRequestSchema,
  type LookupResponse,
  LookupResponseSchema,
  StoredAnswerSchema,
} from "@chimera/contracts/cache";
import { InvalidRequestError } from "@chimera/kernel";
import { envelope, type RawMethod } from "@chimera/rpc";
import type { LookupResult } from "../answers.ts";
import { checkInput } from "../check-input.ts";
import type { Context } from "../context.ts";
import type { Lead } from "../flights/lease-table.ts";
import { cacheKey } from "../key.ts";
import { decode } from "./decode.ts";
import { noteOnSpan } from "./note-on-span.ts";
import { withField } from "./wire-field.ts";

const FLIGHT_ID = /^[\w-]{1,64}$/;
const MAX_URL_CHARACTERS = 512;

type LookupContext = Pick<Context, "answers" | "leases">;

export function lookup(context: LookupContext) {
  return async (request: LookupRequest): Promise<LookupResponse> => {
    const { body, ...found } = await find(context, request);
    const answer = body && fromBinary(StoredAnswerSchema, body);
    return create(LookupResponseSchema, { answer, ...found });
  };
}

/** The same with the answer's bytes as they are stored. */
export function rawLookup(context: LookupContext): RawMethod {
  const { parent, name } = CacheService.method.lookup;
  return {
    path: `/${parent.typeName}/${name}`,
    async handle(call) {
      const request = decode(LookupRequestSchema, await call.message());
      const { body, ...found } = await find(context, request);
      const rest = toBinary(LookupResponseSchema, create(LookupResponseSchema, found));
      call.write(envelope(body ? withField(rest, LookupResponseSchema.field.answer.number, body) : rest));
    },
  };
}

type Found = Pick<LookupResult, "body" | "reason" | "keyPrefix" | "isStale"> & { running?: Lead | undefined };

async function find({ answers, leases }: LookupContext, { input, flight }: LookupRequest): Promise<Found> {
  const question = checkInput(input);
  if (flight) checkFlight(flight);
  const { body, reason, keyPrefix, isStale } = await answers.lookup(question);
  noteOnSpan({ status: body === undefined ? "miss" : "hit", reason, keyPrefix });
  if (body || !flight) return { body, reason, keyPrefix, isStale };
  return { body, reason, keyPrefix, isStale, running: leases.take(cacheKey(question).storeKey, flight) };
}

function checkFlight({ url, id, replaces }: Flight): void {
  if (!FLIGHT_ID.test(id) || (replaces !== "" && !FLIGHT_ID.test(replaces))) {
    throw new InvalidRequestError([{ field: "flight.id", description: "needs 1 to 64 letters, digits, _ and -" }]);
  }
  if (url !== "" && url.length <= MAX_URL_CHARACTERS) return;
  throw new InvalidRequestError([{ field: "flight.url", description: `needs 1 to ${MAX_URL_CHARACTERS} characters` }]);
}
