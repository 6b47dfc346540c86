// The OpenAI-compatible door: POST /v1/chat/completions, POST /v1/completions and GET /v1/models on the router's own port, so
// that every client made for that API works unchanged.
import { extractTrace, failSpan, tracer } from "@chimera/telemetry";
import { context as otel, SpanKind, trace } from "@opentelemetry/api";
import type { Context } from "../context.ts";
import { chatCompletions, completions } from "./completions.ts";
import { type HttpError, toHttpError } from "./errors.ts";
import { type HttpRequest, type HttpResponse, sendJson } from "./http.ts";

type Route = (context: Context, request: HttpRequest, response: HttpResponse) => Promise<void>;

const ROUTES: Record<string, { method: string; route: Route }> = {
  "/v1/chat/completions": { method: "POST", route: chatCompletions },
  "/v1/completions": { method: "POST", route: completions },
  "/v1/models": { method: "GET", route: listModels },
};

/** Handles whatever is no RPC. */
export function openaiDoor(context: Context) {
  return (request: HttpRequest, response: HttpResponse): void => {
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const found = ROUTES[path];
    if (!found) sendJson(response, notFound(path));
    else if (request.method !== found.method) sendJson(response, wrongMethod(path, found.method));
    else void traced(`${found.method} ${path}`, request, () => run(found.route, { context, request, response }));
  };
}

interface Handled {
  context: Context;
  request: HttpRequest;
  response: HttpResponse;
}

async function run(route: Route, { context, request, response }: Handled): Promise<void> {
  try {
    await route(context, request, response);
  } catch (error) {
    trace.getActiveSpan()?.setAttribute("error.type", error instanceof Error ? error.name : "error");
    if (response.headersSent) return void response.destroy();
    sendJson(
      response,
      toHttpError(error, (unknown) => context.logger.error({ err: unknown }, "the OpenAI door failed")),
    );
  }
}

async function traced(name: string, request: HttpRequest, work: () => Promise<void>): Promise<void> {
  const parent = extractTrace((key) => {
    const value = request.headers[key];
    return Array.isArray(value) ? value[0] : value;
  });
  const span = tracer().startSpan(name, { kind: SpanKind.SERVER }, parent);
  try {
    await otel.with(trace.setSpan(parent, span), work);
  } catch (error) {
    failSpan(span, error);
  } finally {
    span.end();
  }
}

async function listModels(context: Context, _request: HttpRequest, response: HttpResponse): Promise<void> {
  const data = context.replicas.models.map(({ id }) => ({ id, object: "model", created: 0, owned_by: "chimera" }));
  sendJson(response, { status: 200, headers: {}, body: { object: "list", data } });
}

function notFound(path: string): HttpError {
  const message = `no such path: ${path.slice(0, 128)}. Here are ${Object.keys(ROUTES).join(", ")} and gRPC.`;
  return {
    status: 404,
    headers: {},
    body: { error: { message, type: "invalid_request_error", param: null, code: null } },
  };
}

function wrongMethod(path: string, method: string): HttpError {
  const message = `${path} takes ${method}`;
  const body = { error: { message, type: "invalid_request_error", param: null, code: null } };
  return { status: 405, headers: { allow: method }, body };
}
