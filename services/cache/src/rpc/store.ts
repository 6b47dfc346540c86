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
import { decode, parsing } from "./decode.ts";
import { noteOnSpan } from "./note-on-span.ts";
import { takeField } from "./wire-field.ts";

export function store(context: Context) {
  return (request: StoreRequest): Promise<StoreResponse> => {
    const { answer } = request;
    return keep(context, request, answer && { answer, body: toBinary(StoredAnswerSchema, answer) });
  };
}

/** The same with the answer's bytes kept as they came. */
export function rawStore(context: Context): RawMethod {
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
  { answers }: Context,
  { input, control, origin }: StoreRequest,
  encodedAnswer: EncodedAnswer | undefined,
): Promise<StoreResponse> {
  const terms: StoreTerms = {
    ...checkControl(control),
    origin: origin === StoreOrigin.WARM_UP ? "warm-up" : "request",
  };
  const { stored, reason, keyPrefix } = await answers.store(checkInput(input), checkAnswer(encodedAnswer), terms);
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
