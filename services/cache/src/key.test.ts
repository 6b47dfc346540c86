import { clone, create, type DescField, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { type CacheKeyInput, CacheKeyInputSchema } from "@chimera/contracts/cache";
import {
  type Message,
  MessageSchema,
  Role,
  type SamplingParams,
  SamplingParamsSchema,
} from "@chimera/contracts/common";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cacheKey, canonicalRequest } from "./key.ts";
import { sampleInput } from "./test-data.ts";

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const messages = fc.array(fc.record({ role: fc.constantFrom(Role.SYSTEM, Role.USER, Role.ASSISTANT), content: text }), {
  maxLength: 4,
});
const sampling = fc.record(
  {
    temperature: fc.constantFrom(0, 0.5, 1),
    topP: fc.constantFrom(0.9, 1),
    topK: fc.constantFrom(0, 40),
    minP: fc.constantFrom(0, 0.05),
    repetitionPenalty: fc.constantFrom(1, 1.1),
    seed: fc.constantFrom(0, 7),
    maxTokens: fc.constantFrom(0, 16),
    stop: fc.array(text, { maxLength: 3 }),
    jsonSchema: fc.constantFrom("", "{}"),
    grammar: fc.constantFrom("", 'root ::= "a"'),
  },
  { requiredKeys: [] },
);
const input = fc
  .record({
    tenant: fc.constantFrom("a", "b", "ab"),
    model: text,
    modelVersion: text,
    messages,
    prompt: text,
    sampling: fc.option(sampling, { nil: undefined }),
  })
  .map((fields) => create(CacheKeyInputSchema, fields as never));

/** Decides equality field by field, without any serialised form that could share a defect with the key. */
function meansTheSame(a: CacheKeyInput, b: CacheKeyInput): boolean {
  const names = [
    "temperature",
    "topP",
    "topK",
    "minP",
    "repetitionPenalty",
    "seed",
    "maxTokens",
    "jsonSchema",
    "grammar",
  ] as const;
  const stopOf = (of: CacheKeyInput) => of.sampling?.stop ?? [];
  return (
    a.tenant === b.tenant &&
    a.model === b.model &&
    a.modelVersion === b.modelVersion &&
    a.prompt.normalize("NFC") === b.prompt.normalize("NFC") &&
    sameLists(a.messages, b.messages, sameMessage) &&
    names.every((name) => a.sampling?.[name] === b.sampling?.[name]) &&
    sameLists(stopOf(a), stopOf(b), (x, y) => x === y)
  );
}

function sameLists<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  return a.length === b.length && a.every((item, position) => same(item, b[position] as T));
}

function sameMessage(a: Message, b: Message): boolean {
  return a.role === b.role && a.content.normalize("NFC") === b.content.normalize("NFC");
}

/** One change of each kind that must lead to another key. */
const changes: Record<string, (of: CacheKeyInput) => CacheKeyInput> = {
  tenant: (of) => ({ ...of, tenant: `${of.tenant}x` }),
  model: (of) => ({ ...of, model: `${of.model}x` }),
  "model version": (of) => ({ ...of, modelVersion: `${of.modelVersion}x` }),
  prompt: (of) => ({ ...of, prompt: `${of.prompt}x` }),
  "white space in the prompt": (of) => ({ ...of, prompt: `${of.prompt} ` }),
  "another message": (of) => ({ ...of, messages: [...of.messages, create(MessageSchema)] }),
  "an empty stop text": (of) => withSampling(of, { stop: [...(of.sampling?.stop ?? []), ""] }),
  "a stop text": (of) => withSampling(of, { stop: ["END", ...(of.sampling?.stop ?? [])] }),
  "a JSON schema": (of) => withSampling(of, { jsonSchema: `${of.sampling?.jsonSchema ?? ""} ` }),
  "a grammar": (of) => withSampling(of, { grammar: `${of.sampling?.grammar ?? ""} ` }),
  seed: (of) => withSampling(of, { seed: (of.sampling?.seed ?? 0) + 1 }),
};

