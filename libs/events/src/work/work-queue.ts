// Work that many processes share, over NATS: tasks go to whoever is free and come back when their worker dies, results are
// stored once each, and a record per run says what it is and whether it is still wanted.
import { FailedPreconditionError, UnavailableError } from "@chimera/kernel";
import { DeliverPolicy, JetStreamApiError, type JetStreamClient, jetstream } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { BusLogger } from "../bus.ts";
import { connectNats, RETRY_MS } from "../connection.ts";
import type { Consumption } from "../consumption.ts";
import { isWrongSequence } from "../log/wrong-sequence.ts";
import { checkServer } from "../stream.ts";
import { MAX_MESSAGE_BYTES, WorkStreams } from "./streams.ts";
import { TaskLoop, type TaskOptions } from "./task-loop.ts";

export interface StoredResult {
  key: string;
  payload: Uint8Array;
  storedAtMs: number;
}

export type ResultEvent = { kind: "result"; result: StoredResult } | { kind: "caught-up" };

export interface RunRecordEntry {
  run: string;
  payload: Uint8Array;
  /** Grows with every write of the record. */
  revision: number;
}

/** Names of runs and keys are single tokens of letters, digits, - and _. Every call throws UnavailableError without NATS. */
export interface WorkQueue {
  readonly connected: boolean;
  /** Resolves when NATS is there, or after the time with false. */
  whenConnected(timeoutMs: number): Promise<boolean>;
  enqueue(run: string, payload: Uint8Array): Promise<void>;
  /** Takes back what nobody works on yet, and what others work on is not given to anybody again. */
  discard(run: string): Promise<void>;
  /** Tasks of a run that wait or are worked on. */
  queued(run: string): Promise<number>;
  /** Works on tasks of every run until stopped; goes on through outages. */
  work(options: TaskOptions): Consumption;
  /** False where the key has a result already, which stays. */
  store(run: string, key: string, payload: Uint8Array): Promise<boolean>;
  isStored(run: string, key: string): Promise<boolean>;
  /** Forgets every result of the run. */
  discardResults(run: string): Promise<void>;
  /** The results that are stored, "caught-up", then those that come. Ends with the signal's reason. */
  results(run: string, signal: AbortSignal): AsyncGenerator<ResultEvent, void, undefined>;
  record(run: string): Promise<RunRecordEntry | undefined>;
  /** `revision` is that of the record it replaces, 0 for none. Throws FailedPreconditionError where another one was faster. */
  writeRecord(entry: RunRecordEntry): Promise<number>;
  /** Tells every record there is, then each change; goes on through outages. */
  watchRecords(handle: (entry: RunRecordEntry) => void): Consumption;
  close(): Promise<void>;
}

export interface WorkQueueOptions {
  url: string;
  /** What the server calls this connection. */
  name: string;
  /** Kind of work, for example "EVALUATION". */
  work: string;
  logger: BusLogger;
}

const REQUEST_TIMEOUT_MS = 5000;
const CONNECT_WAIT_MS = 3000;
/** Results buffered in the client, at most. */
const BUFFERED = 512;

interface Opened {
  client: JetStreamClient;
  records: KV;
}

/** Returns at once, whether NATS is there or not; it connects, and connects again, in the background. */
export function openWorkQueue(options: WorkQueueOptions): WorkQueue {
  return new NatsWorkQueue(options);
}

