// What insight knows about the events themselves: whether one was counted before, how many are lost, when the first happened.
import type { EventKind, ReceivedEvent } from "@chimera/events";
import { SequenceCheck } from "./sequence-check.ts";

/** Ids remembered to recognise an event that comes twice; the oldest makes room. Repeats come close together. */
const MAX_IDS = 100_000;

export class Intake {
  readonly #ids = new Set<string>();
  readonly #lastSequence = new Map<EventKind, number>();
  readonly #sequences = new SequenceCheck();
  #received = 0;
  #refused = 0;
  #firstEventMs: number | undefined;

  /** Distinct events taken. */
  get received(): number {
    return this.#received;
  }

  /** When the earliest thing any event tells of happened, milliseconds since the epoch. */
  get firstEventMs(): number | undefined {
    return this.#firstEventMs;
  }

  /** Events known to be lost or refused; undefined while history is still being read. */
  lost(nowMs: number): number | undefined {
    const missing = this.#sequences.missing(nowMs);
    return missing === undefined ? undefined : missing + this.#refused;
  }

  /** Whether the event is new. Events of one kind come in the order of the stream. */
  admit(received: ReceivedEvent, nowMs: number): boolean {
    const { event, sequence, receivedAtMs } = received;
    if (sequence !== this.#lastSequence.get(event.kind)) this.#sequences.arrived(sequence, receivedAtMs, nowMs);
    this.#lastSequence.set(event.kind, sequence);
    const key = `${event.kind} ${received.id}`;
    if (this.#ids.has(key)) return false;
    this.#ids.add(key);
    if (this.#ids.size > MAX_IDS) {
      const oldest = this.#ids.values().next();
      if (!oldest.done) this.#ids.delete(oldest.value);
    }
    this.#received += 1;
    return true;
  }

  /** The event lacked what every figure needs. */
  refuse(): void {
    this.#refused += 1;
  }

  /** The event told of something that happened at this time. */
  tookPlace(atMs: number): void {
    this.#firstEventMs = Math.min(this.#firstEventMs ?? atMs, atMs);
  }
}
