// The mesh's events over NATS JetStream. Publishing never waits and never fails the caller; reading goes on through outages.
import { systemClock, UnavailableError } from "@chimera/kernel";
import { injectTrace, names, tracer } from "@chimera/telemetry";
import { type JetStreamClient, jetstream } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { context, SpanKind, trace } from "@opentelemetry/api";
import { type Bucket, type BucketOptions, type Link, NatsBucket } from "./bucket.ts";
import { type ChimeraEvent, destinationName, type EventKind, encode, subjectOf } from "./codec.ts";
import { connectNats, RETRY_MS } from "./connection.ts";
import { type Consumption, ConsumptionLoop, type EventHandler, openDurable, openOrdered } from "./consumption.ts";
import { eventAt, type Replay, replay } from "./history.ts";
import { type Listening, LiveChannel } from "./live.ts";
import { type AppendLog, StreamLog } from "./log/stream-log.ts";
import { Outbox, type OutboxEntry } from "./outbox.ts";
import { checkServer, ensureStream } from "./stream.ts";

export interface EventBus {
  /** Never throws and never waits. `id` names the event: published twice under one id it is stored once. */
  publish(event: ChimeraEvent, id: string): void;
  /** Reads from a position that is kept under `durable`; an event is acknowledged after its handler. */
  consume(options: { durable: string; kinds: readonly EventKind[]; handle: EventHandler }): Promise<Consumption>;
  /** Reads the whole stream from its beginning, or from `sinceMs` on, then follows it. */
  follow(options: { kinds: readonly EventKind[]; handle: EventHandler; sinceMs?: number }): Promise<Consumption>;
  /**
   * Reads what the stream holds from `sinceMs` until now, once. Throws UnavailableError where NATS is away or goes away for
   * longer, and the signal's reason.
   */
  replay(options: Replay): Promise<void>;
  /** The event at a place of the stream; undefined where it is gone. Throws UnavailableError where NATS is away. */
  eventAt(kind: EventKind, sequence: number): Promise<ChimeraEvent | undefined>;
  /** A log that can only grow, in a stream of its own, for example "LEDGER". */
  openLog(name: string): AppendLog;
  /**
   * Tells whoever listens now, over core NATS: no outbox, no copy in the stream, no span, and dropped without a word while
   * disconnected. Never throws and never waits.
   */
  announce(event: ChimeraEvent): void;
  /** Hears what is announced from now on; goes on through outages, and misses what is announced during them. */
  listen(options: Listening): Consumption;
  /** Values that the mesh shares, over this connection. What watches them is to be stopped before close(). */
  bucket(options: BucketOptions): Bucket;
  readonly connected: boolean;
  /** queued: not yet stored; dropped: given up because a bound was reached. */
  readonly outbox: { readonly queued: number; readonly dropped: number; readonly published: number };
  /** Sends what is queued, as far as NATS can be reached, stops reading and disconnects. */
  close(): Promise<void>;
}

export interface BusLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface BusOptions {
  url: string;
  name: string;
  logger: BusLogger;
  /** Bounds of the outbox; about an hour of outage at 14 requests per second. */
  maxQueuedEvents?: number;
  maxQueuedBytes?: number;
  /** How long close() waits for queued events. */
  flushMs?: number;
}

const ACK_TIMEOUT_MS = 5000;
const CONNECT_WAIT_MS = 3000;
const MAX_IN_FLIGHT = 256;
/** A write of its own for each event was a fifth of what a router spends on a stored answer. */
const GATHER_MS = 10;
const COMPLAIN_EVERY_MS = 30_000;

/** Resolves at once, whether NATS is there or not; it connects, and connects again, in the background. */
export async function connectEvents(options: BusOptions): Promise<EventBus> {
  return new NatsBus(options);
}

class NatsBus implements EventBus {
  readonly #options: BusOptions;
  readonly #outbox: Outbox;
  /** One entry per consume() or follow() and kind that was not stopped. */
  readonly #loops = new Set<Consumption>();
  readonly #live: LiveChannel;
  readonly #startedAtMs = systemClock.nowMs();
  readonly #running: Promise<void>;
  #closed = Promise.withResolvers<void>();
  #isClosed = false;
  #client: JetStreamClient | undefined;
  #ready = Promise.withResolvers<JetStreamClient>();
  /** Aborted when the client is not connected any more. */
  #lossOf = new AbortController();
  #repairing: Promise<void> | undefined;
  #quietUntilMs = 0;

