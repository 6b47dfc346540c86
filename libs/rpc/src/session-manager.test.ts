import { type AddressInfo, createServer } from "node:net";
import { Health } from "@chimera/contracts/health";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, it } from "vitest";
import { SessionManager } from "./session-manager.ts";
import { settings } from "./testing/frames.ts";

it("outlives a server that falls silent under several calls", async () => {
  const silent = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.write(settings()));
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const sessionManager = new SessionManager(baseUrl, { pingIntervalMs: 50, pingTimeoutMs: 50 });
  const health = createClient(Health, createGrpcTransport({ baseUrl, sessionManager }));
  const uncaught: unknown[] = [];
  const hear = (error: unknown) => void uncaught.push(error);
  process.on("uncaughtException", hear);
  const codes = async (calls: number) => {
    const asked = Array.from({ length: calls }, () => health.check({}).catch((error: unknown) => error));
    return (await Promise.all(asked)).map((error) => ConnectError.from(error).code);
  };
  expect(await codes(1)).toEqual([Code.Unavailable]);
  expect(await codes(3)).toEqual(Array(3).fill(Code.Unavailable));
  expect(await codes(1)).toEqual([Code.Unavailable]);
  process.off("uncaughtException", hear);
  expect(uncaught).toEqual([]);
  sessionManager.abort();
  silent.close();
});
