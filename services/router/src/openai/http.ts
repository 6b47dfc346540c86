// Plain HTTP in and out, the same over HTTP/1.1 and HTTP/2.
import type { IncomingMessage, ServerResponse } from "node:http";
import { InvalidRequestError } from "@chimera/kernel";

// The HTTP/2 objects of node's compatibility API fit these types as well.
export type HttpRequest = IncomingMessage;
export type HttpResponse = ServerResponse;

/** A body; more is refused while it arrives. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Throws InvalidRequestError for what is too large or no JSON. */
export async function readJson(request: HttpRequest): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      throw new InvalidRequestError([{ field: "body", description: `has more than ${MAX_BODY_BYTES} bytes` }]);
    }
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new InvalidRequestError([{ field: "body", description: "is no JSON" }]);
  }
}

export function sendJson(
  response: HttpResponse,
  answer: { status: number; headers: Record<string, string>; body: unknown },
): void {
  const text = JSON.stringify(answer.body);
  response.writeHead(answer.status, {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(text)),
    ...answer.headers,
  });
  response.end(text);
}

/** Aborted when the client leaves before the answer is finished. */
export function goneSignal(response: HttpResponse): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => {
    // Over HTTP/2 a response counts as finished however its stream was closed; whether it was ended is ours to know.
    if (!response.writableEnded) controller.abort(new DOMException("the client left", "AbortError"));
  });
  return controller.signal;
}
