// Asks the model server once a second how busy it is. An old answer is worse than none: where the server is silent, its load
// is unknown again.
import type { Logger } from "@chimera/lifecycle";
import type { ModelServer } from "./model-server.ts";
import { parseServerLoad, type ServerLoad } from "./server-metrics.ts";

export const POLL_INTERVAL_MS = 1_000;
const POLL_TIMEOUT_MS = 1_000;

export const UNKNOWN_LOAD: ServerLoad = {
  running: undefined,
  waiting: undefined,
  kvUsage: undefined,
  kvCapacityTokens: undefined,
};

export interface MetricsPollOptions {
  server: ModelServer;
  /** Whole address of the page. */
  url: string;
  /** Ends the polling where the server has no such page. */
  isOptional: boolean;
  intervalMs: number;
  logger: Logger;
  onChange(): void;
}

export class MetricsPoll {
  readonly #options: MetricsPollOptions;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #load: ServerLoad = UNKNOWN_LOAD;
  #hasWarned = false;

  constructor(options: MetricsPollOptions) {
    this.#options = options;
    void this.#poll();
  }

  get load(): ServerLoad {
    return this.#load;
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
  }

  /** Never rejects. One request at a time: the next is planned when this one is over. */
  async #poll(): Promise<void> {
    const goesOn = await this.#read().catch(() => {
      this.#set(UNKNOWN_LOAD);
      return true;
    });
    if (!goesOn || this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#poll(), this.#options.intervalMs);
    this.#timer.unref();
  }

  /** Whether to ask again. */
  async #read(): Promise<boolean> {
    const { server, url, isOptional, logger } = this.#options;
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(POLL_TIMEOUT_MS)]);
    const { statusCode, text } = await server.getText(url, signal);
    if (statusCode === 200) {
      this.#set(parseServerLoad(text));
      return true;
    }
    this.#set(UNKNOWN_LOAD);
    if (isOptional && statusCode < 500) return false;
    // llama.cpp says so with 501 where it was started without them.
    if (isOptional && statusCode === 501) return false;
    if (!this.#hasWarned) logger.warn({ url, statusCode }, "the model server gives no metrics");
    this.#hasWarned = true;
    return true;
  }

  #set(load: ServerLoad): void {
    const before = this.#load;
    this.#load = load;
    const keys = Object.keys(load) as (keyof ServerLoad)[];
    if (keys.some((key) => load[key] !== before[key])) this.#options.onChange();
  }
}
