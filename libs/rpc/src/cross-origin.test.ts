import { Health } from "@chimera/contracts/health";
import { afterEach, describe, expect, it } from "vitest";
import { type RpcServer, startServer } from "./index.ts";

const servers: RpcServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(corsOrigins?: readonly string[]): Promise<string> {
  const server = await startServer({
    name: "demo",
    host: "127.0.0.1",
    port: 0,
    services: [Health],
    routes: () => undefined,
    logger: { error: () => undefined },
    ...(corsOrigins && { corsOrigins }),
  });
  servers.push(server);
  return `http://${server.address}/grpc.health.v1.Health/Check`;
}

/** A browser's question before it calls, and the call itself. */
async function asked(url: string, origin: string) {
  const ask = { "access-control-request-method": "POST", "access-control-request-headers": "content-type" };
  const question = await fetch(url, { method: "OPTIONS", headers: { origin, ...ask } });
  const headers = { origin, "content-type": "application/json" };
  const call = await fetch(url, { method: "POST", headers, body: "{}" });
  const allowed = (response: Response) => response.headers.get("access-control-allow-origin");
  return { question, call, allowed: [allowed(question), allowed(call)] };
}

describe("a page of another origin", () => {
  it("may call where its origin is named, and see what it needs", async () => {
    const { question, call, allowed } = await asked(await serve(["https://app.example"]), "https://app.example");
    expect(allowed).toEqual(["https://app.example", "https://app.example"]);
    expect(question.status).toBe(204);
    expect(question.headers.get("access-control-allow-methods")).toContain("POST");
    expect(question.headers.get("access-control-allow-headers")?.toLowerCase()).toContain("connect-protocol-version");
    expect(call.headers.get("access-control-expose-headers")?.toLowerCase()).toContain("grpc-status");
    expect(call.headers.get("vary")).toBe("Origin");
    expect(await call.json()).toEqual({ status: "SERVING" });
  });

  it("may not where another is named, or none", async () => {
    for (const origins of [["https://app.example"], undefined]) {
      const { question, allowed } = await asked(await serve(origins), "https://evil.example");
      expect(allowed).toEqual([null, null]);
      expect(question.status).not.toBe(204);
    }
  });

  it("may always where all are", async () => {
    expect((await asked(await serve(["*"]), "https://any.example")).allowed).toEqual(["*", "*"]);
  });
});
