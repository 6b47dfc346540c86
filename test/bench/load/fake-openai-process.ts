// A model server with the OpenAI API that computes nothing: the same tokens at the same moments as the fake engine's, as
// server-sent events over HTTP/1.1.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "@chimera/kernel";
import { emitPaced, type Pace } from "./arrivals.ts";
import { serveCommands } from "./worker.ts";

const HEAD = { id: "chatcmpl-fake", object: "chat.completion.chunk", created: 1_700_000_000, model: "fake" };
const FINISH = eventOf({ ...HEAD, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });

const commands = {
  async start(pace: Pace): Promise<{ port: number }> {
    const server = createServer({ keepAliveTimeout: 600_000, noDelay: true }, (request, response) => {
      request.resume();
      request.once("end", () => answer(pace, request, response));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { port: (server.address() as AddressInfo).port };
  },
};

export type FakeOpenaiCommands = typeof commands;

function answer(pace: Pace, { url }: IncomingMessage, response: ServerResponse): void {
  if (!url?.endsWith("/chat/completions")) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.flushHeaders();
  const emit = (index: number) => {
    response.write(tokenEvent(index));
    if (index === pace.count - 1) response.end(`${FINISH}data: [DONE]\n\n`);
  };
  response.once("close", emitPaced(pace, emit, systemClock));
}

function tokenEvent(index: number): string {
  const delta = index === 0 ? { role: "assistant", content: "token " } : { content: "token " };
  return eventOf({ ...HEAD, choices: [{ index: 0, delta, finish_reason: null }] });
}

function eventOf(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

serveCommands(commands);
