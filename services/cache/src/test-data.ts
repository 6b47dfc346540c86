// Requests, answers and a clock for the tests of this service.
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type CacheKeyInput,
  CacheKeyInputSchema,
  type StoredAnswer,
  StoredAnswerSchema,
} from "@chimera/contracts/cache";
import { FinishReason, Role } from "@chimera/contracts/common";
import { type Clock, seededRandom } from "@chimera/kernel";
import type { EncodedAnswer } from "./answers.ts";
import type { EntryFacts } from "./index/entry.ts";
import type { StoredRow } from "./store/store.ts";

export class HandClock implements Clock {
  ms = 1_700_000_000_000;
  nowMs(): number {
    return this.ms;
  }
  monotonicMs(): number {
    return this.ms;
  }
}

type InputFields = Exclude<MessageInitShape<typeof CacheKeyInputSchema>, CacheKeyInput>;

export function sampleInput(change: InputFields = {}): CacheKeyInput {
  return create(CacheKeyInputSchema, {
    tenant: "acme",
    model: "tiny",
    modelVersion: "v1",
    messages: [{ role: Role.USER, content: "What is the status of my order?" }],
    sampling: { temperature: 0, maxTokens: 32 },
    ...change,
  });
}

/** A complete answer with one token per text. */
export function sampleAnswer(texts: readonly string[] = ["All ", "is ", "well."]): StoredAnswer {
  return create(StoredAnswerSchema, {
    deltas: texts.map((text, seq) => ({ seq, text, tokenCount: 1 })),
    complete: {
      finishReason: FinishReason.STOP,
      usage: { promptTokens: 9, cachedTokens: 0, completionTokens: texts.length },
      timings: { queueMs: 1, prefillMs: 2.5, firstTokenMs: 4, totalMs: 12 },
    },
    ttftMs: 4.25,
  });
}

export function encoded(answer: StoredAnswer): EncodedAnswer {
  return { answer, body: toBinary(StoredAnswerSchema, answer) };
}

export function encodedAnswer(texts?: readonly string[]): EncodedAnswer {
  return encoded(sampleAnswer(texts));
}

export function textOf(answer: StoredAnswer | undefined): string | undefined {
  return answer?.deltas.map((delta) => delta.text).join("");
}

export function textOfBody(body: Uint8Array | undefined): string | undefined {
  return body && textOf(fromBinary(StoredAnswerSchema, body));
}

export function sampleFacts(key: string, change: Partial<EntryFacts> = {}): EntryFacts {
  return {
    key,
    tenant: key.split(":")[0] ?? "",
    model: "tiny",
    bytes: 100,
    ttftMs: 12.5,
    promptTokens: 9,
    tokens: 3,
    tags: [],
    origin: "request",
    storedAtMs: 1_700_000_000_000,
    freshUntilMs: 1_700_000_060_000,
    staleUntilMs: 1_700_000_060_000,
    lastUsedMs: 1_700_000_000_000,
    hits: 0,
    ...change,
  };
}

export function rowOf(key: string, body: Uint8Array): StoredRow {
  return { ...sampleFacts(key, { bytes: key.length + body.byteLength }), body };
}

const MAX_BODY_BYTES = 60_000;

/** A row whose body follows from its number, so that another process can tell whether it came back whole. */
export function numberedRow(number: number): StoredRow {
  const random = seededRandom(number);
  const length = Math.floor(random() ** 3 * MAX_BODY_BYTES);
  return rowOf(
    `t:${number}`,
    Uint8Array.from({ length }, () => Math.floor(random() * 256)),
  );
}
