// The report as plain HTTP pages beside the RPCs: GET /report.html, /report.json and /report.md, each with optional
// ?from= and ?to= as ISO 8601 times.
import { ChimeraError } from "@chimera/kernel";
import type { Context } from "../context.ts";
import { contentSecurityPolicy, renderHtml } from "../report/html.ts";
import { renderJson } from "../report/json.ts";
import { renderMarkdown } from "../report/markdown.ts";
import { reportOn } from "../report/report.ts";
import type { AskedWindow } from "../report/report-window.ts";
import type { Report } from "../report/summary.ts";

interface Page {
  readonly contentType: string;
  render(report: Report): string;
}

const pages: ReadonlyMap<string, Page> = new Map([
  ["/report.html", { contentType: "text/html; charset=utf-8", render: renderHtml }],
  ["/report.json", { contentType: "application/json; charset=utf-8", render: renderJson }],
  ["/report.md", { contentType: "text/markdown; charset=utf-8", render: renderMarkdown }],
]);

const plain = "text/plain; charset=utf-8";

/** What node's HTTP/1.1 and HTTP/2 servers have in common. */
export interface PageRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
}

export interface PageResponse {
  writeHead(status: number, headers: Record<string, string | number>): unknown;
  end(body?: string): unknown;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers every path that is no RPC. `onError` hears of failures whose cause stays inside. */
export function reportPages(context: Context, onError: (error: unknown) => void) {
  return (request: PageRequest, response: PageResponse): void => {
    const answer = answerTo(context, request, onError);
    response.writeHead(answer.status, {
      "content-length": Buffer.byteLength(answer.body),
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "content-security-policy": contentSecurityPolicy,
      ...answer.headers,
    });
    response.end(request.method === "HEAD" ? undefined : answer.body);
  };
}

function answerTo(context: Context, request: PageRequest, onError: (error: unknown) => void): Answer {
  const url = URL.parse(request.url ?? "", "http://insight.invalid");
  const page = pages.get(url?.pathname ?? "");
  if (url === null || (page === undefined && url.pathname !== "/")) {
    return message(404, `Not found. Pages: ${[...pages.keys()].join(", ")}.`);
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return message(405, "Only GET and HEAD are answered here.", { allow: "GET, HEAD" });
  }
  if (page === undefined) return message(302, "The report is at /report.html.", { location: "/report.html" });
  try {
    const body = page.render(reportOn(context, askedWindow(url.searchParams)));
    return { status: 200, headers: { "content-type": page.contentType }, body };
  } catch (error) {
    if (error instanceof ChimeraError && error.kind === "invalid-argument") return message(400, error.message);
    onError(error);
    return message(500, "The report could not be made. The service's log says why.");
  }
}

function askedWindow(parameters: URLSearchParams): AskedWindow {
  // A time that can not be read is NaN, which the window refuses by name.
  const read = (name: string) => (parameters.has(name) ? Date.parse(parameters.get(name) ?? "") : undefined);
  return { fromMs: read("from"), toMs: read("to") };
}

function message(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return { status, headers: { "content-type": plain, ...headers }, body: `${body}\n` };
}
