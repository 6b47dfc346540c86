// Every way into the router, behind one face: ask, then read one piece of text at a time.
import { request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import type { Readable } from "node:stream";
import { RouterService } from "@chimera/contracts/router";
import { connectClient } from "@chimera/rpc";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";

export interface OpenDoor {
  /** The next piece of text; undefined after the last. Rejects where the stream breaks. */
  next(): Promise<string | undefined>;
  leave(): void;
}

export type Door = (url: string, prompt: string) => OpenDoor;

type Router = Client<typeof RouterService>;

export const DOORS: Readonly<Record<string, Door>> = {
  grpc: (url, prompt) => {
    const { client, close } = connectClient(RouterService, url);
    return typed(client, prompt, close);
  },
  "connect over HTTP/1.1": (url, prompt) =>
    overTransport(createConnectTransport({ baseUrl: url, httpVersion: "1.1" }), prompt),
  "connect over HTTP/2": (url, prompt) =>
    overTransport(createConnectTransport({ baseUrl: url, httpVersion: "2" }), prompt),
  "grpc-web over HTTP/1.1": (url, prompt) =>
    overTransport(createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1" }), prompt),
  chat: (url, prompt) => {
    const { client, close } = connectClient(RouterService, url);
    return chat(client, prompt, close);
  },
  "openai chat": (url, prompt) =>
    events(url, "/v1/chat/completions", { messages: [{ role: "user", content: prompt }] }),
  "openai completions": (url, prompt) => events(url, "/v1/completions", { prompt }),
  "openai chat over HTTP/2": (url, prompt) => {
    const session = connectHttp2(url);
    session.on("error", () => undefined);
    const stream = session.request({
      ":method": "POST",
      ":path": "/v1/chat/completions",
      "content-type": "application/json",
    });
    stream.end(JSON.stringify({ messages: [{ role: "user", content: prompt }], stream: true }));
    const leave = () => {
      stream.close(8);
      session.close();
    };
    return { ...piecesOf(stream), leave };
  },
};

function overTransport(transport: Transport, prompt: string): OpenDoor {
  return typed(createClient(RouterService, transport), prompt, () => undefined);
}

function typed(client: Router, prompt: string, close: () => void): OpenDoor {
  const left = new AbortController();
  const parts = client.generate({ prompt }, { signal: left.signal })[Symbol.asyncIterator]();
  return {
    async next() {
      for (;;) {
        const { done, value } = await parts.next();
        if (done) return undefined;
        if (value.part.case === "delta") return value.part.value.text;
      }
    },
    leave() {
      left.abort();
      close();
    },
  };
}

function chat(client: Router, content: string, close: () => void): OpenDoor {
  const left = new AbortController();
  async function* turns() {
    yield { action: { case: "turn" as const, value: { content } } };
    // The conversation stays open while its only turn is answered.
    await new Promise<void>((resolve) => left.signal.addEventListener("abort", () => resolve()));
  }
  const parts = client.chat(turns(), { signal: left.signal })[Symbol.asyncIterator]();
  return {
    async next() {
      for (;;) {
        const { done, value } = await parts.next();
        if (done) return undefined;
        const { event } = value;
        if (event.case !== "part") continue;
        const { part } = event.value;
        if (part.case === "delta") return part.value.text;
        if (part.case === "complete") return undefined;
      }
    },
    leave() {
      left.abort();
      close();
    },
  };
}

function events(url: string, path: string, body: object): OpenDoor {
  const { promise, resolve, reject } = Promise.withResolvers<Readable>();
  const call = httpRequest(
    `${url}${path}`,
    { method: "POST", headers: { "content-type": "application/json" } },
    resolve,
  );
  call.once("error", reject);
  call.end(JSON.stringify({ ...body, stream: true }));
  promise.catch(() => undefined);
  let pieces: ReturnType<typeof piecesOf> | undefined;
  return {
    async next() {
      pieces ??= piecesOf(await promise);
      return pieces.next();
    },
    leave: () => void call.destroy(),
  };
}

interface Chunk {
  choices?: { delta?: { content?: string }; text?: string }[];
}

/** Server-sent events, one piece of text for each that has some. */
function piecesOf(source: Readable): Pick<OpenDoor, "next"> {
  const chunks = source[Symbol.asyncIterator]();
  let text = "";
  return {
    async next() {
      for (;;) {
        const end = text.indexOf("\n\n");
        if (end < 0) {
          const { done, value } = await chunks.next();
          if (done) return undefined;
          text += String(value);
          continue;
        }
        const data = text.slice("data: ".length, end);
        text = text.slice(end + 2);
        if (data === "[DONE]") return undefined;
        const choice = (JSON.parse(data) as Chunk).choices?.[0];
        const piece = choice?.text ?? choice?.delta?.content;
        if (piece) return piece;
      }
    },
  };
}