  constructor(options: BusOptions) {
    this.#options = options;
    this.#outbox = new Outbox({
      send: (entry) => this.#send(entry),
      maxEvents: options.maxQueuedEvents ?? 50_000,
      maxBytes: options.maxQueuedBytes ?? 64 * 1024 * 1024,
      maxInFlight: MAX_IN_FLIGHT,
      gatherMs: GATHER_MS,
    });
    this.#live = new LiveChannel((error) =>
      this.#options.logger.warn({ err: error }, "an announcement could not be sent or handled"),
    );
    this.#running = this.#run();
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }

  get outbox(): Outbox {
    return this.#outbox;
  }

  publish(event: ChimeraEvent, id: string): void {
    const destination = destinationName(event.kind);
    const span = tracer().startSpan(`send ${destination}`, {
      kind: SpanKind.PRODUCER,
      attributes: {
        [names.messagingSystem]: "nats",
        [names.messagingDestination]: destination,
        [names.messagingOperation]: "send",
        [names.messagingOperationType]: "send",
        [names.messagingMessageId]: id,
      },
    });
    const carried = headers();
    injectTrace((key, value) => carried.set(key, value), trace.setSpan(context.active(), span));
    const settled = (error?: Error) => {
      if (error) span.setAttribute(names.errorType, error.name);
      span.end();
    };
    let payload: Uint8Array;
    try {
      payload = encode(event);
    } catch (error) {
      settled(error as Error);
      this.#options.logger.warn({ err: error, kind: event.kind }, "an event can not be encoded and is lost");
      return;
    }
    const entry = { id, subject: subjectOf(event), payload, headers: carried, attempts: 0, settled };
    if (!this.#outbox.add(entry) && Number.isInteger(Math.log2(this.#outbox.dropped))) {
      this.#options.logger.warn({ dropped: this.#outbox.dropped }, "the outbox is full, events are dropped");
    }
  }

  async consume(options: { durable: string; kinds: readonly EventKind[]; handle: EventHandler }): Promise<Consumption> {
    return this.#read(options, true, async (kind) => openDurable(await this.#ready.promise, options.durable, kind));
  }

  async follow(options: { kinds: readonly EventKind[]; handle: EventHandler; sinceMs?: number }): Promise<Consumption> {
    const { sinceMs } = options;
    return this.#read(options, false, async (kind, lastSequence) =>
      openOrdered(await this.#ready.promise, kind, { lastSequence, sinceMs }),
    );
  }

  async replay(options: Replay): Promise<void> {
    await replay(await this.#connectedClient(options.signal), options);
  }

  async eventAt(kind: EventKind, sequence: number): Promise<ChimeraEvent | undefined> {
    return eventAt(await this.#connectedClient(), kind, sequence);
  }

  openLog(name: string): AppendLog {
    return new StreamLog({ name, client: (signal) => this.#connectedClient(signal) });
  }

  announce(event: ChimeraEvent): void {
    if (this.connected) this.#live.announce(event);
  }

  listen(options: Listening): Consumption {
    return this.#live.listen(options);
  }

  bucket(options: BucketOptions): Bucket {
    return new NatsBucket({
      ...options,
      client: () => this.#connectedClient(),
      link: () => this.#link(),
      onError: (error) =>
        this.#options.logger.warn({ err: error, bucket: options.name }, "watching a bucket failed, trying again"),
    });
  }

  async close(): Promise<void> {
    // Reading ends first: a handler may still publish.
    await Promise.all([...this.#loops].map((loop) => loop.stop()));
    if (this.#client) await this.#outbox.flush(this.#options.flushMs ?? 3000);
    this.#isClosed = true;
    this.#closed.resolve();
    await this.#running;
    if (this.#outbox.queued > 0) {
      this.#options.logger.warn({ queued: this.#outbox.queued }, "closing with events that were never stored");
    }
  }

  #read(
    options: { kinds: readonly EventKind[]; handle: EventHandler },
    acked: boolean,
    open: (kind: EventKind, lastSequence: number) => ReturnType<typeof openOrdered>,
  ): Consumption {
    const loops = options.kinds.map(
      (kind) =>
        new ConsumptionLoop(
          {
            kind,
            handle: options.handle,
            open: (lastSequence) => open(kind, lastSequence),
            acked,
            onError: (error) => this.#options.logger.warn({ err: error, kind }, "reading events failed, trying again"),
          },
          this.#startedAtMs,
        ),
    );
    for (const loop of loops) this.#loops.add(loop);
    return {
      stop: async () => {
        await Promise.all(loops.map((loop) => loop.stop()));
        for (const loop of loops) this.#loops.delete(loop);
      },
    };
  }

  /** For those who wait for an answer: NATS that is away for longer is an error to them. */
  async #connectedClient(signal?: AbortSignal): Promise<JetStreamClient> {
    const client = await Promise.race([this.#ready.promise, sleep(CONNECT_WAIT_MS)]);
    signal?.throwIfAborted();
    if (client === undefined) throw new UnavailableError("no NATS: what it keeps can not be read");
    return client;
  }

  async #link(): Promise<Link> {
    const client = await this.#ready.promise;
    return { client, lost: this.#lossOf.signal };
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const connection = await connectNats(this.#options);
        await Promise.race([this.#serve(connection), this.#closed.promise]);
        this.#lost();
        this.#live.disconnected();
        await connection.drain().catch(() => connection.close());
      } catch (error) {
        this.#complain(error);
      }
      if (!this.#isClosed) await Promise.race([sleep(RETRY_MS), this.#closed.promise]);
    }
  }

  /** Said once per outage, then twice a minute: an outage of hours must not fill the log. */
  #complain(error: unknown): void {
    const nowMs = systemClock.monotonicMs();
    if (nowMs < this.#quietUntilMs) return;
    this.#quietUntilMs = nowMs + COMPLAIN_EVERY_MS;
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.logger.warn({ url: withoutPassword(this.#options.url), reason }, "no NATS, trying again");
  }

  /** Resolves when the connection is closed for good. */
  async #serve(connection: NatsConnection): Promise<void> {
    const client = jetstream(connection, { timeout: ACK_TIMEOUT_MS });
    checkServer(connection);
    await this.#prepare(client);
    this.#options.logger.info({ server: connection.getServer(), version: connection.info?.version }, "NATS connected");
    this.#live.connected(connection);
    this.#found(client);
    const watching = (async () => {
      for await (const status of connection.status()) {
        if (status.type === "disconnect") this.#lost();
        else if (status.type === "reconnect")
          await this.#prepare(client).then(
            () => this.#found(client),
            () => undefined,
          );
      }
    })();
    await Promise.race([connection.closed(), watching]);
  }

  async #prepare(client: JetStreamClient): Promise<void> {
    const differing = await ensureStream(await client.jetstreamManager());
    if (differing.length > 0)
      this.#options.logger.warn({ settings: differing }, "the server changed the stream's settings");
  }

  #found(client: JetStreamClient): void {
    this.#client = client;
    this.#lossOf = new AbortController();
    this.#quietUntilMs = 0;
    this.#ready.resolve(client);
    this.#outbox.open();
  }

  #lost(): void {
    if (!this.#client) return;
    this.#client = undefined;
    this.#lossOf.abort();
    this.#ready = Promise.withResolvers();
    this.#outbox.pause();
    if (!this.#isClosed) this.#options.logger.warn({ queued: this.#outbox.queued }, "NATS lost, events wait");
  }

  async #send(entry: OutboxEntry): Promise<void> {
    const client = this.#client;
    if (!client) throw new Error("not connected");
    try {
      await client.publish(entry.subject, entry.payload, { msgID: entry.id, headers: entry.headers });
    } catch (error) {
      // Pausing here keeps a broken stream from being hammered; the repair opens the outbox again.
      this.#outbox.pause();
      this.#repair(client);
      throw error;
    }
  }

  /** After a failed publish on a live connection: the stream may be gone or its leader away. */
  #repair(client: JetStreamClient): void {
    this.#repairing ??= (async () => {
      while (!this.#isClosed && this.#client === client) {
        try {
          await this.#prepare(client);
          this.#outbox.open();
          return;
        } catch {
          await Promise.race([sleep(RETRY_MS), this.#closed.promise]);
        }
      }
    })().finally(() => {
      this.#repairing = undefined;
    });
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@\s]+@/g, "//[redacted]@");
}
