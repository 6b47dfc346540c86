// Pages of other origins: browsers let them call only where the server says so (CORS).
import type { IncomingMessage, ServerResponse } from "node:http";
import { cors } from "@connectrpc/connect";

/** How long a browser may remember the answer to its question, at most what Chromium takes. */
const MAX_AGE_S = 7200;
const ALLOWED_METHODS = cors.allowedMethods.join(", ");
const ALLOWED_HEADERS = [
  ...cors.allowedHeaders,
  "Authorization",
  "X-Chimera-Tenant",
  "X-Chimera-Workload",
  "X-Chimera-Session",
  "Traceparent",
].join(", ");
const EXPOSED_HEADERS = [
  ...cors.exposedHeaders,
  "Retry-After",
  "X-Request-Id",
  "X-Chimera-Served-By",
  "X-Chimera-Cache",
  "X-Chimera-Cache-Reason",
  "X-Chimera-Queue-Ms",
  "X-Chimera-Trace-Id",
].join(", ");

export interface CrossOrigin {
  /** True where the request was a browser's question, which is answered with this. */
  answers(request: IncomingMessage, response: ServerResponse): boolean;
}

/** `origins`: such as https://app.example; "*" is any. */
export function crossOrigin(origins: readonly string[]): CrossOrigin {
  const any = origins.includes("*");
  const allowed = new Set(origins);
  return {
    answers(request, response) {
      const { origin } = request.headers;
      if (origin === undefined || origins.length === 0) return false;
      response.setHeader("vary", "Origin");
      if (!any && !allowed.has(origin)) return false;
      response.setHeader("access-control-allow-origin", any ? "*" : origin);
      response.setHeader("access-control-expose-headers", EXPOSED_HEADERS);
      if (request.method !== "OPTIONS" || !request.headers["access-control-request-method"]) return false;
      response.writeHead(204, {
        "access-control-allow-methods": ALLOWED_METHODS,
        "access-control-allow-headers": ALLOWED_HEADERS,
        "access-control-max-age": String(MAX_AGE_S),
      });
      response.end();
      return true;
    },
  };
}
