// The connection to a Redis or Valkey server that may be away at any moment: commands then fail at once instead of waiting,
// and it is looked for again, less and less often.
import type { Random } from "@chimera/kernel";
import { createClient, RESP_TYPES } from "@redis/client";
import { withinBudget } from "./within-budget.ts";

/** Commands that may wait for their answers; a further one fails at once. */
const MAX_COMMANDS = 16_384;
const CONNECT_TIMEOUT_MS = 2000;
/** A server that says nothing for so long, not even to a ping, is taken for gone. */
const SILENCE_MS = 15_000;
const PING_MS = 5000;
const FIRST_RETRY_MS = 50;
/** Also the longest that a process waits at its end for a retry that was due. */
const MAX_RETRY_MS = 2000;
/** A server that is there answers sooner; a start waits no longer for one that is not. */
const FIRST_CONNECT_MS = 3000;

export interface RedisLinkOptions {
  /** redis:// or, with TLS, rediss:// */
  url: string;
  random: Random;
  onError(error: unknown): void;
}

type Client = ReturnType<typeof clientFor>;

export class RedisLink {
  readonly client: Client;
  #onConnect: () => void = () => {};
  #onBack: () => void = () => {};
  #isAway = false;

  private constructor(options: RedisLinkOptions) {
    this.client = clientFor(options);
    this.client.on("error", (error: unknown) => {
      this.#isAway = true;
      options.onError(error);
    });
    this.client.on("ready", () => {
      this.#onConnect();
      if (this.#isAway) this.#onBack();
      this.#isAway = false;
    });
  }

  /** Resolves when the server is there, or when it has become clear that it is not there yet. */
  static async open(options: RedisLinkOptions): Promise<RedisLink> {
    const link = new RedisLink(options);
    const failed = Promise.withResolvers<void>();
    link.client.once("error", () => failed.resolve());
    // Goes on trying until the link is closed, which rejects it.
    const connected = link.client.connect().then(() => {});
    connected.catch(() => {});
    await withinBudget(Promise.race([connected, failed.promise]), FIRST_CONNECT_MS, "connecting to Redis").catch(() => {
      link.#isAway = true;
    });
    return link;
  }

  /** Called on every new connection before anything else is sent. */
  onConnect(listener: () => void): void {
    this.#onConnect = listener;
  }

  /** Called when a server that was away is there again. */
  onBack(listener: () => void): void {
    this.#onBack = listener;
  }

  close(): void {
    this.client.destroy();
  }
}

function clientFor({ url, random }: RedisLinkOptions) {
  return createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_COMMANDS,
    pingInterval: PING_MS,
    // Notices of one hosted product; asking for them is an error elsewhere.
    maintNotifications: "disabled",
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_MS,
      reconnectStrategy: (retries) => retryAfterMs(retries, random),
    },
  });
}

/** Doubles up to its bound; half of it is chance, so that many caches do not come back in step. */
export function retryAfterMs(retries: number, random: Random): number {
  const ceilingMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(retries, 16));
  return Math.round(ceilingMs * (0.5 + random() / 2));
}
