// A real HTTP server that answers what a test scripts, byte by byte if need be. It stands for servers that break, stall and
// refuse in ways that a healthy one can not be made to.
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

export type Answer = (response: ServerResponse, request: SeenRequest) => void | Promise<void>;

export class ScriptedServer {
  readonly #server: Server;
  /** One for each request; the last one serves all that follow. */
  #answers: Answer[] = [];
  readonly seen: SeenRequest[] = [];
  /** Connections that the client broke before the answer was whole. */
  aborted = 0;
  models: Answer = json(200, { object: "list", data: [{ id: "tiny", owned_by: "test", max_model_len: 1000 }] });
  metrics: Answer = json(404, { detail: "Not Found" });
  metricsRequests: SeenRequest[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
        void this.#handle({ path: request.url ?? "", headers: request.headers, body }, response);
      });
      response.on("close", () => {
        if (!response.writableFinished) this.aborted++;
      });
    });
  }

  static async start(port = 0): Promise<ScriptedServer> {
    const scripted = new ScriptedServer();
    scripted.#server.listen(port, "127.0.0.1");
    await once(scripted.#server, "listening");
    return scripted;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  script(...answers: Answer[]): void {
    this.#answers = answers;
    this.seen.length = 0;
    this.aborted = 0;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #handle(request: SeenRequest, response: ServerResponse): Promise<void> {
    if (request.path === "/v1/models") return this.models(response, request);
    if (request.path === "/metrics") {
      this.metricsRequests.push(request);
      return this.metrics(response, request);
    }
    this.seen.push(request);
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    await answer?.(response, request);
  }
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
}

/** Writes these texts, each after the one before it has left, and ends well. */
export function stream(...texts: (string | Uint8Array)[]): Answer {
  return async (response) => {
    begin(response);
    for (const text of texts) await write(response, text);
    response.end();
  };
}

export function begin(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
}

export async function write(response: ServerResponse, text: string | Uint8Array): Promise<void> {
  await new Promise((resolve) => response.write(text, resolve));
}

export const DONE = "data: [DONE]\n\n";

export function event(body: unknown): string {
  return `data: ${JSON.stringify(body)}\n\n`;
}

export function delta(content: string): string {
  return event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
}

export const ROLE = event({ choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }] });

export function finish(reason: string): string {
  return event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
}

export function usage(promptTokens: number, completionTokens: number, cachedTokens?: number): string {
  const details = cachedTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cachedTokens } };
  return event({
    choices: [],
    usage: { prompt_tokens: promptTokens, completion_tokens: completionTokens, ...details },
  });
}
