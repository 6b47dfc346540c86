// Kept states on disk: found by the tokens they hold, bounded in bytes, the least recently used one given up first. A file that
// can not be trusted costs a cold start and is removed; it never fails a request.
import { readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@chimera/kernel";
import { checksumOf, formatStateFileName, parseStateFileName, readStateTokens } from "./state-file.ts";
import { openStateFolder } from "./state-folder.ts";
import { prefixId, type StateSetup, stateKey } from "./state-key.ts";
import { commonPrefixLength } from "./token-prefix.ts";

export interface StateStoreOptions {
  folder: string;
  /** Of all state files in the folder, those of other models and versions too. One more exists while it is being written. */
  maxBytes: number;
  setup: StateSetup;
  clock: Clock;
  logger: { info(details: object, message: string): void; warn(details: object, message: string): void };
}

export interface SavedState {
  readonly id: string;
  readonly tokens: readonly number[];
}

interface StateFile {
  name: string;
  key: string;
  checksum: string;
  bytes: number;
  usedAtMs: number;
  /** Undefined where it belongs to another model, version or setting: it counts and ages, and is never loaded. */
  state: SavedState | undefined;
}

/** Files in the folder, at most: bounds the search as well. */
const MAX_FILES = 1024;
/** A file can not hold more tokens than this many bytes each allow, whatever its head says. */
const BYTES_PER_TOKEN = 4;
const TEMPORARY = ".tmp";
/** Nobody writes one file for that long; its writer has ended. */
const ABANDONED_MS = 10 * 60_000;

export class StateStore {
  readonly #options: StateStoreOptions;
  readonly #folder: string;
  /** By file name. Bounded by MAX_FILES and maxBytes. */
  readonly #files = new Map<string, StateFile>();
  /** Saves run one after the other, so that each sees what the others left. */
  #saving: Promise<unknown> = Promise.resolve();
  #serial = 0;
  #unusable = 0;

  private constructor(options: StateStoreOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
  }

  /** Finds what earlier runs left. Throws where the folder can not be used. */
  static async open(options: StateStoreOptions): Promise<StateStore> {
    const store = new StateStore(options, await openStateFolder(options.folder));
    await store.#scan();
    await store.#makeRoom(0);
    return store;
  }

  get bytes(): number {
    return [...this.#files.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Files that were removed because they could not be trusted. */
  get unusable(): number {
    return this.#unusable;
  }

  /** What can be loaded, most recently used first. */
  get states(): SavedState[] {
    return this.#sorted().flatMap(({ state }) => state ?? []);
  }

  /** The state that covers the most leading tokens, and how many. */
  longest(tokens: readonly number[]): { state: SavedState | undefined; length: number } {
    let best: { state: SavedState | undefined; length: number } = { state: undefined, length: 0 };
    for (const { state } of this.#files.values()) {
      if (!state) continue;
      const length = commonPrefixLength(state.tokens, tokens);
      if (length > best.length) best = { state, length };
    }
    return best;
  }

  has(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  /** It was of use just now, wherever it was taken from. */
  touch(id: string): void {
    const file = this.#find(id);
    if (file) file.usedAtMs = this.#options.clock.nowMs();
  }

  /** Checks the file, then hands it to `load`. False where that did not work; the file is gone then. */
  async restore(state: SavedState, load: (path: string) => Promise<void>): Promise<boolean> {
    const file = this.#find(state.id);
    if (!file) return false;
    const path = join(this.#folder, file.name);
    try {
      if ((await checksumOf(path)) !== file.checksum) throw new Error("its bytes are not those that were saved");
      await load(path);
    } catch (error) {
      await this.#discard(file, error);
      return false;
    }
    this.touch(state.id);
    const usedAt = new Date(file.usedAtMs);
    // For the order of eviction after a restart only.
    await utimes(path, usedAt, usedAt).catch(() => undefined);
    return true;
  }

  /** Keeps what `write` writes as the state of `tokens`. Returns its bytes, 0 where it could not be kept. Never rejects. */
  save(tokens: readonly number[], write: (path: string) => Promise<void>): Promise<number> {
    const saved = this.#saving.then(() => this.#save(tokens, write));
    this.#saving = saved;
    return saved;
  }

  async #save(tokens: readonly number[], write: (path: string) => Promise<void>): Promise<number> {
    const key = stateKey(this.#options.setup, tokens);
    const temporary = join(this.#folder, `${key}.${process.pid}.${this.#serial++}${TEMPORARY}`);
    try {
      await this.#scan();
      const known = this.#sorted().find((file) => file.key === key);
      if (known) return known.bytes;
      await write(temporary);
      const { size } = await stat(temporary);
      if (!(await this.#makeRoom(size))) {
        const { maxBytes } = this.#options;
        this.#options.logger.warn({ bytes: size, maxBytes }, "a prefix state is larger than all that may be kept");
        return 0;
      }
      const checksum = await checksumOf(temporary);
      const name = formatStateFileName({ key, checksum });
      await rename(temporary, join(this.#folder, name));
      const usedAtMs = this.#options.clock.nowMs();
      this.#files.set(name, { name, key, checksum, bytes: size, usedAtMs, state: this.#stateOf(tokens) });
      return size;
    } catch (error) {
      this.#options.logger.warn({ err: error }, "a prefix state could not be saved; it lives in its slot only");
      return 0;
    } finally {
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }

  /** Brings the index up to the folder: other processes of this user may save and remove there too. */
  async #scan(): Promise<void> {
    const names = await readdir(this.#folder);
    const present = new Set(names);
    for (const name of this.#files.keys()) if (!present.has(name)) this.#files.delete(name);
    for (const name of names) {
      if (name.endsWith(TEMPORARY)) await this.#removeAbandoned(name);
      else if (!this.#files.has(name)) await this.#index(name);
    }
  }

  async #index(name: string): Promise<void> {
    const parsed = parseStateFileName(name);
    if (!parsed) return;
    const path = join(this.#folder, name);
    const { setup } = this.#options;
    try {
      const { size, mtimeMs } = await stat(path);
      const file: StateFile = { name, ...parsed, bytes: size, usedAtMs: mtimeMs, state: undefined };
      const tokens = await readStateTokens(path, Math.floor(size / BYTES_PER_TOKEN));
      if (!tokens) return await this.#discard(file, new Error("its head can not be read"));
      const isOwn = stateKey(setup, tokens) === parsed.key;
      this.#files.set(name, { ...file, state: isOwn ? this.#stateOf(tokens) : undefined });
    } catch (error) {
      // Another process may have removed it since it was listed.
      if (!isMissing(error)) this.#options.logger.warn({ err: error, name }, "a prefix state can not be looked at");
    }
  }

  #stateOf(tokens: readonly number[]): SavedState {
    return { id: prefixId(this.#options.setup.modelSha256, tokens), tokens: [...tokens] };
  }

  /** Removes the least recently used files until `bytes` more fit. False where they never will. */
  async #makeRoom(bytes: number): Promise<boolean> {
    const { maxBytes } = this.#options;
    if (bytes > maxBytes) return false;
    const byAge = this.#sorted().reverse();
    let total = this.bytes + bytes;
    let count = byAge.length + (bytes > 0 ? 1 : 0);
    for (const file of byAge) {
      if (total <= maxBytes && count <= MAX_FILES) break;
      await this.#remove(file);
      total -= file.bytes;
      count -= 1;
    }
    return true;
  }

  async #discard(file: StateFile, error: unknown): Promise<void> {
    await this.#remove(file);
    // Gone is not broken: another process gave it up.
    if (isMissing(error)) return;
    this.#unusable += 1;
    const details = { err: error, file: file.name, unusable: this.#unusable };
    this.#options.logger.warn(details, "a prefix state can not be used and was removed");
  }

  async #remove({ name }: StateFile): Promise<void> {
    this.#files.delete(name);
    await rm(join(this.#folder, name), { force: true }).catch((error: unknown) =>
      this.#options.logger.warn({ err: error, name }, "a prefix state can not be removed"),
    );
  }

  async #removeAbandoned(name: string): Promise<void> {
    const path = join(this.#folder, name);
    const written = await stat(path).catch(() => undefined);
    if (!written || this.#options.clock.nowMs() - written.mtimeMs < ABANDONED_MS) return;
    await rm(path, { force: true }).catch(() => undefined);
  }

  #find(id: string): StateFile | undefined {
    for (const file of this.#files.values()) if (file.state?.id === id) return file;
    return undefined;
  }

  /** Most recently used first. */
  #sorted(): StateFile[] {
    return [...this.#files.values()].sort((a, b) => b.usedAtMs - a.usedAtMs);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
