// Reads records one after the other and finds the first that does not belong where it stands.
import type { LogEntry } from "@chimera/events";
import { LoopFold } from "./loop-state.ts";
import { brokenLink, decodeRecord, GENESIS, type Head, type LedgerRecord } from "./record.ts";

export interface BrokenLink {
  readonly sequence: number;
  readonly reason: string;
}

export interface Verification {
  /** Records that hold, from the first on. */
  readonly records: number;
  /** Hash of the last of them: whoever notes it elsewhere can tell later that nothing before it was rewritten. */
  readonly hash: string;
  readonly broken: BrokenLink | undefined;
}

/** Follows a chain: joins each record on to the one before, in content and in the order of the loop. */
export class ChainReader {
  readonly loop = new LoopFold();
  #head: Head = GENESIS;

  get head(): Head {
    return this.#head;
  }

  /** The record, or why it does not belong there; then nothing was taken. */
  take({ sequence, payload }: LogEntry): LedgerRecord | BrokenLink {
    let record: LedgerRecord;
    try {
      record = decodeRecord(Buffer.from(payload).toString("utf8"));
    } catch (error) {
      return { sequence, reason: error instanceof Error ? error.message : String(error) };
    }
    if (record.sequence !== sequence) return { sequence, reason: `it says that it is record ${record.sequence}` };
    return this.join(record) ?? record;
  }

  join(record: LedgerRecord): BrokenLink | undefined {
    const reason = brokenLink(record, this.#head) ?? this.loop.refusal(record.entry);
    if (reason !== undefined) return { sequence: this.#head.sequence + 1, reason };
    this.loop.take(record);
    this.#head = { sequence: record.sequence, hash: record.hash };
    return undefined;
  }
}

export function isBroken(taken: LedgerRecord | BrokenLink): taken is BrokenLink {
  return "reason" in taken;
}

/** Reads everything and keeps nothing but what is open. */
export async function verifyChain(entries: AsyncIterable<LogEntry>): Promise<Verification> {
  const reader = new ChainReader();
  for await (const entry of entries) {
    const taken = reader.take(entry);
    if (isBroken(taken)) return { records: reader.head.sequence, hash: reader.head.hash, broken: taken };
  }
  return { records: reader.head.sequence, hash: reader.head.hash, broken: undefined };
}
