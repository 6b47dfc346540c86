// POST /v1/chat/completions: the same stages as every other door, written as server-sent events or as one object.
import { once } from "node:events";
import type { GenerateResponse } from "@chimera/contracts/common";
import { InvalidRequestError } from "@chimera/kernel";
import type { Context } from "../context.ts";
import { type IncomingCall, WORKLOAD_HEADER, workloadOf } from "../path/call.ts";
import { generate } from "../path/generate.ts";
import { type AnswerHead, chunkOf, completionOf, headOf, usageChunkOf } from "./answer.ts";
import { toHttpError } from "./errors.ts";
import { goneSignal, type HttpRequest, type HttpResponse, readJson, sendJson } from "./http.ts";
import { parseChatCompletion, toGenerateRequest } from "./request.ts";

export async function chatCompletions(context: Context, request: HttpRequest, response: HttpResponse): Promise<void> {
  const arrivedAtMs = context.clock.monotonicMs();
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/json\b/i.test(type)) return sendJson(response, unsupported(type));
  const header = (name: string) => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const tenant = context.tenants.resolve(header);
  const asked = parseChatCompletion(await readJson(request));
  const call: IncomingCall = {
    request: toGenerateRequest(asked),
    tenant,
    workload: workloadOf(header(WORKLOAD_HEADER)),
    door: "openai",
    signal: goneSignal(response),
    timeoutMs: undefined,
    arrivedAtMs,
  };
  const parts = generate(context, call);
  const first = await parts.next();
  if (first.done) throw new InvalidRequestError([{ field: "messages", description: "gave no answer" }]);
  const { head, headers } = headOf(first.value, Math.floor(context.clock.nowMs() / 1000));
  if (asked.stream)
    await stream({ context, response, parts, head, headers }, asked.stream_options?.include_usage ?? false);
  else sendJson(response, { status: 200, headers, body: completionOf(head, await all(parts)) });
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

interface Streaming {
  context: Context;
  response: HttpResponse;
  parts: AsyncGenerator<GenerateResponse>;
  head: AnswerHead;
  headers: Record<string, string>;
}

async function stream({ context, response, parts, head, headers }: Streaming, withUsage: boolean): Promise<void> {
  response.writeHead(200, {
    ...headers,
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    // Keeps a proxy in front from collecting what should flow.
    "x-accel-buffering": "no",
  });
  try {
    await send(response, chunkOf(head, { role: "assistant", content: "" }, undefined));
    for await (const { part } of parts) {
      if (part.case === "delta") await send(response, chunkOf(head, { content: part.value.text }, undefined));
      if (part.case !== "complete") continue;
      await send(response, chunkOf(head, {}, part.value.finishReason));
      if (withUsage) await send(response, usageChunkOf(head, part.value.usage));
    }
    response.end("data: [DONE]\n\n");
  } catch (error) {
    // The status line is long gone; the stream says what happened and then breaks, so that no client takes it for whole.
    const { body } = toHttpError(error, (unknown) => context.logger.error({ err: unknown }, "a stream failed"));
    if (response.writable) response.write(`data: ${JSON.stringify(body)}\n\n`, () => response.destroy());
  }
}

/** Waits while the client does not read, so that a slow reader stops the engine and not our memory. */
async function send(response: HttpResponse, chunk: object): Promise<void> {
  const text = `data: ${JSON.stringify(chunk)}\n\n`;
  if (!response.write(text) && !response.destroyed) {
    await Promise.race([once(response, "drain"), once(response, "close")]);
  }
}

function unsupported(type: string) {
  const message = `content-type ${JSON.stringify(type.slice(0, 64))} is not taken, send application/json`;
  const body = { error: { message, type: "invalid_request_error", param: "content-type", code: null } };
  return { status: 415, headers: {}, body };
}
