// What the last prune took out and can still be put back: out of the index, its bytes still in the byte store. The bound is
// counted apart from the capacity, so that a prune frees its room at once.
import type { Entry } from "../index/entry.ts";

/** Of the capacity; bytes in the byte store on top of it. */
export const UNDO_SHARE = 0.25;
/** As long as somebody may notice that a prune was wrong. */
export const UNDO_MS = 3_600_000;

/** Digits that events show of a key. */
const PREFIX_DIGITS = 16;

export class UndoArea {
  #maxBytes: number;
  /** By key; entries of one prune only, at most `maxBytes` of them. */
  readonly #entries = new Map<string, Entry>();
  /** Key by "tenant:" and the first digits of its hash; same size as `#entries`. */
  readonly #byPrefix = new Map<string, string>();
  #bytes = 0;
  #added = 0;
  #prunedAtMs = Number.NEGATIVE_INFINITY;

  constructor(capacityBytes: number) {
    this.#maxBytes = Math.floor(capacityBytes * UNDO_SHARE);
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Gives those that have no room any more; their bytes are the caller's to delete. */
  *resize(capacityBytes: number): Generator<Entry, void> {
    this.#maxBytes = Math.floor(capacityBytes * UNDO_SHARE);
    for (const entry of this.#entries.values()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.take(entry.key);
      yield entry;
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Time of the prune that filled it, whole milliseconds since the epoch. */
  get prunedAtMs(): number {
    return this.#prunedAtMs;
  }

  /** Entries that were put in since it was begun, whatever became of them. */
  get added(): number {
    return this.#added;
  }

  /** What was in it leaves and is returned; its bytes are the caller's to delete. */
  begin(prunedAtMs: number): readonly Entry[] {
    const left = [...this.#entries.values()];
    this.#entries.clear();
    this.#byPrefix.clear();
    this.#bytes = 0;
    this.#added = 0;
    this.#prunedAtMs = prunedAtMs;
    return left;
  }

  /** False where there is no room. */
  add(entry: Entry): boolean {
    if (this.#bytes + entry.bytes > this.#maxBytes) return false;
    this.take(entry.key);
    this.#entries.set(entry.key, entry);
    this.#byPrefix.set(prefixOf(entry.key), entry.key);
    this.#bytes += entry.bytes;
    this.#added += 1;
    return true;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** By "tenant:" and 16 digits or more. */
  find(keyPrefix: string): Entry | undefined {
    const entry = this.#entries.get(this.#byPrefix.get(prefixOf(keyPrefix)) ?? "");
    return entry?.key.startsWith(keyPrefix) ? entry : undefined;
  }

  take(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#byPrefix.delete(prefixOf(key));
    this.#bytes -= entry.bytes;
    return entry;
  }

  values(): Iterable<Entry> {
    return this.#entries.values();
  }

  get size(): number {
    return this.#entries.size;
  }
}

function prefixOf(key: string): string {
  return key.slice(0, key.indexOf(":") + 1 + PREFIX_DIGITS);
}
