// Takes tasks one by one, as many at a time as there are lanes, and says of each that it is still worked on. A task is asked for
// only when a lane is free: what one worker holds back, another one could do.
import type { Consumer, JsMsg } from "@nats-io/jetstream";
import type { Consumption } from "../consumption.ts";
import { ACK_WAIT_MS } from "./streams.ts";

export interface Task {
  payload: Uint8Array;
  /** How often it was given to a worker, this one included. */
  deliveries: number;
  /** Aborted when this worker stops: the task then goes to another one. */
  signal: AbortSignal;
}

export interface TaskOptions {
  /** Tasks worked on at a time. */
  lanes: number;
  /** A task whose handler throws is given to a worker again. */
  handle(task: Task): Promise<void>;
}

export interface TaskLoopOptions extends TaskOptions {
  open(): Promise<Consumer>;
  onError(error: unknown): void;
}

const RETRY_MS = 500;
/** One question to the server stays open for so long, and stopping waits for it. */
const ASK_MS = 1000;

export class TaskLoop implements Consumption {
  readonly #options: TaskLoopOptions;
  readonly #stop = new AbortController();
  readonly #busy = new Set<Promise<void>>();
  readonly #done: Promise<void>;

  constructor(options: TaskLoopOptions) {
    this.#options = options;
    this.#done = this.#loop();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    await Promise.all(this.#busy);
  }

  async #loop(): Promise<void> {
    const stopping = new Promise<undefined>((resolve) =>
      this.#stop.signal.addEventListener("abort", () => resolve(undefined), { once: true }),
    );
    while (!this.#stop.signal.aborted) {
      try {
        const consumer = await Promise.race([this.#options.open(), stopping]);
        while (consumer !== undefined && !this.#stop.signal.aborted) await this.#takeOne(consumer);
      } catch (error) {
        this.#options.onError(error);
        await Promise.race([new Promise((resolve) => setTimeout(resolve, RETRY_MS)), stopping]);
      }
    }
  }

  async #takeOne(consumer: Consumer): Promise<void> {
    if (this.#busy.size >= this.#options.lanes) {
      await Promise.race(this.#busy);
      return;
    }
    const message = await consumer.next({ expires: ASK_MS });
    if (message === null) return;
    if (this.#stop.signal.aborted) return message.nak();
    const working = this.#work(message).finally(() => this.#busy.delete(working));
    this.#busy.add(working);
  }

  async #work(message: JsMsg): Promise<void> {
    const alive = setInterval(() => message.working(), ACK_WAIT_MS / 3);
    try {
      const { data, info } = message;
      await this.#options.handle({ payload: data, deliveries: info.deliveryCount, signal: this.#stop.signal });
      message.ack();
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.onError(error);
      message.nak(this.#stop.signal.aborted ? undefined : RETRY_MS);
    } finally {
      clearInterval(alive);
    }
  }
}
