// One field of a serialized protobuf message, taken out or put in as bytes: what passes through need not be decoded.
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

export interface TakenField {
  /** The field's message, undefined where it is not set. */
  field: Uint8Array | undefined;
  /** Everything else, in its order. */
  rest: Uint8Array;
}

/** Views of `message` where its layout allows, else copies. Throws where it is no sequence of whole fields. */
export function takeField(message: Uint8Array, fieldNumber: number): TakenField {
  const reader = new BinaryReader(message);
  const taken: Uint8Array[] = [];
  const rest: Uint8Array[] = [];
  let restFrom = 0;
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    if (number !== fieldNumber) {
      reader.skip(wireType, number);
      continue;
    }
    if (wireType !== WireType.LengthDelimited) throw new Error(`field ${number} has wire type ${wireType}`);
    taken.push(reader.bytes());
    if (start > restFrom) rest.push(message.subarray(restFrom, start));
    restFrom = reader.pos;
  }
  if (restFrom < message.length) rest.push(message.subarray(restFrom));
  // Pieces of one message field are merged by protobuf, and merging is what decoding their concatenation does.
  return { field: taken.length === 0 ? undefined : joined(taken), rest: joined(rest) };
}

/** Kept, because the buffer it begins with is what a writer costs. */
const writer = new BinaryWriter();

/** The message with this field before the others. */
export function withField(message: Uint8Array, fieldNumber: number, field: Uint8Array): Uint8Array {
  const head = writer.tag(fieldNumber, WireType.LengthDelimited).uint32(field.length).finish();
  return Buffer.concat([head, field, message]);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  return first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces);
}
