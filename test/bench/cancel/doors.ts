// The doors a client can leave by. Each opens one answer, tells what arrives, and leaves the way its clients do.
import { request as httpRequest } from "node:http";
import { Role } from "@chimera/contracts/common";
import { RouterService } from "@chimera/contracts/router";
import { connectClient, ownedStream } from "@chimera/rpc";

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
  accepted: boolean;
  deltas: number;
  ended: boolean;
  onChange(): void;
}

export interface Door {
  name: "grpc" | "openai";
  open(question: Question, arrived: Arrived): OpenAnswer;
  close(): void;
}

export interface OpenAnswer {
  /** Leaves at once. */
  leave(): void;
  /** Resolves when the client has nothing left of it. */
  gone: Promise<void>;
}

/** gRPC: the call is cancelled, which resets its HTTP/2 stream. */
export function grpcDoor(routerUrl: string): Door {
  const router = connectClient(RouterService, routerUrl);
  return {
    name: "grpc",
    open: ({ content, maxTokens }, arrived) => {
      const leaver = new AbortController();
      const sampling = { temperature: TEMPERATURE, maxTokens, stop: [NO_STOP] };
      const request = { messages: [{ role: Role.USER, content }], sampling };
      const read = async () => {
        const open = (signal: AbortSignal) => router.client.generate(request, { signal });
        for await (const { part } of ownedStream(open, { signal: leaver.signal })) {
          if (part.case === "accepted") arrived.accepted = true;
          else if (part.case === "delta") arrived.deltas++;
          arrived.onChange();
        }
      };
      return { leave: () => leaver.abort(), gone: endOf(read(), arrived) };
    },
    close: router.close,
  };
}

/** OpenAI API, streamed over HTTP/1.1: the connection is closed, which is all that protocol has. */
export function openaiDoor(routerUrl: string): Door {
  return {
    name: "openai",
    open: ({ content, maxTokens }, arrived) => {
      const call = httpRequest(`${routerUrl}/v1/chat/completions`, {
        method: "POST",
        agent: false,
        headers: { "content-type": "application/json" },
      });
      const messages = [{ role: "user", content }];
      call.end(
        JSON.stringify({ messages, stream: true, temperature: TEMPERATURE, max_tokens: maxTokens, stop: [NO_STOP] }),
      );
      const closed = new Promise<void>((resolve, reject) => {
        call.once("error", reject);
        call.once("close", resolve);
        call.once("response", (response) => {
          arrived.accepted = response.statusCode === 200;
          arrived.onChange();
          response.setEncoding("utf8");
          const count = deltaCounter();
          response.on("data", (chunk: string) => {
            arrived.deltas += count(chunk);
            arrived.onChange();
          });
          response.on("error", reject);
        });
      });
      return { leave: () => call.destroy(), gone: endOf(closed, arrived) };
    },
    close: () => undefined,
  };
}

async function endOf(reading: Promise<void>, arrived: Arrived): Promise<void> {
  await reading.catch(() => undefined);
  arrived.ended = true;
  arrived.onChange();
}

/** Counts the server-sent events that carry text, across chunks that may cut an event in two. */
export function deltaCounter(): (chunk: string) => number {
  let rest = "";
  return (chunk) => {
    const events = (rest + chunk).split("\n\n");
    rest = events.pop() ?? "";
    return events.filter(hasText).length;
  };
}

function hasText(event: string): boolean {
  const data = event.replace(/^data: /, "");
  if (data === "[DONE]") return false;
  const parsed: { choices?: { delta?: { content?: string } }[] } = JSON.parse(data);
  return Boolean(parsed.choices?.[0]?.delta?.content);
}
