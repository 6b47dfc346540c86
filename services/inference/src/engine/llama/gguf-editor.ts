// For tests: takes a GGUF file apart and puts it together without a metadata key, or with another number in it. Layout: the
// GGUF specification, version 3, little endian.

interface Entry {
  key: string;
  /** Type and value, as they stand in the file. */
  raw: Buffer;
}

export interface GgufParts {
  entries: readonly Entry[];
  tensorCount: bigint;
  tensorInfos: Buffer;
  weights: Buffer;
}

const HEADER_BYTES = 24;
const ALIGNMENT_BYTES = 32;
const TYPE_STRING = 8;
const TYPE_ARRAY = 9;
/** Bytes of the scalar types 0 to 12; strings and arrays are measured. */
const SCALAR_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

export function takeApart(file: Buffer): GgufParts {
  const tensorCount = file.readBigUInt64LE(8);
  const entryCount = Number(file.readBigUInt64LE(16));
  let at = HEADER_BYTES;
  const entries: Entry[] = [];
  for (let i = 0; i < entryCount; i++) {
    const keyEnd = at + stringBytes(file, at);
    const key = file.toString("utf8", at + 8, keyEnd);
    at = keyEnd + 4 + valueBytes(file, keyEnd + 4, file.readUInt32LE(keyEnd));
    entries.push({ key, raw: file.subarray(keyEnd, at) });
  }
  const infosStart = at;
  for (let i = 0n; i < tensorCount; i++) {
    at += stringBytes(file, at);
    at += 4 + 8 * file.readUInt32LE(at) + 4 + 8;
  }
  const tensorInfos = file.subarray(infosStart, at);
  return { entries, tensorCount, tensorInfos, weights: file.subarray(aligned(at)) };
}

export function putTogether({ entries, tensorCount, tensorInfos, weights }: GgufParts): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write("GGUF");
  header.writeUInt32LE(3, 4);
  header.writeBigUInt64LE(tensorCount, 8);
  header.writeBigUInt64LE(BigInt(entries.length), 16);
  const head = Buffer.concat([header, ...entries.flatMap(({ key, raw }) => [text(key), raw]), tensorInfos]);
  return Buffer.concat([head, Buffer.alloc(aligned(head.length) - head.length), weights]);
}

export function withoutKey(file: Buffer, key: string): Buffer {
  const parts = takeApart(file);
  const entries = parts.entries.filter((entry) => entry.key !== key);
  if (entries.length === parts.entries.length) throw new Error(`no key ${key} in this file`);
  return putTogether({ ...parts, entries });
}

/** Replaces a 32-bit number. */
export function withNumber(file: Buffer, key: string, value: number): Buffer {
  const parts = takeApart(file);
  const entries = parts.entries.map((entry) => {
    if (entry.key !== key) return entry;
    const raw = Buffer.from(entry.raw);
    raw.writeUInt32LE(value, 4);
    return { key, raw };
  });
  return putTogether({ ...parts, entries });
}

/** Adds a text, or replaces the one under this key. */
export function withText(file: Buffer, key: string, value: string): Buffer {
  const parts = takeApart(file);
  const type = Buffer.alloc(4);
  type.writeUInt32LE(TYPE_STRING);
  const others = parts.entries.filter((entry) => entry.key !== key);
  return putTogether({ ...parts, entries: [...others, { key, raw: Buffer.concat([type, text(value)]) }] });
}

function text(value: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(value)));
  return Buffer.concat([length, Buffer.from(value)]);
}

function stringBytes(file: Buffer, at: number): number {
  return 8 + Number(file.readBigUInt64LE(at));
}

function valueBytes(file: Buffer, at: number, type: number): number {
  if (type === TYPE_STRING) return stringBytes(file, at);
  if (type !== TYPE_ARRAY) return SCALAR_BYTES[type] ?? 0;
  const itemType = file.readUInt32LE(at);
  const count = Number(file.readBigUInt64LE(at + 4));
  let bytes = 12;
  for (let i = 0; i < count; i++) bytes += valueBytes(file, at + bytes, itemType);
  return bytes;
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