class NatsWorkQueue implements WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #streams: WorkStreams;
  /** One entry per work() or watchRecords() that was not stopped. */
  readonly #reading = new Set<Consumption>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #isClosed = false;
  #opened: Opened | undefined;
  #ready = Promise.withResolvers<Opened>();

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#streams = new WorkStreams(options.work);
    this.#running = this.#run();
  }

  get connected(): boolean {
    return this.#opened !== undefined;
  }

  async whenConnected(timeoutMs: number): Promise<boolean> {
    if (this.connected) return true;
    return (await Promise.race([this.#ready.promise, sleep(timeoutMs)])) !== undefined;
  }

  async enqueue(run: string, payload: Uint8Array): Promise<void> {
    if (payload.length > MAX_MESSAGE_BYTES) {
      throw new FailedPreconditionError(`a task of ${payload.length} bytes is too large: at most ${MAX_MESSAGE_BYTES}`);
    }
    await this.#with(({ client }) => client.publish(this.#streams.taskSubject(run), payload));
  }

  async discard(run: string): Promise<void> {
    await this.#with(async ({ client }) =>
      (await client.jetstreamManager()).streams.purge(this.#streams.tasks, { filter: this.#streams.taskSubject(run) }),
    );
  }

  async queued(run: string): Promise<number> {
    const subject = this.#streams.taskSubject(run);
    const info = await this.#with(async ({ client }) =>
      (await client.jetstreamManager()).streams.info(this.#streams.tasks, { subjects_filter: subject }),
    );
    return info.state.subjects?.[subject] ?? 0;
  }

  work(options: TaskOptions): Consumption {
    const open = async () => {
      const { client } = await this.#ready.promise;
      return client.consumers.get(this.#streams.tasks, this.#streams.reader);
    };
    const onError = (error: unknown) =>
      this.#options.logger.warn({ err: error }, "working on tasks failed, trying again");
    return this.#stoppable(new TaskLoop({ ...options, open, onError }));
  }

  async store(run: string, key: string, payload: Uint8Array): Promise<boolean> {
    try {
      const acked = await this.#with(({ client }) =>
        client.publish(this.#streams.resultSubject(run, key), payload, {
          msgID: `${run}/${key}`,
          // The id is remembered for minutes, the result for a day.
          expect: { lastSubjectSequence: 0 },
        }),
      );
      return !acked.duplicate;
    } catch (error) {
      if (isWrongSequence(error)) return false;
      throw error;
    }
  }

  async isStored(run: string, key: string): Promise<boolean> {
    const found = await this.#with(async ({ client }) =>
      (await client.jetstreamManager()).streams.getMessage(this.#streams.results, {
        last_by_subj: this.#streams.resultSubject(run, key),
      }),
    );
    return found !== null;
  }

  async discardResults(run: string): Promise<void> {
    await this.#with(async ({ client }) =>
      (await client.jetstreamManager()).streams.purge(this.#streams.results, {
        filter: this.#streams.resultSubject(run, "*"),
      }),
    );
  }

  async *results(run: string, signal: AbortSignal): AsyncGenerator<ResultEvent, void, undefined> {
    signal.throwIfAborted();
    const messages = await this.#with(async ({ client }) => {
      const consumer = await client.consumers.get(this.#streams.results, {
        filter_subjects: this.#streams.resultSubject(run, "*"),
        deliver_policy: DeliverPolicy.All,
      });
      const { num_pending: pending } = await consumer.info();
      return { pending, stream: await consumer.consume({ max_messages: BUFFERED }) };
    });
    const iterator = messages.stream[Symbol.asyncIterator]();
    const aborted = Promise.withResolvers<undefined>();
    const stop = () => {
      aborted.resolve(undefined);
      void messages.stream.close().catch(() => undefined);
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      let missing = messages.pending;
      if (missing === 0) yield { kind: "caught-up" };
      for (;;) {
        const step = await Promise.race([iterator.next(), aborted.promise]);
        signal.throwIfAborted();
        if (step === undefined || step.done) throw new UnavailableError("NATS ended the reading of results");
        const { subject, data, time } = step.value;
        const result = { key: this.#streams.keyOf(subject), payload: data, storedAtMs: time.getTime() };
        yield { kind: "result", result };
        missing -= 1;
        if (missing === 0) yield { kind: "caught-up" };
      }
    } finally {
      signal.removeEventListener("abort", stop);
      // Left first: closing waits for whoever reads to take the end.
      void iterator.return?.();
      stop();
    }
  }

  async record(run: string): Promise<RunRecordEntry | undefined> {
    const entry = await this.#with(({ records }) => records.get(run));
    if (entry === null || entry.operation !== "PUT") return undefined;
    return { run, payload: entry.value, revision: entry.revision };
  }

  async writeRecord({ run, payload, revision }: RunRecordEntry): Promise<number> {
    try {
      return await this.#with(({ records }) => records.put(run, payload, { previousSeq: revision }));
    } catch (error) {
      if (!isWrongSequence(error)) throw error;
      throw new FailedPreconditionError(`the run ${run} was changed by another evaluator meanwhile`, { cause: error });
    }
  }

  watchRecords(handle: (entry: RunRecordEntry) => void): Consumption {
    const stopping = Promise.withResolvers<void>();
    let isStopped = false;
    let stopWatch = () => {};
    const watching = (async () => {
      while (!isStopped) {
        try {
          const opened = await Promise.race([this.#ready.promise, stopping.promise]);
          if (opened === undefined || isStopped) return;
          const watch = await opened.records.watch();
          stopWatch = () => watch.stop();
          for await (const { key, value, revision, operation } of watch) {
            if (operation === "PUT") handle({ run: key, payload: value, revision });
          }
        } catch (error) {
          this.#options.logger.warn({ err: error }, "watching runs failed, trying again");
        }
        if (!isStopped) await Promise.race([sleep(RETRY_MS), stopping.promise]);
      }
    })();
    return this.#stoppable({
      stop: async () => {
        isStopped = true;
        stopping.resolve();
        stopWatch();
        await watching;
      },
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#reading].map((each) => each.stop()));
    this.#isClosed = true;
    this.#closed.resolve();
    await this.#running;
  }

  #stoppable(inner: Consumption): Consumption {
    const outer = {
      stop: async () => {
        await inner.stop();
        this.#reading.delete(outer);
      },
    };
    this.#reading.add(outer);
    return outer;
  }

  /** For those who wait for an answer: NATS that is away for longer is an error to them. */
  async #with<T>(use: (opened: Opened) => Promise<T>): Promise<T> {
    const opened = this.#opened ?? (await Promise.race([this.#ready.promise, sleep(CONNECT_WAIT_MS)]));
    if (opened === undefined) throw new UnavailableError("no NATS: work can not be shared");
    try {
      return await use(opened);
    } catch (error) {
      if (error instanceof JetStreamApiError || error instanceof FailedPreconditionError) throw error;
      throw new UnavailableError(`NATS does not answer: ${reasonOf(error)}`, { cause: error });
    }
  }

  async #run(): Promise<void> {
    let complained = false;
    while (!this.#isClosed) {
      try {
        const connection = await connectNats(this.#options);
        complained = false;
        await Promise.race([this.#serve(connection), this.#closed.promise]);
        this.#lost();
        await connection.drain().catch(() => connection.close());
      } catch (error) {
        // Once per outage; the bus beside this says the same twice a minute.
        if (!complained)
          this.#options.logger.warn({ reason: reasonOf(error) }, "no NATS for shared work, trying again");
        complained = true;
      }
      if (!this.#isClosed) await Promise.race([sleep(RETRY_MS), this.#closed.promise]);
    }
  }

  async #serve(connection: NatsConnection): Promise<void> {
    const client = jetstream(connection, { timeout: REQUEST_TIMEOUT_MS });
    checkServer(connection);
    await this.#open(client);
    const watching = (async () => {
      for await (const status of connection.status()) {
        if (status.type === "disconnect") this.#lost();
        else if (status.type === "reconnect") await this.#open(client).catch(() => undefined);
      }
    })();
    await Promise.race([connection.closed(), watching]);
  }

  /** A server that comes back may have lost its streams. */
  async #open(client: JetStreamClient): Promise<void> {
    const records = await this.#streams.ensure(client);
    this.#opened = { client, records };
    this.#ready.resolve(this.#opened);
  }

  #lost(): void {
    if (!this.#opened) return;
    this.#opened = undefined;
    this.#ready = Promise.withResolvers();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function sleep(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined));
}
