// Reading what the stream still holds, once: a window of the past from its beginning to now, or one event by its place.
import { UnavailableError } from "@chimera/kernel";
import { DeliverPolicy, type JetStreamClient, type JsMsg } from "@nats-io/jetstream";
import { type ChimeraEvent, decode, type EventKind, subjectFilter } from "./codec.ts";
import type { ReceivedEvent } from "./consumption.ts";
import { STREAM } from "./stream.ts";

export interface Replay {
  kind: EventKind;
  /** Events the stream stored from then on, epoch milliseconds. */
  sinceMs: number;
  /** Runs once per event, in order; what it throws ends the reading. */
  handle(event: ReceivedEvent): void;
  signal?: AbortSignal;
}

/** Buffered in the client, at most. */
const BUFFERED = 512;
/** Without an event for so long while more are due, the reading fails. */
const STALLED_MS = 15_000;

/** Resolves after the last event that was there at the call. Throws UnavailableError where no more come, else the signal's reason. */
export async function replay(client: JetStreamClient, { kind, sinceMs, handle, signal }: Replay): Promise<void> {
  signal?.throwIfAborted();
  const manager = await client.jetstreamManager();
  const { state } = await manager.streams.info(STREAM);
  const consumer = await client.consumers.get(STREAM, {
    filter_subjects: subjectFilter(kind),
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: new Date(sinceMs).toISOString(),
  });
  if ((await consumer.info()).num_pending === 0) return;
  const messages = await consumer.consume({ max_messages: BUFFERED });
  const iterator = messages[Symbol.asyncIterator]();
  try {
    for (;;) {
      const message = await nextMessage(iterator, signal);
      if (message === undefined || message.seq > state.last_seq) return;
      const received = readable(kind, message);
      if (received !== undefined) handle(received);
      if (message.info.pending === 0) return;
    }
  } finally {
    // Left first: closing waits for whoever reads to take the end.
    void iterator.return?.();
    await messages.close().catch(() => undefined);
  }
}

/** The event at this place of the stream; undefined where it is gone or of another kind. */
export async function eventAt(
  client: JetStreamClient,
  kind: EventKind,
  sequence: number,
): Promise<ChimeraEvent | undefined> {
  const manager = await client.jetstreamManager();
  const message = await manager.streams.getMessage(STREAM, { seq: sequence });
  if (message === null || !isOfKind(kind, message.subject)) return undefined;
  return decode(kind, message.data);
}

export function receivedEvent(kind: EventKind, message: JsMsg): ReceivedEvent {
  const id = message.headers?.get("Nats-Msg-Id") || `${message.seq}`;
  return { event: decode(kind, message.data), id, sequence: message.seq, receivedAtMs: message.time.getTime() };
}

/** One event that can not be read must not hide all others. */
function readable(kind: EventKind, message: JsMsg): ReceivedEvent | undefined {
  try {
    return receivedEvent(kind, message);
  } catch {
    return undefined;
  }
}

/** Undefined at the end. Throws UnavailableError where nothing comes for a while, else the signal's reason. */
export async function nextMessage(
  iterator: AsyncIterator<JsMsg>,
  signal: AbortSignal | undefined,
): Promise<JsMsg | undefined> {
  const given = Promise.withResolvers<never>();
  const onAbort = () => given.reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(
    () => given.reject(new UnavailableError(`NATS sent no event for ${STALLED_MS / 1000} s, more are due`)),
    STALLED_MS,
  );
  try {
    const step = await Promise.race([iterator.next(), given.promise]);
    return step.done ? undefined : step.value;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

function isOfKind(kind: EventKind, subject: string): boolean {
  const [start = "", end = ""] = subjectFilter(kind).split("*");
  return subject.startsWith(start) && subject.endsWith(end);
}
