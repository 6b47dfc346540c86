import { describe, expect, it } from "vitest";
import { busyMesh, contextOf, recordsOf, START_MS } from "../testing/events.ts";
import { reportPages } from "./report-pages.ts";

const context = contextOf(recordsOf(busyMesh()), START_MS + 120_000);

interface Answer {
  status: number;
  headers: Record<string, string | number>;
  body: string | undefined;
}

function ask(url: string, method = "GET", broken?: typeof context): Answer & { errors: unknown[] } {
  const answer: Answer = { status: 0, headers: {}, body: undefined };
  const errors: unknown[] = [];
  const pages = reportPages(broken ?? context, (error) => errors.push(error));
  pages(
    { url, method },
    {
      writeHead: (status, headers) => Object.assign(answer, { status, headers }),
      end: (body) => Object.assign(answer, { body }),
    },
  );
  return { ...answer, errors };
}

describe("report pages", () => {
  it.each([
    ["/report.html", "text/html; charset=utf-8", "<!doctype html>"],
    ["/report.json", "application/json; charset=utf-8", "{"],
    ["/report.md", "text/markdown; charset=utf-8", "# Chimera"],
  ])("serve %s as %s", (path, contentType, start) => {
    const answer = ask(path);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ "content-type": contentType, "x-content-type-options": "nosniff" });
    expect(answer.body?.startsWith(start)).toBe(true);
    expect(answer.headers["content-length"]).toBe(Buffer.byteLength(answer.body ?? ""));
  });

  it("allow the HTML its own style sheet and nothing else", () => {
    const policy = String(ask("/report.html").headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/style-src 'sha256-[A-Za-z0-9+/]{43}='/);
    expect(policy).not.toContain("unsafe");
  });

  it("lead from the root to the report", () => {
    expect(ask("/")).toMatchObject({ status: 302, headers: { location: "/report.html" } });
  });

  it("answer HEAD without a body but with its length", () => {
    const head = ask("/report.json", "HEAD");
    expect(head).toMatchObject({ status: 200, body: undefined });
    expect(head.headers["content-length"]).toBe(Buffer.byteLength(ask("/report.json").body ?? ""));
  });

  it("take a window", () => {
    const from = new Date(START_MS + 30_000).toISOString();
    const to = new Date(START_MS + 60_000).toISOString();
    const report = JSON.parse(ask(`/report.json?from=${from}&to=${to}`).body ?? "");
    expect(report.window).toEqual({ from, to });
    const count = report.figures.find((figure: { id: string }) => figure.id === "requests.count");
    expect(count.value).toBeGreaterThan(300);
    expect(count.value).toBeLessThan(450);
  });

  it.each([
    ["/report.json?from=yesterday", "from: is no time"],
    ["/report.json?to=2025-01-01T00:00:00Z&from=2026-01-01T00:00:00Z", "from: lies after to"],
  ])("say what is wrong with %s", (path, message) => {
    const answer = ask(path);
    expect(answer.status).toBe(400);
    expect(answer.body).toContain(message);
  });

  it.each([
    ["/nothing", "GET", 404],
    ["/nothing", "POST", 404],
    ["/report.html", "POST", 405],
    ["/", "DELETE", 405],
    ["//", "GET", 404],
  ])("answer %s by %s with %i", (path, method, status) => {
    expect(ask(path, method).status).toBe(status);
  });

  it("keep the cause of a failure inside and hand it to the log", () => {
    const cause = new Error("secret detail");
    const clock = {
      nowMs: () => {
        throw cause;
      },
      monotonicMs: () => 0,
    };
    const answer = ask("/report.html", "GET", { ...context, clock });
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain("secret");
    expect(answer.errors).toEqual([cause]);
  });
});
