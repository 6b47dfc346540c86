// One text per meaning of a protobuf message, made from its descriptor: a field added to the contract later is part of it by
// itself. Hand-kept field lists are how caches come to give one request the answer of another.
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { assert, InternalError } from "@chimera/kernel";

type Canonical = string | number | boolean | readonly Canonical[];

/**
 * JSON of nested [field number, value] pairs in field order. Only fields that are set appear, so unset and zero differ
 * wherever the contract tells them apart. JSON quotes every text, so no value can reach over into its neighbour.
 * Fields in `normalised` are compared as Unicode NFC; all other text byte for byte.
 */
export function canonicalJson(message: ReflectMessage, normalised: ReadonlySet<DescField>): string {
  return JSON.stringify(canonicalFields(message, normalised));
}

function canonicalFields(message: ReflectMessage, normalised: ReadonlySet<DescField>): readonly Canonical[] {
  const pairs: Canonical[] = [];
  for (const field of message.sortedFields) {
    if (!message.isSet(field)) continue;
    const value = canonicalField(message, field, normalised);
    if (field.fieldKind === "message" && Array.isArray(value) && value.length === 0) continue;
    pairs.push([field.number, value]);
  }
  for (const unknown of message.getUnknown() ?? []) {
    pairs.push([unknown.no, "unknown", unknown.wireType, Buffer.from(unknown.data).toString("hex")]);
  }
  return pairs;
}

function canonicalField(message: ReflectMessage, field: DescField, normalised: ReadonlySet<DescField>): Canonical {
  switch (field.fieldKind) {
    case "message":
      return canonicalFields(message.get(field), normalised);
    case "list":
      return Array.from(message.get(field), (item) => canonicalItem(item, field, normalised));
    case "scalar":
      if (field.scalar === ScalarType.BYTES) throw new InternalError(`${field}: bytes have no canonical form`);
      return canonicalItem(message.get(field), field, normalised);
    case "enum":
      return message.get(field);
    case "map":
      throw new InternalError(`${field}: maps have no canonical form`);
  }
}

function canonicalItem(item: unknown, field: DescField, normalised: ReadonlySet<DescField>): Canonical {
  if (typeof item === "string") return normalised.has(field) ? item.normalize("NFC") : item;
  if (typeof item === "boolean") return item;
  if (typeof item === "bigint") return item.toString();
  if (typeof item === "number") {
    assert(Number.isFinite(item), "a number without a value has no canonical form");
    return item;
  }
  assert(isReflectMessage(item), "a list of this kind has no canonical form");
  return canonicalFields(item, normalised);
}

function isReflectMessage(item: unknown): item is ReflectMessage {
  return typeof item === "object" && item !== null && "desc" in item && (item.desc as DescMessage).kind === "message";
}
