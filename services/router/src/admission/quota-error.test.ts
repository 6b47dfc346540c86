import { BadRequestSchema, RetryInfoSchema } from "@chimera/contracts/google-rpc";
import { InferenceService } from "@chimera/contracts/inference";
import { OverloadedError, QuotaExceededError } from "@chimera/kernel";
import { connectClient, fromConnectError, startServer, toConnectError } from "@chimera/rpc";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { toHttpError } from "../openai/errors.ts";

const spent = new QuotaExceededError("tenant acme has used its 2000 tokens a second", {
  retryAfterMs: 1500,
  subject: "acme",
  quota: "tokensPerS",
});

async function overTheWire(error: Error): Promise<ConnectError> {
  const server = await startServer({
    name: "demo",
    host: "127.0.0.1",
    port: 0,
    services: [InferenceService],
    logger: { error: () => undefined },
    routes: (router) =>
      void router.service(InferenceService, {
        describe: () => {
          throw error;
        },
      }),
  });
  const { client, close } = connectClient(InferenceService, `http://${server.address}`);
  try {
    await client.describe({});
  } catch (thrown) {
    return ConnectError.from(thrown);
  } finally {
    close();
    await server.close();
  }
  throw new Error("the call succeeded");
}

describe("a tenant over its quota", () => {
  it("hears RESOURCE_EXHAUSTED, when it may come back, and which quota of whom it was; all of it survives a hop", async () => {
    const error = await overTheWire(spent);
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
    expect(error.details.map((detail) => ("type" in detail ? detail.type : ""))).toContain("google.rpc.QuotaFailure");
    expect(error.findDetails(BadRequestSchema)).toEqual([]);
    const ours = fromConnectError(error);
    expect(ours).toBeInstanceOf(QuotaExceededError);
    expect(ours).toMatchObject({ subject: "acme", quota: "tokensPerS", retryAfterMs: 1500, message: spent.message });
  });

  it("is not for others to repeat, unlike one that finds the mesh full", () => {
    expect(spent.isRetryable).toBe(false);
    expect(new OverloadedError("full", 100).isRetryable).toBe(true);
  });

  it("is not what a message over the size limit is taken for", () => {
    const tooLarge = new ConnectError("message is larger than 4194304 bytes", Code.ResourceExhausted);
    expect(fromConnectError(tooLarge)).toMatchObject({ kind: "overloaded" });
    const unreadable = toConnectError(spent);
    unreadable.details = [{ type: "google.rpc.QuotaFailure", value: new Uint8Array([0xff]) }];
    expect(fromConnectError(unreadable)).toMatchObject({ kind: "overloaded" });
  });

  it("hears 429 and Retry-After over HTTP, where a full mesh is 503", () => {
    const seen: unknown[] = [];
    const quota = toHttpError(spent, (error) => void seen.push(error));
    expect(quota).toEqual({
      status: 429,
      headers: { "retry-after": "2" },
      body: { error: { message: spent.message, type: "rate_limit_error", param: null, code: "rate_limit_exceeded" } },
    });
    const full = toHttpError(new OverloadedError("full", 100), (error) => void seen.push(error));
    expect(full).toMatchObject({ status: 503, headers: { "retry-after": "1" }, body: { error: { code: null } } });
    expect(seen).toEqual([]);
  });
});
