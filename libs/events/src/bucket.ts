// Values that the mesh shares and changes rarely, in a key-value bucket of NATS, over the connection of the bus: written by compare
// and set, watched by everybody, with their past.
import { UnavailableError } from "@chimera/kernel";
import { JetStreamApiError, type JetStreamClient } from "@nats-io/jetstream";
import { type KV, Kvm, type KvWatchEntry } from "@nats-io/kv";
import type { Consumption } from "./consumption.ts";
import { isWrongSequence } from "./log/wrong-sequence.ts";

export interface BucketOptions {
  /** In capitals, for example "CHIMERA_SETTINGS". */
  name: string;
  /** Values of one key that are kept, the newest ones; at most 64. */
  history: number;
  maxValueBytes: number;
}

export interface BucketEntry {
  value: Uint8Array;
  /** Grows with every write. */
  revision: number;
}

/** Every call that waits throws UnavailableError without NATS. */
export interface Bucket {
  get(key: string): Promise<BucketEntry | undefined>;
  /** `revision` is that of the entry it replaces, 0 for none. Undefined, and nothing is written, where another write was faster. */
  put(key: string, value: Uint8Array, revision: number): Promise<number | undefined>;
  /** Oldest first. */
  history(key: string): Promise<BucketEntry[]>;
  /**
   * Tells what there is, then each change, in order and one after the other. After an outage it tells what there is again, and
   * nothing of what came and went meanwhile.
   */
  watch(key: string, handle: (entry: BucketEntry) => Promise<void> | void): Consumption;
}

/** One connected client; `lost` is aborted when it is not connected any more. */
export interface Link {
  client: JetStreamClient;
  lost: AbortSignal;
}

export interface BucketParts extends BucketOptions {
  /** Waits a little for NATS. Throws UnavailableError. */
  client(): Promise<JetStreamClient>;
  /** Waits for NATS as long as it takes. */
  link(): Promise<Link>;
  onError(error: unknown): void;
}

const RETRY_MS = 500;

export class NatsBucket implements Bucket {
  readonly #parts: BucketParts;

  constructor(parts: BucketParts) {
    this.#parts = parts;
  }

  async get(key: string): Promise<BucketEntry | undefined> {
    const entry = await this.#with((values) => values.get(key));
    return entry?.operation === "PUT" ? { value: entry.value, revision: entry.revision } : undefined;
  }

  async put(key: string, value: Uint8Array, revision: number): Promise<number | undefined> {
    try {
      return await this.#with((values) => values.put(key, value, { previousSeq: revision }));
    } catch (error) {
      if (isWrongSequence(error)) return undefined;
      throw error;
    }
  }

  async history(key: string): Promise<BucketEntry[]> {
    return this.#with(async (values) => {
      const entries: BucketEntry[] = [];
      for await (const { operation, value, revision } of await values.history({ key })) {
        if (operation === "PUT") entries.push({ value, revision });
      }
      return entries;
    });
  }

  watch(key: string, handle: (entry: BucketEntry) => Promise<void> | void): Consumption {
    const stopping = new AbortController();
    const watching = this.#watchAll({ key, handle, stopping: stopping.signal });
    return {
      async stop() {
        stopping.abort();
        await watching;
      },
    };
  }

  async #watchAll(watch: {
    key: string;
    handle: Parameters<Bucket["watch"]>[1];
    stopping: AbortSignal;
  }): Promise<void> {
    const { key, handle, stopping } = watch;
    const stopped = new Promise<undefined>((resolve) =>
      stopping.addEventListener("abort", () => resolve(undefined), { once: true }),
    );
    while (!stopping.aborted) {
      try {
        const link = await Promise.race([this.#parts.link(), stopped]);
        if (link === undefined) return;
        // The client would go on by itself after an outage, but not where the server came back without its readers.
        const ended = AbortSignal.any([link.lost, stopping]);
        for await (const { operation, value, revision } of changes(await this.#open(link.client), key, ended)) {
          if (operation === "PUT") await handle({ value, revision });
        }
      } catch (error) {
        if (!stopping.aborted) this.#parts.onError(error);
      }
      await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, RETRY_MS))]);
    }
  }

  async #with<T>(use: (values: KV) => Promise<T>): Promise<T> {
    const client = await this.#parts.client();
    try {
      return await use(await this.#open(client));
    } catch (error) {
      if (error instanceof JetStreamApiError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new UnavailableError(`NATS does not answer: ${reason}`, { cause: error });
    }
  }

  /** Creates the bucket where it is not there: a server that comes back may have lost it. */
  #open(client: JetStreamClient): Promise<KV> {
    const { name, history, maxValueBytes } = this.#parts;
    return new Kvm(client).create(name, {
      history,
      maxValueSize: maxValueBytes,
      max_bytes: 2 * history * maxValueBytes,
    });
  }
}

async function* changes(values: KV, key: string, ended: AbortSignal): AsyncGenerator<KvWatchEntry> {
  const watch = await values.watch({ key });
  const stop = () => watch.stop();
  ended.addEventListener("abort", stop, { once: true });
  try {
    if (ended.aborted) return;
    for await (const entry of watch) {
      yield entry;
      if (ended.aborted) return;
    }
  } finally {
    ended.removeEventListener("abort", stop);
    watch.stop();
  }
}
