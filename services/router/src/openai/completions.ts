// POST /v1/chat/completions and POST /v1/completions: the same stages as every other door, written as server-sent events or as
// one object.
import type { GenerateRequest } from "@chimera/contracts/router";
import type { Context } from "../context.ts";
import type { IncomingCall } from "../path/call.ts";
import { enter, giveBack } from "../path/enter.ts";
import { generate } from "../path/generate.ts";
import { CHAT, COMPLETION, type Dialect } from "./answer.ts";
import { cacheWishes } from "./cache-headers.ts";
import { toHttpError } from "./errors.ts";
import { goneSignal, type HttpRequest, type HttpResponse, readJson, sendJson } from "./http.ts";
import { parseChatCompletion, parseCompletion, type Streaming, toChatRequest, toPromptRequest } from "./request.ts";
import { EventStreamSink, WholeSink } from "./sinks.ts";

interface Asked {
  request: GenerateRequest;
  streaming: Streaming;
}

interface Endpoint {
  dialect: Dialect;
  /** Throws InvalidRequestError. */
  read(body: unknown): Asked;
}

type Route = (context: Context, request: HttpRequest, response: HttpResponse) => Promise<void>;

export const chatCompletions: Route = route({
  dialect: CHAT,
  read(body) {
    const asked = parseChatCompletion(body);
    return { request: toChatRequest(asked), streaming: asked };
  },
});

export const completions: Route = route({
  dialect: COMPLETION,
  read(body) {
    const asked = parseCompletion(body);
    return { request: toPromptRequest(asked), streaming: asked };
  },
});

function route({ dialect, read }: Endpoint): Route {
  return async (context, request, response) => {
    const type = request.headers["content-type"] ?? "";
    if (!/^application\/json\b/i.test(type)) return sendJson(response, unsupported(type));
    const signal = goneSignal(response);
    const header = headerOf(request);
    const call = await enter(context, { header, door: "openai", signal, timeoutMs: undefined });
    const asked = await readJson(request)
      .then(read)
      .catch((error: unknown) => {
        giveBack(context, call, error);
        throw error;
      });
    Object.assign(asked.request, cacheWishes(header));
    await answer({ context, call, response, dialect }, asked);
  };
}

function headerOf(request: HttpRequest): (name: string) => string | undefined {
  return (name) => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
}

interface Answering {
  context: Context;
  call: IncomingCall;
  response: HttpResponse;
  dialect: Dialect;
}

async function answer({ context, call, response, dialect }: Answering, { request, streaming }: Asked): Promise<void> {
  const options = { response, dialect, createdS: Math.floor(context.clock.nowMs() / 1000) };
  if (!streaming.stream) {
    const sink = new WholeSink(options);
    await generate(context, call, request, sink);
    sink.end();
    return;
  }
  const sink = new EventStreamSink({ ...options, withUsage: streaming.stream_options?.include_usage ?? false });
  try {
    await generate(context, call, request, sink);
    sink.end();
  } catch (error) {
    if (!response.headersSent) throw error;
    sink.fail(toHttpError(error, (unknown) => context.logger.error({ err: unknown }, "a stream failed")).body);
  }
}

function unsupported(type: string) {
  const message = `content-type ${JSON.stringify(type.slice(0, 64))} is not taken, send application/json`;
  const body = { error: { message, type: "invalid_request_error", param: "content-type", code: null } };
  return { status: 415, headers: {}, body };
}
