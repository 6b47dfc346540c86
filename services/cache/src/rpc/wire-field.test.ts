import { create, createRegistry, equals, fromBinary, mergeFromBinary, toBinary } from "@bufbuild/protobuf";
import { LookupResponseSchema, StoredAnswerSchema, StoreRequestSchema } from "@chimera/contracts/cache";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleAnswer, sampleInput } from "../test-data.ts";
import { takeField, withField } from "./wire-field.ts";

const ANSWER = StoreRequestSchema.field.answer.number;

/** Field 99 as varint, fixed64, bytes, a group with a field in it, and fixed32: what a newer caller may send. */
const unknownFields = [
  [0x98, 0x06, 0xff, 0x01],
  [0x99, 0x06, 1, 2, 3, 4, 5, 6, 7, 8],
  [0x9a, 0x06, 2, 0x12, 0x00],
  [0x9b, 0x06, 0x08, 0x01, 0x9c, 0x06],
  [0x9d, 0x06, 1, 2, 3, 4],
].map((bytes) => Uint8Array.from(bytes));

const input = toBinary(StoreRequestSchema, create(StoreRequestSchema, { input: sampleInput() }));
const answer = (text: string) => toBinary(StoredAnswerSchema, sampleAnswer([text, "."]));
const answerField = (text: string) => withField(new Uint8Array(), ANSWER, answer(text));
/** Fields in any order and number, as the wire allows. */
const fields = fc.array(fc.constantFrom(input, ...unknownFields, answerField("a"), answerField("b".repeat(300))), {
  maxLength: 8,
});

describe("takeField", () => {
  it("parts a message so that both parts mean together what it meant", () => {
    fc.assert(
      fc.property(fields, (pieces) => {
        const message = Buffer.concat(pieces);
        const { field, rest } = takeField(message, ANSWER);
        const whole = fromBinary(StoreRequestSchema, message);
        const parted = fromBinary(StoreRequestSchema, rest);
        expect(parted.answer).toBeUndefined();
        if (field !== undefined) parted.answer = fromBinary(StoredAnswerSchema, field);
        expect(equals(StoreRequestSchema, parted, whole, { registry: createRegistry(), unknown: true })).toBe(true);
      }),
    );
  });

  it("gives the field's bytes as they came, however unusual", () => {
    // Fields of the answer in reverse order, and a length written in more bytes than it needs.
    const unusual = Buffer.from([0x19, 0, 0, 0, 0, 0, 0, 0x11, 0x40, 0x12, 0x82, 0x80, 0x00, 0x08, 0x01]);
    const message = Buffer.concat([input, Buffer.from([0x12, unusual.length]), unusual]);
    expect(takeField(message, ANSWER).field).toEqual(unusual);
  });

  it("tells a field that is empty from one that is not set", () => {
    expect(takeField(Buffer.concat([input, Buffer.from([0x12, 0])]), ANSWER).field?.length).toBe(0);
    expect(takeField(input, ANSWER)).toEqual({ field: undefined, rest: input });
    const { field, rest } = takeField(new Uint8Array(), ANSWER);
    expect([field, rest.length]).toEqual([undefined, 0]);
  });

  it("throws wherever a message is cut inside a field, and nowhere else", () => {
    const pieces = [input, answerField("a"), ...unknownFields, answerField("b".repeat(300)), input];
    const message = Buffer.concat(pieces);
    const borders = new Set([0]);
    for (let count = 1; count <= pieces.length; count += 1) borders.add(Buffer.concat(pieces.slice(0, count)).length);
    for (let length = 0; length <= message.length; length += 1) {
      const cut = () => takeField(message.subarray(0, length), ANSWER);
      if (borders.has(length)) expect(cut).not.toThrow();
      else expect(cut, `cut at ${length}`).toThrow();
    }
  });

  it.each([
    ["field number 0", [0x00, 0x01]],
    ["a wire type that is none", [0x0f, 0x01]],
    ["the field as a number", [0x10, 0x01]],
    ["the field as a group", [0x13, 0x14]],
    ["a length beyond the end", [0x12, 0x05, 1, 2]],
    ["a length of 4 GiB", [0x12, 0xff, 0xff, 0xff, 0xff, 0x0f, 1]],
    ["a length without an end", [0x12, ...Array(12).fill(0xff)]],
    ["a group that does not end", [0x9b, 0x06, 0x08, 0x01]],
    ["the end of a group that did not begin", [0x9c, 0x06]],
    ["groups nested a thousand deep", Array(1000).fill([0x9b, 0x06]).flat()],
  ])("refuses %s", (_what, bytes) => {
    expect(() => takeField(Uint8Array.from(bytes), ANSWER)).toThrow();
  });

  it("never reads beyond its bytes, whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const buffer = Buffer.concat([bytes, answerField("not of this message")]);
        let taken: ReturnType<typeof takeField>;
        try {
          taken = takeField(buffer.subarray(0, bytes.length), ANSWER);
        } catch {
          return;
        }
        expect((taken.field?.length ?? 0) + taken.rest.length).toBeLessThanOrEqual(bytes.length);
        expect(Buffer.from(taken.field ?? []).includes("not of this")).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("withField", () => {
  it("makes the message that encoding the whole would mean, for short and long fields", () => {
    for (const text of ["", "a", "b".repeat(200), "c".repeat(20_000)]) {
      const rest = toBinary(LookupResponseSchema, create(LookupResponseSchema, { reason: "r", keyPrefix: "k" }));
      const made = fromBinary(
        LookupResponseSchema,
        withField(rest, LookupResponseSchema.field.answer.number, answer(text)),
      );
      const expected = create(LookupResponseSchema, { reason: "r", keyPrefix: "k" });
      expected.answer = mergeFromBinary(StoredAnswerSchema, create(StoredAnswerSchema), answer(text));
      expect(equals(LookupResponseSchema, made, expected)).toBe(true);
    }
  });
});
