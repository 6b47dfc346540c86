// Near-duplicate inputs, which must not stand on both sides of a split. The rule: texts are lower-cased, runs of anything but letters
// and digits become one blank, and the sets of their 5-character shingles are compared by MinHash (Broder 1997, 64 hashes).
// Two texts are near-duplicates where at least 0.8 of the hashes agree. They are found by banding (16 bands of 4 hashes: a pair
// at 0.8 is missed once in 5,000), each text against the first 4 of its band. Records that share a cluster or are
// near-duplicates form one group; the group is named by the cluster of its earliest record.
import { setImmediate as nextTurn } from "node:timers/promises";
import { FailedPreconditionError } from "@chimera/kernel";
import type { DatasetRecord } from "./record.ts";

const HASHES = 64;
const ROWS_PER_BAND = 4;
const BANDS = HASHES / ROWS_PER_BAND;
const SHINGLE_CHARACTERS = 5;
const MIN_AGREEMENT = 0.8;
/** Texts a band's bucket holds; the rest of a bucket is near the first ones, or only shares common words with them. */
const MAX_PER_BUCKET = 4;
/** 256 bytes of signature each. */
const MAX_RECORDS = 200_000;
/** What a text says beyond is not compared. */
const MAX_CHARACTERS = 20_000;

/** Characters read between two turns of the event loop, about 20 ms of work. */
const CHARACTERS_PER_TURN = 50_000;

/** Per record, the cluster of its group. Throws FailedPreconditionError above 200,000 records. */
export function clustersOf(records: readonly DatasetRecord[]): string[] {
  const steps = grouping(records);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same, for records so many that the other streams of the process must go on meanwhile. */
export async function clustersOfInTurns(records: readonly DatasetRecord[]): Promise<string[]> {
  const steps = grouping(records);
  let read = 0;
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    read += step.value;
    if (read < CHARACTERS_PER_TURN) continue;
    read = 0;
    await nextTurn();
  }
}

/** Every step tells how many characters it read, or would have read in the same time. */
function* grouping(records: readonly DatasetRecord[]): Generator<number, string[], void> {
  if (records.length > MAX_RECORDS) {
    throw new FailedPreconditionError(`near-duplicates of more than ${MAX_RECORDS} records are not searched`);
  }
  const groups = new Groups(records.length);
  const firstOf = new Map<string, number>();
  for (const [i, { cluster }] of records.entries()) {
    if (cluster === undefined) continue;
    const first = firstOf.get(cluster);
    if (first === undefined) firstOf.set(cluster, i);
    else groups.join(first, i);
  }
  const signatures: Uint32Array[] = [];
  for (const { input } of records) {
    signatures.push(signatureOf(input));
    yield Math.min(input.length, MAX_CHARACTERS);
  }
  for (let band = 0; band < BANDS; band++) {
    joinWithinBand(signatures, band, groups);
    yield CHARACTERS_PER_TURN;
  }
  return records.map((_, i) => {
    const earliest = records[groups.earliest(i)];
    return earliest?.cluster ?? earliest?.id ?? "";
  });
}

function joinWithinBand(signatures: readonly Uint32Array[], band: number, groups: Groups): void {
  const buckets = new Map<string, number[]>();
  for (const [i, signature] of signatures.entries()) {
    const key = signature.subarray(band * ROWS_PER_BAND, (band + 1) * ROWS_PER_BAND).join();
    const bucket = buckets.get(key) ?? [];
    buckets.set(key, bucket);
    for (const other of bucket) {
      if (groups.earliest(other) === groups.earliest(i)) continue;
      if (agreement(signature, signatures[other]) >= MIN_AGREEMENT) groups.join(other, i);
    }
    if (bucket.length < MAX_PER_BUCKET) bucket.push(i);
  }
}

function agreement(left: Uint32Array, right: Uint32Array | undefined): number {
  let equal = 0;
  for (let i = 0; i < HASHES; i++) if (left[i] === right?.[i]) equal += 1;
  return equal / HASHES;
}

function signatureOf(input: string): Uint32Array {
  const text = input
    .slice(0, MAX_CHARACTERS)
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
  const signature = new Uint32Array(HASHES).fill(0xffffffff);
  const last = Math.max(0, text.length - SHINGLE_CHARACTERS);
  for (let start = 0; start <= last; start++) {
    const shingle = fnv(text, start, start + SHINGLE_CHARACTERS);
    for (let i = 0; i < HASHES; i++) {
      const value = mixed(shingle, i);
      if (value < (signature[i] ?? 0)) signature[i] = value;
    }
  }
  return signature;
}

/** FNV-1a of a part of a text. */
function fnv(text: string, from: number, to: number): number {
  let state = 0x811c9dc5;
  for (let i = from; i < Math.min(to, text.length); i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return state >>> 0;
}

/** One of 64 hash functions: the finisher of MurmurHash3 over a value moved by an odd multiple. */
function mixed(value: number, which: number): number {
  let z = (value + Math.imul(which + 1, 0x9e3779b1)) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}

/** Disjoint sets whose root is their earliest member (Galler and Fischer 1964, paths halved). */
class Groups {
  readonly #parents: Uint32Array;

  constructor(size: number) {
    this.#parents = Uint32Array.from({ length: size }, (_, i) => i);
  }

  earliest(of: number): number {
    let at = of;
    for (let parent = this.#parent(at); parent !== at; parent = this.#parent(at)) {
      this.#parents[at] = this.#parent(parent);
      at = this.#parent(at);
    }
    return at;
  }

  join(a: number, b: number): void {
    const [left, right] = [this.earliest(a), this.earliest(b)];
    this.#parents[Math.max(left, right)] = Math.min(left, right);
  }

  #parent(of: number): number {
    return this.#parents[of] ?? of;
  }
}
