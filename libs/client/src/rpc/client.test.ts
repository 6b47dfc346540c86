// What a client asks besides answers, and how it is set up.

import { Health, HealthCheckResponse_ServingStatus as Status } from "@chimera/contracts/health";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { createClient } from "../index.ts";
import { eventually, failure, fakeClient, left } from "../testing/fake-router.ts";
import { createClient as createWebClient } from "../web.ts";

describe("watching statistics", () => {
  it("gives plain numbers, and ends with its reader", async () => {
    let hasLeft = false;
    let intervalMs: number | undefined;
    const { client } = fakeClient({
      async *watchStats({ interval }, { signal }) {
        intervalMs = Number(interval?.seconds) * 1000 + (interval?.nanos ?? 0) / 1e6;
        void left(signal).then(() => {
          hasLeft = true;
        });
        yield {
          rpsAvg: 12.5,
          inFlight: 3,
          uptimeMs: 9_000n,
          all: { requests: 40n, errors: 1n, ttft: { n: 39n, p50Ms: 8, p95Ms: 20, p99Ms: 30 } },
          byCacheStatus: [{ cacheStatus: "hit", requests: 16n }],
          rates: [{ window: { seconds: 10n }, demandAvg: 12, servedAvg: 11.5 }],
        };
        await left(signal);
      },
    });
    for await (const stats of client.watchStats({ intervalMs: 1500 })) {
      expect(JSON.parse(JSON.stringify(stats))).toMatchObject({
        rpsAvg: 12.5,
        inFlight: 3,
        uptimeMs: 9000,
        all: { requests: 40, errors: 1, ttftMs: { n: 39, p50: 8, p95: 20, p99: 30 }, queueMs: { n: 0 } },
        byCacheStatus: [{ cacheStatus: "hit", requests: 16 }],
        rates: [{ windowMs: 10_000, demandAvg: 12, servedAvg: 11.5 }],
      });
      break;
    }
    expect(intervalMs).toBe(1500);
    await eventually(() => hasLeft).toBe(true);
  });

  it("fails with what the router says, or with the caller's signal", async () => {
    const { client } = fakeClient({
      // biome-ignore lint/correctness/useYield: it refuses
      async *watchStats(_request, { signal }) {
        if (signal.aborted) await left(signal);
        throw new ConnectError("interval: out of range", Code.InvalidArgument);
      },
    });
    const read = async (signal?: AbortSignal) => {
      for await (const _ of client.watchStats({ signal }));
    };
    expect((await failure(read())).code).toBe("INVALID_ARGUMENT");
    expect((await failure(read(AbortSignal.abort()))).code).toBe("CANCELLED");
  });
});

describe("asking for health", () => {
  const transport = createRouterTransport((router) => {
    router.service(Health, {
      check: ({ service }) => {
        if (service === "") return { status: Status.SERVING };
        if (service === "draining") return { status: Status.NOT_SERVING };
        throw new ConnectError("no such service", Code.NotFound);
      },
    });
  });
  const client = createClient({ baseUrl: "http://router.test", transport });

  it("gives the state by name", async () => {
    expect(await client.health()).toBe("SERVING");
    expect(await client.health({ service: "draining" })).toBe("NOT_SERVING");
    expect((await failure(client.health({ service: "other" }))).code).toBe("NOT_FOUND");
  });

  it("is what connecting ahead does with a transport of one's own", async () => {
    await expect(client.connect()).resolves.toBeUndefined();
    const { client: unreachable } = fakeClient({});
    expect((await failure(unreachable.connect())).code).toBe("UNIMPLEMENTED");
  });
});

describe("setting up a client", () => {
  it.each([
    ["no address", { baseUrl: "router:7100" }, "baseUrl"],
    ["two credentials", { baseUrl: "http://r", apiKey: "k", token: "t" }, "token"],
    ["a deadline in the past", { baseUrl: "http://r", deadlineMs: -1 }, "deadlineMs"],
    ["no attempt at all", { baseUrl: "http://r", retry: { maxAttempts: 0 } }, "retry.maxAttempts"],
    ["attempts without end", { baseUrl: "http://r", retry: { maxAttempts: 6 } }, "retry.maxAttempts"],
    ["a wait that is none", { baseUrl: "http://r", retry: { initialBackoffMs: Number.NaN } }, "retry.initialBackoffMs"],
    [
      "a budget that is none",
      { baseUrl: "http://r", retry: { budget: { tokenRatio: -1 } } },
      "retry.budget.tokenRatio",
    ],
  ])("with %s names the option", (_what, options, field) => {
    for (const create of [createClient, createWebClient]) {
      expect(() => create(options)).toThrow(
        expect.objectContaining({ fieldViolations: [{ field, description: expect.any(String) }] }),
      );
    }
  });
});
