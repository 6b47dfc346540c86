// Keeps one complete answer, or says why not.
import { create, toBinary } from "@bufbuild/protobuf";
import {
  CacheService,
  StoredAnswerSchema,
  StoreOrigin,
  type StoreRequest,
  StoreRequestSchema,
  type StoreResponse,
  StoreResponseSchema,
} from "@chimera/contracts/cache";
import { InvalidRequestError } from "@chimera/kernel";
import { envelope, type RawMethod } from "@chimera/rpc";
import type { EncodedAnswer, StoreTerms } from "../answers.ts";
import { checkControl, checkInput } from "../check-input.ts";
import type { Context } from "../context.ts";
import { cacheKey } from "../key.ts";
import { decode, parsing } from "./decode.ts";
import { noteOnSpan } from "./note-on-span.ts";
import { takeField } from "./wire-field.ts";

type StoreContext = Pick<Context, "answers" | "leases" | "warming">;

export function store(context: StoreContext) {
  return (request: StoreRequest): Promise<StoreResponse> => {
    const { answer } = request;
    return keep(context, request, answer && { answer, body: toBinary(StoredAnswerSchema, answer) });
  };
}

/** The same with the answer's bytes kept as they came. */
export function rawStore(context: StoreContext): RawMethod {
  const { parent, name } = CacheService.method.store;
  return {
    path: `/${parent.typeName}/${name}`,
    async handle(call) {
      const message = await call.message();
      const { field, rest } = parsing(StoreRequestSchema, "request", () =>
        takeField(message, StoreRequestSchema.field.answer.number),
      );
      const response = await keep(context, decode(StoreRequestSchema, rest), field && encoded(field));
      call.write(envelope(toBinary(StoreResponseSchema, response)));
    },
  };
}

/** Decoded from the very bytes that are kept. They are copied: a view would keep the whole request in memory. */
function encoded(field: Uint8Array): EncodedAnswer {
  return { answer: decode(StoredAnswerSchema, field, "answer"), body: new Uint8Array(field) };
}

async function keep(
  { answers, leases, warming }: StoreContext,
  { input, control, origin, ageMs }: StoreRequest,
  encodedAnswer: EncodedAnswer | undefined,
): Promise<StoreResponse> {
  const question = checkInput(input);
  const storeKey = leases.size + warming.size > 0 ? cacheKey(question).storeKey : "";
  const isAhead = origin === StoreOrigin.WARM_UP || warming.has(storeKey);
  const terms: StoreTerms = {
    ...checkControl(control),
    origin: isAhead ? "warm-up" : "request",
    ageMs: checkAge(ageMs),
  };
  const { stored, reason, keyPrefix } = await answers.store(question, checkAnswer(encodedAnswer), terms);
  // Kept or not, its making is over.
  leases.stored(storeKey);
  warming.settled(storeKey, { stored, reason });
  noteOnSpan({ status: stored ? "stored" : "refused", reason, keyPrefix });
  return create(StoreResponseSchema, { stored, reason });
}

function checkAnswer(encodedAnswer: EncodedAnswer | undefined): EncodedAnswer {
  if (encodedAnswer === undefined) throw new InvalidRequestError([{ field: "answer", description: "is required" }]);
  const { ttftMs } = encodedAnswer.answer;
  if (ttftMs >= 0 && Number.isFinite(ttftMs)) return encodedAnswer;
  const description = "must be a number of milliseconds, at least 0";
  throw new InvalidRequestError([{ field: "answer.ttft_ms", description }]);
}

function checkAge(ageMs: number | undefined): number | undefined {
  if (ageMs === undefined || (ageMs >= 0 && Number.isFinite(ageMs))) return ageMs;
  throw new InvalidRequestError([{ field: "age_ms", description: "must be a number of milliseconds, at least 0" }]);
}
