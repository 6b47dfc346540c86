// The HTTP connection to the model server: one pool, the key, and bodies that are read within a bound.
import { injectTrace } from "@chimera/telemetry";
import { Agent, type Dispatcher, request } from "undici";

/** A refusal, a list of models or a page of metrics; a longer one is cut off. */
const MAX_TEXT_BYTES = 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;

export interface ServerAddress {
  /** With or without a slash at its end. */
  baseUrl: string;
  apiKey: string | undefined;
}

export type ServerResponse = Pick<Dispatcher.ResponseData, "statusCode" | "headers" | "body">;

export class ModelServer {
  readonly baseUrl: string;
  readonly #apiKey: string | undefined;
  // How long the server may be silent depends on the stage of a request, so the caller watches it, and not this pool.
  readonly #agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: CONNECT_TIMEOUT_MS } });

  constructor({ baseUrl, apiKey }: ServerAddress) {
    this.baseUrl = baseUrl.replace(/\/+$/, "");
    this.#apiKey = apiKey;
  }

  /** Address for people and logs: no user, password or query. */
  get shownUrl(): string {
    const { origin, pathname } = new URL(this.baseUrl);
    return `${origin}${pathname}`;
  }

  /** Sends JSON to a path below the base address. The body has to be read or destroyed. */
  post(path: string, body: unknown, signal: AbortSignal): Promise<ServerResponse> {
    const headers: Record<string, string> = {
      ...this.#headersFor(this.baseUrl),
      accept: "text/event-stream",
      "content-type": "application/json",
    };
    injectTrace((key, value) => {
      headers[key] = value;
    });
    return request(this.baseUrl + path, {
      dispatcher: this.#agent,
      method: "POST",
      headers,
      body: JSON.stringify(body),
      signal,
    });
  }

  /** `target` is a path below the base address, or a whole address. */
  async getText(target: string, signal: AbortSignal): Promise<ServerResponse & { text: string }> {
    const url = target.startsWith("/") ? this.baseUrl + target : target;
    const response = await request(url, { dispatcher: this.#agent, headers: this.#headersFor(url), signal });
    return { ...response, text: await boundedText(response.body) };
  }

  /** Takes the key out of a text that the server wrote. */
  withoutKey(text: string): string {
    return this.#apiKey === undefined ? text : text.replaceAll(this.#apiKey, "[redacted]");
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  /** The key goes to the server it belongs to and nowhere else. */
  #headersFor(url: string): Record<string, string> {
    const isOwn = new URL(url).origin === new URL(this.baseUrl).origin;
    return isOwn && this.#apiKey !== undefined ? { authorization: `Bearer ${this.#apiKey}` } : {};
  }
}

/** The first megabyte of a body; what is longer closes the connection. */
export async function boundedText(body: ServerResponse["body"]): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_TEXT_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_TEXT_BYTES).toString("utf8");
}