function withSampling(of: CacheKeyInput, change: Partial<SamplingParams>): CacheKeyInput {
  return { ...of, sampling: { ...(of.sampling ?? create(SamplingParamsSchema)), ...change } };
}

/** A field of the request, at any depth, with how to reach the message it stands in. */
interface FieldPlace {
  name: string;
  field: DescField;
  parent(input: CacheKeyInput): ReflectMessage;
}

/** Every field there is, from the contract itself: one that is added later is tested by itself. */
function allFields(desc: DescMessage, path: string, parent: FieldPlace["parent"]): FieldPlace[] {
  return desc.fields.flatMap((field) => {
    const place = { name: `${path}${field.name}`, field, parent };
    if (field.fieldKind === "message") {
      const child = (of: CacheKeyInput) => {
        const message = parent(of);
        if (!message.isSet(field)) message.set(field, reflect(field.message));
        return message.get(field);
      };
      return allFields(field.message, `${path}${field.name}.`, child);
    }
    if (field.fieldKind === "list" && field.listKind === "message") {
      const first = (of: CacheKeyInput) => {
        const list = parent(of).get(field);
        if (list.size === 0) list.add(reflect(field.message));
        return list.get(0) as ReflectMessage;
      };
      return allFields(field.message, `${path}${field.name}[0].`, first);
    }
    return [place];
  });
}

/** The field with another value, of whatever type it is. */
function changeField(message: ReflectMessage, field: DescField): void {
  if (field.fieldKind === "enum") message.set(field, (message.get(field) as number) === 1 ? 2 : 1);
  else if (field.fieldKind === "list") message.get(field).add("another");
  else {
    const value = message.get(field);
    if (typeof value === "string") message.set(field, `${value}x`);
    else if (typeof value === "number") message.set(field, value + 1);
    else if (typeof value === "bigint") message.set(field, value + 1n);
    else message.set(field, value !== true);
  }
}

describe("every field of the contract", () => {
  const places = allFields(CacheKeyInputSchema, "", (of) => reflect(CacheKeyInputSchema, of));

  it("is found, nested ones too", () => {
    const found = places.map(({ name }) => name);
    expect(found).toEqual(
      expect.arrayContaining(["tenant", "messages[0].content", "sampling.grammar", "sampling.stop"]),
    );
  });

  it.each(places)("$name is part of the key, whatever else the request holds", ({ field, parent }) => {
    fc.assert(
      fc.property(input, (of) => {
        const [before, after] = [clone(CacheKeyInputSchema, of), clone(CacheKeyInputSchema, of)];
        // Reached in both, so that the message it stands in exists in both.
        parent(before);
        changeField(parent(after), field);
        expect(cacheKey(after).hash).not.toBe(cacheKey(before).hash);
        expect(cacheKey(clone(CacheKeyInputSchema, after))).toEqual(cacheKey(after));
      }),
      { numRuns: 50 },
    );
  });

  it.each(
    places.filter(({ field }) => field.presence === FeatureSet_FieldPresence.EXPLICIT && field.fieldKind === "scalar"),
  )("$name unset differs from its zero", ({ field, parent }) => {
    const [unset, zero] = [sampleInput(), sampleInput()];
    parent(unset).clear(field);
    parent(zero).set(field, parent(unset).get(field));
    expect(cacheKey(zero).hash).not.toBe(cacheKey(unset).hash);
  });
});

