// Which inference replicas there are, by what they announce.
import type { Consumption, EventBus } from "@chimera/events";
import type { Clock } from "@chimera/kernel";

/** Replicas announce themselves at least once a second; one that was silent for so long is gone. */
const SILENT_MS = 10_000;
const MAX_REPLICAS = 256;

interface Heard {
  model: string;
  heardAtMs: number;
}

export class Replicas {
  readonly #clock: Pick<Clock, "monotonicMs">;
  /** By address; at most MAX_REPLICAS, whoever was silent for longest leaves. */
  readonly #heard = new Map<string, Heard>();
  readonly #listening: Consumption;

  constructor(bus: Pick<EventBus, "listen">, clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
    this.#listening = bus.listen({
      kinds: ["loadReported"],
      handle: (event) => {
        if (event.kind === "loadReported") this.#note(event.message.url, event.message.model);
      },
    });
  }

  /** Addresses of those that serve a model now. */
  of(model: string): string[] {
    const sinceMs = this.#clock.monotonicMs() - SILENT_MS;
    return [...this.#heard].filter(([, each]) => each.model === model && each.heardAtMs >= sinceMs).map(([url]) => url);
  }

  stop(): Promise<void> {
    return this.#listening.stop();
  }

  #note(url: string, model: string): void {
    this.#heard.delete(url);
    this.#heard.set(url, { model, heardAtMs: this.#clock.monotonicMs() });
    const [oldest] = this.#heard.keys();
    if (this.#heard.size > MAX_REPLICAS && oldest !== undefined) this.#heard.delete(oldest);
  }
}
