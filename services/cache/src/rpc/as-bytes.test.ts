import { create, fromBinary, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import {
  type CacheKeyInput,
  LookupRequestSchema,
  LookupResponseSchema,
  type StoredAnswer,
  StoredAnswerSchema,
  StoreRequestSchema,
  StoreResponseSchema,
} from "@chimera/contracts/cache";
import { ChimeraError } from "@chimera/kernel";
import { createLogger, readSettings } from "@chimera/lifecycle";
import { RawChannel } from "@chimera/rpc";
import { expect, it, onTestFinished } from "vitest";
import { fields } from "../config.ts";
import { createCache } from "../service.ts";
import { sampleAnswer, sampleInput } from "../test-data.ts";
import { takeField, withField } from "./wire-field.ts";

const PATH = "/chimera.cache.v1.CacheService/";
type Method = "Lookup" | "Store";

/** A running cache, called over gRPC, where calls are served as bytes, and over Connect with JSON, where they are typed. */
async function start() {
  const env = { CACHE_PORT: "0", CHIMERA_NATS_URL: "nats://127.0.0.1:1" };
  const service = await createCache(readSettings("cache", fields, env), createLogger("cache", "silent"));
  const channel = new RawChannel(`http://${service.address}`);
  onTestFinished(async () => {
    channel.close();
    await service.drain();
    await service.dispose();
  });
  const asBytes = (method: Method, request: Uint8Array) => channel.unary(PATH + method, request);
  const typed = async (method: Method, request: JsonValue) => {
    const response = await fetch(`http://${service.address}${PATH}${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    return (await response.json()) as JsonValue;
  };
  return { asBytes, typed };
}

type Cache = Awaited<ReturnType<typeof start>>;

interface Question {
  input?: CacheKeyInput;
  answer?: StoredAnswer;
}

/** Either form's answer to one call, in the same words. */
async function bothSay(cache: Cache, method: Method, { input, answer }: Question): Promise<[JsonValue, JsonValue]> {
  const isLookup = method === "Lookup";
  const bytes = isLookup
    ? toBinary(LookupRequestSchema, create(LookupRequestSchema, { input }))
    : toBinary(StoreRequestSchema, create(StoreRequestSchema, { input, answer }));
  const json = isLookup
    ? toJson(LookupRequestSchema, create(LookupRequestSchema, { input }))
    : toJson(StoreRequestSchema, create(StoreRequestSchema, { input, answer }));
  const read = (response: Uint8Array): JsonValue =>
    isLookup
      ? toJson(LookupResponseSchema, fromBinary(LookupResponseSchema, response))
      : toJson(StoreResponseSchema, fromBinary(StoreResponseSchema, response));
  const first = await cache.asBytes(method, bytes).then(read, messageOf);
  const second = await cache.typed(method, json);
  const isError = typeof second === "object" && second !== null && "code" in second;
  return [first, isError ? `${second.code}: ${second.message}` : second];
}

function messageOf(error: unknown): string {
  return error instanceof ChimeraError ? `${error.kind.replace("-", "_")}: ${error.message}` : String(error);
}

function requestOf(answerBytes: Uint8Array, input = sampleInput()): Uint8Array {
  const rest = toBinary(StoreRequestSchema, create(StoreRequestSchema, { input }));
  return withField(rest, StoreRequestSchema.field.answer.number, answerBytes);
}

const lookupOf = (input: CacheKeyInput) => toBinary(LookupRequestSchema, create(LookupRequestSchema, { input }));

it("says as bytes what it says typed, to good calls and to bad ones", async () => {
  const cache = await start();
  const cut = sampleAnswer();
  cut.complete = undefined;
  const late = sampleAnswer();
  late.ttftMs = -1;
  const input = sampleInput();
  const calls: [Method, Question][] = [
    ["Lookup", { input }],
    ["Store", { input, answer: cut }],
    ["Store", { input, answer: sampleAnswer(["Häppy ", "🙂", "", "\u0000"]) }],
    ["Lookup", { input }],
    ["Lookup", { input: sampleInput({ tenant: "globex" }) }],
    ["Lookup", {}],
    ["Lookup", { input: sampleInput({ tenant: "a:b", model: "" }) }],
    ["Store", { answer: sampleAnswer() }],
    ["Store", { input }],
    ["Store", { input, answer: late }],
  ];
  for (const [method, question] of calls) {
    const [first, second] = await bothSay(cache, method, question);
    expect(first).toEqual(second);
  }
});

it("gives an answer's bytes back as they came: what a newer router knows survives an older cache", async () => {
  const { asBytes, typed } = await start();
  const canonical = toBinary(StoredAnswerSchema, sampleAnswer());
  // The same answer, its last field in front, then a field 99 that nobody here knows.
  const { field: complete, rest } = takeField(canonical, StoredAnswerSchema.field.complete.number);
  const unusual = Buffer.concat([
    withField(rest, StoredAnswerSchema.field.complete.number, complete ?? new Uint8Array()),
    Uint8Array.of(0x98, 0x06, 0x81, 0x00),
  ]);
  const stored = fromBinary(StoreResponseSchema, await asBytes("Store", requestOf(unusual)));
  expect(stored.stored).toBe(true);
  const response = await asBytes("Lookup", lookupOf(sampleInput()));
  expect(takeField(response, LookupResponseSchema.field.answer.number).field).toEqual(unusual);
  const input = toJson(LookupRequestSchema, create(LookupRequestSchema, { input: sampleInput() }));
  expect(await typed("Lookup", input)).toMatchObject({ answer: toJson(StoredAnswerSchema, sampleAnswer()) });
});

it("takes an answer that comes in two pieces for the answer they make together", async () => {
  const { asBytes } = await start();
  const answer = sampleAnswer(["a", "b"]);
  const pieces = [create(StoredAnswerSchema, { deltas: answer.deltas }), { ...answer, deltas: [] }].map((piece) =>
    toBinary(StoredAnswerSchema, piece),
  );
  const [first = new Uint8Array(), second = new Uint8Array()] = pieces;
  const request = withField(requestOf(second), StoreRequestSchema.field.answer.number, first);
  expect(fromBinary(StoreResponseSchema, await asBytes("Store", request)).stored).toBe(true);
  const hit = fromBinary(LookupResponseSchema, await asBytes("Lookup", lookupOf(sampleInput())));
  expect(hit.answer).toEqual(answer);
});

it.each<[string, Method, Uint8Array, string]>([
  ["a lookup that is cut", "Lookup", lookupOf(sampleInput()).subarray(0, 20), "request"],
  ["a lookup of other bytes", "Lookup", Uint8Array.of(0xff, 0xff, 0xff), "request"],
  ["a store that is cut", "Store", requestOf(toBinary(StoredAnswerSchema, sampleAnswer())).subarray(0, 20), "request"],
  ["a store whose input is none", "Store", Uint8Array.of(0x0a, 0x02, 0x0a, 0x09), "request"],
  ["an answer that is cut", "Store", requestOf(toBinary(StoredAnswerSchema, sampleAnswer()).subarray(0, 20)), "answer"],
  ["an answer with text that is no UTF-8", "Store", requestOf(Uint8Array.of(0x0a, 3, 0x12, 1, 0xff)), "answer"],
  // Read as part of the whole request, this delta would be filled up with the bytes behind the answer.
  ["an answer that claims the bytes behind it", "Store", requestOf(Uint8Array.of(0x0a, 0x20)), "answer"],
])("calls %s the caller's fault, and stores nothing of it", async (_what, method, request, field) => {
  const { asBytes, typed } = await start();
  await expect(asBytes(method, request)).rejects.toMatchObject({
    kind: "invalid-argument",
    violations: [{ field, description: expect.stringMatching(/^is no \w+: /) }],
  });
  const input = toJson(LookupRequestSchema, create(LookupRequestSchema, { input: sampleInput() }));
  expect(await typed("Lookup", input)).toMatchObject({ reason: "not stored" });
});
