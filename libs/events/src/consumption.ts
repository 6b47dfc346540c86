// Reading events: a loop that survives lost connections and deleted consumers, hands each event to a handler inside its own
// span, and stops only when told to.

import { extractTrace, failSpan, names, tracer } from "@chimera/telemetry";
import { AckPolicy, type ConsumerMessages, DeliverPolicy, type JetStreamClient, type JsMsg } from "@nats-io/jetstream";
import { context, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { type ChimeraEvent, destinationName, type EventKind, subjectFilter } from "./codec.ts";
import { receivedEvent } from "./history.ts";
import { STREAM } from "./stream.ts";

export interface ReceivedEvent {
  event: ChimeraEvent;
  /** The id it was published under; equal ids are the same event. */
  id: string;
  /** Position in the stream. */
  sequence: number;
  /** When the stream stored it, epoch milliseconds. */
  receivedAtMs: number;
}

export type EventHandler = (event: ReceivedEvent) => Promise<void> | void;

export interface Consumption {
  /** Resolves after the event being handled is done. */
  stop(): Promise<void>;
}

export interface LoopOptions {
  kind: EventKind;
  handle: EventHandler;
  /** Opens the next run; called again after every interruption. `lastSequence` is 0 at first. */
  open(lastSequence: number): Promise<ConsumerMessages>;
  /** Acknowledge after the handler, ask again after its failure. */
  acked: boolean;
  onError(error: unknown): void;
}

const RETRY_MS = 500;
/** A message whose handler fails is delivered this often in all, then left. */
const MAX_DELIVERIES = 5;
const ACK_WAIT_NS = 30_000 * 1_000_000;
/** Delivered and not yet acknowledged, at most. */
const MAX_ACK_PENDING = 1000;
/** Buffered in the client, at most. */
const BUFFERED = 256;

export class ConsumptionLoop implements Consumption {
  readonly #options: LoopOptions;
  readonly #startedAtMs: number;
  readonly #done: Promise<void>;
  #messages: ConsumerMessages | undefined;
  #stopping = Promise.withResolvers<void>();
  #stopped = false;
  #lastSequence = 0;

  constructor(options: LoopOptions, startedAtMs: number) {
    this.#options = options;
    this.#startedAtMs = startedAtMs;
    this.#done = this.#loop();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopping.resolve();
    await this.#messages?.close().catch(() => undefined);
    await this.#done;
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      try {
        const opened = await Promise.race([this.#options.open(this.#lastSequence), this.#stopping.promise]);
        if (!opened || this.#stopped) return;
        this.#messages = opened;
        for await (const message of opened) {
          await this.#take(message);
          if (this.#stopped) return;
        }
      } catch (error) {
        if (!this.#stopped) this.#options.onError(error);
      }
      if (!this.#stopped) await Promise.race([sleep(RETRY_MS), this.#stopping.promise]);
    }
  }

  async #take(message: JsMsg): Promise<void> {
    const { kind, handle, acked } = this.#options;
    this.#lastSequence = message.seq;
    try {
      const received = receivedEvent(kind, message);
      await this.#inSpan(message, received, () => handle(received));
      if (acked) message.ack();
    } catch (error) {
      this.#options.onError(error);
      if (acked) message.nak(RETRY_MS);
    }
  }

  /** History read at start gets no spans: its traces ended long ago. */
  async #inSpan(message: JsMsg, received: ReceivedEvent, run: () => Promise<void> | void): Promise<void> {
    if (received.receivedAtMs < this.#startedAtMs - 60_000) return run();
    const parent = extractTrace((key) => message.headers?.get(key));
    const producer = trace.getSpanContext(parent);
    const destination = destinationName(this.#options.kind);
    const span = tracer().startSpan(
      `process ${destination}`,
      {
        kind: SpanKind.CONSUMER,
        links: producer ? [{ context: producer }] : [],
        attributes: {
          [names.messagingSystem]: "nats",
          [names.messagingDestination]: destination,
          [names.messagingOperation]: "process",
          [names.messagingOperationType]: "process",
          [names.messagingMessageId]: received.id,
        },
      },
      producer ? parent : ROOT_CONTEXT,
    );
    try {
      await context.with(trace.setSpan(parent, span), run);
    } catch (error) {
      failSpan(span, error);
      throw error;
    } finally {
      span.end();
    }
  }
}

/** A named position in the stream that several processes share and that survives restarts. */
export async function openDurable(
  client: JetStreamClient,
  durable: string,
  kind: EventKind,
): Promise<ConsumerMessages> {
  const name = `${durable}-${kind}`;
  const manager = await client.jetstreamManager();
  await manager.consumers.add(STREAM, {
    durable_name: name,
    filter_subject: subjectFilter(kind),
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: ACK_WAIT_NS,
    max_deliver: MAX_DELIVERIES,
    max_ack_pending: MAX_ACK_PENDING,
  });
  const consumer = await client.consumers.get(STREAM, name);
  return consumer.consume({ max_messages: BUFFERED, abort_on_missing_resource: true });
}

/** Where an ordered reading goes on: after an event, or, where none was read, at a time; else at the beginning. */
export interface Position {
  lastSequence: number;
  sinceMs?: number | undefined;
}

/** Everything the stream still has from there on, in order, then what comes. Nothing is kept on the server. */
export async function openOrdered(
  client: JetStreamClient,
  kind: EventKind,
  { lastSequence, sinceMs }: Position,
): Promise<ConsumerMessages> {
  const manager = await client.jetstreamManager();
  const { state } = await manager.streams.info(STREAM);
  // A stream that is shorter than what was read is a new one.
  const from = state.last_seq < lastSequence ? 1 : lastSequence + 1;
  const start =
    lastSequence === 0 && sinceMs !== undefined
      ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(sinceMs).toISOString() }
      : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(1, from) };
  const consumer = await client.consumers.get(STREAM, { filter_subjects: subjectFilter(kind), ...start });
  return consumer.consume({ max_messages: BUFFERED });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
