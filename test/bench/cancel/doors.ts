// The doors a client can leave by. Each opens one answer, tells what arrives, and leaves the way its clients do.
import { request as httpRequest, type IncomingMessage } from "node:http";
import { Role } from "@chimera/contracts/common";
import { RouterService } from "@chimera/contracts/router";
import { connectClient, ownedStream } from "@chimera/rpc";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { TextEvents } from "../load/server-sent-events.ts";

/** Greedy would repeat itself and could come from the cache; without a seed nothing is looked up or stored. */
const TEMPERATURE = 1;
/** Never generated, so that only the bound ends an answer. */
const NO_STOP = "\u0000";

export interface Question {
  content: string;
  maxTokens: number;
}

/** What has arrived so far; the door writes it, the client reads it. */
export interface Arrived {
  /** Pieces of text; a door that answers as a whole has none before its end. */
  deltas: number;
  ended: boolean;
  onChange(): void;
}

export interface Door {
  name: "grpc" | "connect" | "grpc-web" | "openai" | "openai-whole";
  /** How its clients leave, for methods. */
  leaving: string;
  /** Whether pieces arrive before the end. */
  isStreamed: boolean;
  open(question: Question, arrived: Arrived): OpenAnswer;
  close(): void;
}

export interface OpenAnswer {
  /** Leaves at once. */
  leave(): void;
  /** Resolves when the client has nothing left of it. */
  gone: Promise<void>;
}

export function allDoors(routerUrl: string): Door[] {
  const grpc = connectClient(RouterService, routerUrl);
  const overHttp1 = { baseUrl: routerUrl, httpVersion: "1.1" } as const;
  const nothing = () => undefined;
  const connect = createClient(RouterService, createConnectTransport(overHttp1));
  const grpcWeb = createClient(RouterService, createGrpcWebTransport(overHttp1));
  const closes = "HTTP/1.1, the connection is closed";
  return [
    rpcDoor({ name: "grpc", leaving: "HTTP/2, the stream is reset", client: grpc.client, close: grpc.close }),
    rpcDoor({ name: "connect", leaving: closes, client: connect, close: nothing }),
    rpcDoor({ name: "grpc-web", leaving: closes, client: grpcWeb, close: nothing }),
    openaiDoor(routerUrl, { name: "openai", leaving: closes, isStreamed: true }),
    openaiDoor(routerUrl, { name: "openai-whole", leaving: closes, isStreamed: false }),
  ];
}

interface RpcDoor extends Pick<Door, "name" | "leaving" | "close"> {
  client: Client<typeof RouterService>;
}

function rpcDoor({ client, ...door }: RpcDoor): Door {
  return {
    ...door,
    isStreamed: true,
    open: ({ content, maxTokens }, arrived) => {
      const leaver = new AbortController();
      const sampling = { temperature: TEMPERATURE, maxTokens, stop: [NO_STOP] };
      const request = { messages: [{ role: Role.USER, content }], sampling };
      const read = async () => {
        const open = (signal: AbortSignal) => client.generate(request, { signal });
        for await (const { part } of ownedStream(open, { signal: leaver.signal })) {
          if (part.case === "delta") arrived.deltas++;
          arrived.onChange();
        }
      };
      return { leave: () => leaver.abort(), gone: endOf(read(), arrived) };
    },
  };
}

function openaiDoor(routerUrl: string, door: Pick<Door, "name" | "leaving" | "isStreamed">): Door {
  return {
    ...door,
    open: ({ content, maxTokens }, arrived) => {
      const call = httpRequest(`${routerUrl}/v1/chat/completions`, {
        method: "POST",
        agent: false,
        headers: { "content-type": "application/json" },
      });
      const sampling = { temperature: TEMPERATURE, max_tokens: maxTokens, stop: [NO_STOP] };
      call.end(JSON.stringify({ messages: [{ role: "user", content }], stream: door.isStreamed, ...sampling }));
      const closed = new Promise<void>((resolve, reject) => {
        call.once("error", reject);
        call.once("close", resolve);
        call.once("response", (response) => {
          response.on("error", reject);
          if (door.isStreamed) countEvents(response, arrived);
          else response.resume();
        });
      });
      return { leave: () => call.destroy(), gone: endOf(closed, arrived) };
    },
    close: () => undefined,
  };
}

function countEvents(response: IncomingMessage, arrived: Arrived): void {
  const events = new TextEvents();
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    events.push(chunk);
    arrived.deltas = events.count;
    arrived.onChange();
  });
}

async function endOf(reading: Promise<void>, arrived: Arrived): Promise<void> {
  await reading.catch(() => undefined);
  arrived.ended = true;
  arrived.onChange();
}