describe("cacheKey", () => {
  it("is equal exactly where two requests mean the same", () => {
    fc.assert(
      fc.property(input, input, (a, b) => {
        expect(cacheKey(a).storeKey === cacheKey(b).storeKey).toBe(meansTheSame(a, b));
      }),
      { numRuns: 500 },
    );
  });

  it("survives the wire", () => {
    fc.assert(
      fc.property(input, (of) => {
        const received = fromBinary(CacheKeyInputSchema, toBinary(CacheKeyInputSchema, of));
        expect(cacheKey(received)).toEqual(cacheKey(of));
      }),
    );
  });

  it.each(Object.entries(changes))("differs after a change of %s", (_name, change) => {
    fc.assert(
      fc.property(input, (of) => {
        expect(cacheKey(change(of)).hash).not.toBe(cacheKey(of).hash);
      }),
    );
  });

  it("keeps text from reaching over a field's border", () => {
    fc.assert(
      fc.property(text, text, fc.nat(12), (left, right, at) => {
        const joined = left + right;
        const cut = Math.min(at, joined.length);
        const before = sampleInput({ model: left, modelVersion: right });
        const after = sampleInput({ model: joined.slice(0, cut), modelVersion: joined.slice(cut) });
        expect(cacheKey(before).hash === cacheKey(after).hash).toBe(cut === left.length);
      }),
    );
  });

  it("is not fooled by text that looks like the canonical form", () => {
    const one = sampleInput({ messages: [{ role: Role.USER, content: 'a"]],[[1,2],[2,"b' }] });
    const two = sampleInput({
      messages: [
        { role: Role.USER, content: "a" },
        { role: Role.USER, content: "b" },
      ],
    });
    expect(cacheKey(one).hash).not.toBe(cacheKey(two).hash);
  });

  it("tells unset from zero for every sampling field that can be zero", () => {
    for (const name of ["temperature", "topK", "minP", "seed", "maxTokens"] as const) {
      const unset = cacheKey(sampleInput({ sampling: {} })).hash;
      expect(cacheKey(sampleInput({ sampling: { [name]: 0 } })).hash, name).not.toBe(unset);
    }
  });

  it("tells a grammar from a JSON schema with the same text", () => {
    const hashes = ["grammar", "jsonSchema"].map((name) => cacheKey(sampleInput({ sampling: { [name]: "{}" } })).hash);
    expect(new Set(hashes).size).toBe(2);
  });

  it("takes no sampling and empty sampling for the same", () => {
    expect(cacheKey(sampleInput({ sampling: {} }))).toEqual(cacheKey(sampleInput({ sampling: undefined })));
  });

  it("takes both Unicode forms of a character for the same, and each white space for another", () => {
    const composed = cacheKey(sampleInput({ messages: [{ role: Role.USER, content: "caf\u00e9" }] }));
    const decomposed = cacheKey(sampleInput({ messages: [{ role: Role.USER, content: "cafe\u0301" }] }));
    const spaced = cacheKey(sampleInput({ messages: [{ role: Role.USER, content: "caf\u00e9 " }] }));
    const prompts = ["caf\u00e9", "cafe\u0301"].map((prompt) => cacheKey(sampleInput({ messages: [], prompt })));
    expect(decomposed).toEqual(composed);
    expect(prompts[0]).toEqual(prompts[1]);
    expect(spaced.hash).not.toBe(composed.hash);
  });

  it("keeps the order of stop texts and of messages", () => {
    const hashes = [
      sampleInput({ sampling: { stop: ["a", "b"] } }),
      sampleInput({ sampling: { stop: ["b", "a"] } }),
      sampleInput({ sampling: { stop: ["ab"] } }),
    ].map((of) => cacheKey(of).hash);
    expect(new Set(hashes).size).toBe(3);
  });

  it("differs by a field that a newer caller sends and this version does not know", () => {
    const known = sampleInput();
    // Field 99, varint 1: what a contract of the future may add to the sampling parameters.
    const sent = toBinary(SamplingParamsSchema, create(SamplingParamsSchema, known.sampling));
    const sampling = fromBinary(SamplingParamsSchema, new Uint8Array([...sent, 0x98, 0x06, 0x01]));
    expect(cacheKey(sampleInput({ sampling })).hash).not.toBe(cacheKey(known).hash);
  });

  it("starts with the tenant and shows 16 digits of the hash", () => {
    const key = cacheKey(sampleInput());
    expect(key.storeKey).toBe(`acme:${key.hash}`);
    expect(key.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(key.prefix).toBe(key.hash.slice(0, 16));
  });

  it("is stable: entries on disk outlive the process", () => {
    expect(canonicalRequest(sampleInput())).toBe(
      'chimera-key-1\n[[1,"acme"],[2,"tiny"],[3,"v1"],[4,[[[1,2],[2,"What is the status of my order?"]]]],[6,[[1,0],[7,32]]]]',
    );
  });
});
