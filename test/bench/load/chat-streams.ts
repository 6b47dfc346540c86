// Streamed chat completions over HTTP/1.1 with kept connections, as OpenAI's own clients make them.
import { Agent, request as httpRequest } from "node:http";
import type { Clock } from "@chimera/kernel";
import { TextEvents } from "./server-sent-events.ts";

export interface ChatTarget {
  port: number;
  model: string;
  headers: Readonly<Record<string, string>>;
  /** Events with text that each answer must have. */
  tokens: number;
}

const PROMPT = "Which of the open tickets are about the invoice that was sent twice? ".repeat(3);

export class ChatStreams {
  readonly #target: ChatTarget;
  readonly #agent: Agent;
  readonly #body: string;
  readonly #clock: Clock;

  constructor(target: ChatTarget, connections: number, clock: Clock) {
    this.#target = target;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections });
    this.#clock = clock;
    const messages = [{ role: "user", content: PROMPT }];
    this.#body = JSON.stringify({ model: target.model, messages, stream: true, max_tokens: target.tokens });
  }

  /** One answer; resolves with the time of its first text. Rejects where it is not whole. */
  ask(onTokens: (count: number) => void): Promise<number> {
    const { port, headers, tokens } = this.#target;
    const events = new TextEvents();
    let firstAtMs: number | undefined;
    return new Promise((resolve, reject) => {
      const call = httpRequest({
        host: "127.0.0.1",
        port,
        method: "POST",
        path: "/v1/chat/completions",
        agent: this.#agent,
        headers: { "content-type": "application/json", accept: "text/event-stream", ...headers },
      });
      call.once("error", reject);
      call.once("response", (response) => {
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          const before = events.count;
          events.push(chunk);
          if (events.count > 0) firstAtMs ??= this.#clock.monotonicMs();
          onTokens(events.count - before);
        });
        response.once("error", reject);
        response.once("close", () => {
          if (events.isDone && events.count === tokens && firstAtMs !== undefined) resolve(firstAtMs);
          else reject(new Error(`HTTP status ${response.statusCode}, ${events.count} of ${tokens} events with text`));
        });
      });
      call.end(this.#body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
