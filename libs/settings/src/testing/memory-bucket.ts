// A bucket without NATS: the same promises, with outages and delays that a test decides on.
import type { Bucket, BucketEntry } from "@chimera/events";
import { UnavailableError } from "@chimera/kernel";

type Watcher = (entry: BucketEntry) => Promise<void> | void;

export class MemoryBucket implements Bucket {
  readonly #history: number;
  entries: BucketEntry[] = [];
  isAway = false;
  /** Awaited before every call: lets others get between two of them. */
  delay: () => Promise<void> = async () => undefined;
  readonly #watchers = new Set<Watcher>();
  /** What is told to watchers, one after the other. */
  told = Promise.resolve();
  #revision = 0;

  constructor(history = 64) {
    this.#history = history;
  }

  async get(): Promise<BucketEntry | undefined> {
    await this.#reach();
    return this.entries.at(-1);
  }

  async put(_key: string, value: Uint8Array, revision: number): Promise<number | undefined> {
    await this.#reach();
    if (revision !== (this.entries.at(-1)?.revision ?? 0)) return undefined;
    this.#revision += 1;
    const entry = { value, revision: this.#revision };
    this.entries = [...this.entries, entry].slice(-this.#history);
    this.#tell(entry);
    return entry.revision;
  }

  async history(): Promise<BucketEntry[]> {
    await this.#reach();
    return this.entries;
  }

  watch(_key: string, handle: Watcher) {
    this.#watchers.add(handle);
    this.tellAgain();
    return {
      stop: async () => {
        this.#watchers.delete(handle);
        await this.told;
      },
    };
  }

  /** As after an outage. */
  tellAgain(): void {
    const last = this.entries.at(-1);
    if (last) this.#tell(last);
  }

  #tell(entry: BucketEntry): void {
    if (this.isAway) return;
    const watchers = [...this.#watchers];
    this.told = this.told.then(async () => {
      for (const handle of watchers) await handle(entry);
    });
  }

  async #reach(): Promise<void> {
    await this.delay();
    if (this.isAway) throw new UnavailableError("no NATS");
  }
}
