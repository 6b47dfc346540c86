// Events that were published but not yet acknowledged. The NATS client loses, without an error, whatever is sent while it is
// disconnected; so every event waits here until the stream has confirmed it, and is sent again under the same id.
import type { MsgHdrs } from "@nats-io/transport-node";

export interface OutboxEntry {
  id: string;
  subject: string;
  payload: Uint8Array;
  headers: MsgHdrs;
  attempts: number;
  /** Called once, when the event was stored or given up. */
  settled(error?: Error): void;
}

export interface OutboxOptions {
  /** Sends one entry and resolves when the stream has stored it. */
  send(entry: OutboxEntry): Promise<void>;
  maxEvents: number;
  maxBytes: number;
  /** Sends under way at a time. */
  maxInFlight: number;
  /** How long an event waits for others, so that many go out in one write. None where unset. */
  gatherMs?: number;
}

export class OutboxFullError extends Error {
  override readonly name = "OutboxFullError";
}

export class Outbox {
  readonly #options: OutboxOptions;
  #waiting: OutboxEntry[] = [];
  #inFlight = new Set<OutboxEntry>();
  #bytes = 0;
  #open = false;
  #idle: (() => void) | undefined;
  #gathering: NodeJS.Timeout | undefined;
  dropped = 0;
  published = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get queued(): number {
    return this.#waiting.length + this.#inFlight.size;
  }

  /** False, and counted as dropped, where a bound is reached: the newest event is the one that is given up. */
  add(entry: OutboxEntry): boolean {
    const full = this.queued >= this.#options.maxEvents || this.#bytes + entry.payload.length > this.#options.maxBytes;
    if (full) {
      this.dropped += 1;
      entry.settled(new OutboxFullError("the outbox is full"));
      return false;
    }
    this.#bytes += entry.payload.length;
    this.#waiting.push(entry);
    this.#gather();
    return true;
  }

  /** Sending starts and goes on while open; what failed is sent again. */
  open(): void {
    this.#open = true;
    this.#pump();
  }

  /** Nothing more is sent until open() is called again. */
  pause(): void {
    this.#open = false;
  }

  /** Resolves to whether everything was stored within `ms`. */
  async flush(ms: number): Promise<boolean> {
    if (this.queued === 0) return true;
    this.#pump();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), ms);
    this.#idle = () => resolve(true);
    const empty = await promise;
    clearTimeout(timer);
    return empty;
  }

  #gather(): void {
    const { gatherMs, maxInFlight } = this.#options;
    if (gatherMs === undefined || this.#waiting.length >= maxInFlight) this.#pump();
    else this.#gathering ??= setTimeout(() => this.#pump(), gatherMs);
  }

  #pump(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    while (this.#open && this.#inFlight.size < this.#options.maxInFlight) {
      const entry = this.#waiting.shift();
      if (!entry) return;
      this.#inFlight.add(entry);
      entry.attempts += 1;
      this.#options.send(entry).then(
        () => this.#stored(entry),
        () => this.#again(entry),
      );
    }
  }

  #stored(entry: OutboxEntry): void {
    this.#inFlight.delete(entry);
    this.#bytes -= entry.payload.length;
    this.published += 1;
    entry.settled();
    if (this.queued === 0) this.#idle?.();
    this.#pump();
  }

  #again(entry: OutboxEntry): void {
    this.#inFlight.delete(entry);
    this.#waiting.unshift(entry);
    // Whoever opened us learns of the failure through send(); it pauses and opens again when sending makes sense.
    this.#pump();
  }
}
