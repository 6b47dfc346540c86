// The client over fetch, as a page uses it: what becomes of an answer whose connection breaks, and how long it may take.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { RouterService } from "@chimera/contracts/router";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { accepted, complete, delta, eventually, failure, left } from "../testing/fake-router.ts";
import { createClient } from "../web.ts";

let server: Server;
let baseUrl: string;
let hasLeft: boolean;
let timeoutMs: number | undefined;
beforeEach(async () => {
  hasLeft = false;
  server = createServer(
    connectNodeAdapter({
      routes(router) {
        router.service(RouterService, {
          async *generate({ prompt }, call) {
            timeoutMs = call.timeoutMs();
            yield* [accepted, delta(0, "so far")];
            if (prompt === "whole") yield complete;
            else await left(call.signal);
            hasLeft = call.signal.aborted;
          },
        });
      },
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

describe.each(["connect", "grpc-web"] as const)("%s", (protocol) => {
  it("carries an answer and its deadline", async () => {
    const client = createClient({ baseUrl, protocol, deadlineMs: 30_000 });
    expect((await client.generate({ prompt: "whole" }).result()).text).toBe("so far");
    expect(timeoutMs).toBeGreaterThan(1000);
    expect(timeoutMs).toBeLessThanOrEqual(30_000);
  });

  it("carries the end of a call when its loop is left", async () => {
    for await (const _ of createClient({ baseUrl, protocol }).generate({ prompt: "wait" }).text) break;
    await eventually(() => hasLeft).toBe(true);
  });

  it("says UNAVAILABLE, with what had arrived, where the connection breaks", async () => {
    const stream = createClient({ baseUrl, protocol }).generate({ prompt: "wait" });
    const read = async () => {
      for await (const _ of stream.text) server.closeAllConnections();
    };
    expect(await failure(read())).toMatchObject({
      code: "UNAVAILABLE",
      attempts: 1,
      partial: { text: "so far", nextSeq: 1 },
    });
  });

  it("says UNAVAILABLE where a proxy cuts the answer and ends it as if it were whole", async () => {
    const cutting: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      const reader = response.body?.getReader();
      const first = await reader?.read();
      void reader?.cancel();
      return new Response(first?.value, { status: response.status, headers: response.headers });
    };
    const stream = createClient({ baseUrl, protocol, fetch: cutting }).generate({ prompt: "wait" });
    expect((await failure(stream.result())).code).toBe("UNAVAILABLE");
  });
});
