// A log that can only grow, in a stream of its own: every record is kept, none can be deleted, and a record is only taken by
// whoever knew the one before it.
import { FailedPreconditionError, UnavailableError } from "@chimera/kernel";
import {
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { nextMessage } from "../history.ts";
import { isWrongSequence } from "./wrong-sequence.ts";

export interface LogEntry {
  /** 1 for the first record; no number is ever missing. */
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** Every call throws UnavailableError where NATS is away. */
export interface AppendLog {
  /**
   * `after` is the sequence of the last record its writer knows. Throws FailedPreconditionError where there is a newer one, or
   * where the log is full.
   */
  append(payload: Uint8Array, after: number): Promise<void>;
  /** What is there now behind `after`, in order; then ends. */
  read(after: number, signal?: AbortSignal): AsyncGenerator<LogEntry, void, undefined>;
  /** Sequence of the last record, 0 where there is none. */
  lastSequence(): Promise<number>;
}

export interface StreamLogOptions {
  /** In capitals, for example "LEDGER". */
  name: string;
  client(signal?: AbortSignal): Promise<JetStreamClient>;
}

/** Room for about a quarter of a million records; a full log refuses what is new and lets nothing old go. */
const MAX_BYTES = 256 * 1024 * 1024;
const MAX_RECORD_BYTES = 256 * 1024;
/** Records buffered in the client, at most. */
const BUFFERED = 256;

export class StreamLog implements AppendLog {
  readonly #options: StreamLogOptions;
  readonly #wanted: Partial<StreamConfig> & { name: string };
  readonly #subject: string;

  constructor(options: StreamLogOptions) {
    this.#options = options;
    this.#subject = `chimera.log.${options.name.toLowerCase()}`;
    this.#wanted = {
      name: `CHIMERA_${options.name}`,
      subjects: [this.#subject],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_age: 0,
      max_bytes: MAX_BYTES,
      max_msg_size: MAX_RECORD_BYTES,
      deny_delete: true,
      deny_purge: true,
      num_replicas: 1,
    };
  }

  async append(payload: Uint8Array, after: number): Promise<void> {
    if (payload.length > MAX_RECORD_BYTES) {
      throw new FailedPreconditionError(
        `a record of ${payload.length} bytes is too large: at most ${MAX_RECORD_BYTES}`,
      );
    }
    await this.#with(async (client) => {
      await this.#ensure(client);
      await client.publish(this.#subject, payload, { expect: { lastSequence: after } });
    });
  }

  async *read(after: number, signal?: AbortSignal): AsyncGenerator<LogEntry, void, undefined> {
    const { last, messages } = await this.#with(async (client) => {
      const last = await this.#ensure(client);
      if (last <= after) return { last, messages: undefined };
      const consumer = await client.consumers.get(this.#wanted.name, {
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: after + 1,
      });
      return { last, messages: await consumer.consume({ max_messages: BUFFERED }) };
    }, signal);
    if (messages === undefined) return;
    const iterator = messages[Symbol.asyncIterator]();
    try {
      for (;;) {
        const message = await nextMessage(iterator, signal);
        if (message === undefined) throw new UnavailableError(`NATS ended the reading of ${this.#wanted.name}`);
        if (message.seq > last) return;
        yield { sequence: message.seq, payload: message.data };
        if (message.seq === last) return;
      }
    } finally {
      // Left first: closing waits for whoever reads to take the end.
      void iterator.return?.();
      await messages.close().catch(() => undefined);
    }
  }

  lastSequence(): Promise<number> {
    return this.#with((client) => this.#ensure(client));
  }

  /** Creates the stream where it is not there; its settings are never changed afterwards. Returns its last sequence. */
  async #ensure(client: JetStreamClient): Promise<number> {
    const manager = await client.jetstreamManager();
    const { state } = await manager.streams.info(this.#wanted.name).catch((error: unknown) => {
      if (!(error instanceof JetStreamApiError)) throw error;
      return manager.streams.add(this.#wanted);
    });
    return state.last_seq;
  }

  async #with<T>(use: (client: JetStreamClient) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const client = await this.#options.client(signal);
    try {
      return await use(client);
    } catch (error) {
      if (isWrongSequence(error)) {
        throw new FailedPreconditionError(`${this.#wanted.name} has a newer record`, { cause: error });
      }
      if (error instanceof JetStreamApiError) {
        throw new FailedPreconditionError(`${this.#wanted.name} took nothing: ${error.message}`, { cause: error });
      }
      throw new UnavailableError(`${this.#wanted.name} can not be reached`, { cause: error });
    }
  }
}
