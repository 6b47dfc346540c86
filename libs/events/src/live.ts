// Announcements over core NATS: for whoever listens now, stored nowhere, gone where nobody does. Worth it for what the next
// announcement replaces anyway.
import type { NatsConnection, Subscription } from "@nats-io/transport-node";
import { type ChimeraEvent, decode, type EventKind, encode, liveSubjectFilter, liveSubjectOf } from "./codec.ts";
import type { Consumption } from "./consumption.ts";

export interface Listening {
  kinds: readonly EventKind[];
  /** Runs as the announcement arrives, so nothing piles up; what it throws is logged. */
  handle(event: ChimeraEvent): void;
}

/** The live side of a bus, through one connection after the other. */
export class LiveChannel {
  readonly #onError: (error: unknown) => void;
  /** One entry per listen() that was not stopped. */
  readonly #listening = new Map<Listening, Subscription[]>();
  #connection: NatsConnection | undefined;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** A new connection: what listens is subscribed again. One that only lost its server is repaired by the client itself. */
  connected(connection: NatsConnection): void {
    this.#connection = connection;
    for (const listening of this.#listening.keys()) this.#subscribe(listening, connection);
  }

  /** Closed for good; a connection that only lost its server stays. */
  disconnected(): void {
    this.#connection = undefined;
  }

  announce(event: ChimeraEvent): void {
    try {
      this.#connection?.publish(liveSubjectOf(event), encode(event));
    } catch (error) {
      // The connection can close between two looks at it; an announcement is never worth failing for.
      this.#onError(error);
    }
  }

  listen(listening: Listening): Consumption {
    const own = { ...listening };
    this.#listening.set(own, []);
    if (this.#connection) this.#subscribe(own, this.#connection);
    return {
      stop: async () => {
        for (const subscription of this.#listening.get(own) ?? []) subscription.unsubscribe();
        this.#listening.delete(own);
      },
    };
  }

  #subscribe(listening: Listening, connection: NatsConnection): void {
    const subscriptions = listening.kinds.map((kind) =>
      connection.subscribe(liveSubjectFilter(kind), {
        callback: (error, message) => {
          try {
            if (error) throw error;
            listening.handle(decode(kind, message.data));
          } catch (thrown) {
            this.#onError(thrown);
          }
        },
      }),
    );
    this.#listening.set(listening, subscriptions);
  }
}
