// The client on real connections: what becomes of calls when the connection breaks, is refused, or is shared.
import type { ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { systemClock, systemRandom } from "@chimera/kernel";
import { Authority } from "@chimera/rpc/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createClient } from "../index.ts";
import { accepted, complete, delta, eventually, failure, left } from "../testing/fake-router.ts";
import {
  answer,
  frameRouter,
  type Listening,
  refuse,
  respond,
  secureRouter,
  typedRouter,
} from "../testing/http2-router.ts";
import { type ChimeraClient, clientOn } from "./client.ts";
import { nodeConnection, type Tls } from "./node-connection.ts";

const hello = { prompt: "hello" };

const open: (AsyncDisposable | Disposable)[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await (each as AsyncDisposable)[Symbol.asyncDispose]();
});

function clientOf({ baseUrl }: { baseUrl: string }, retry?: false): ChimeraClient {
  const client = createClient({ baseUrl, retry });
  open.push(client);
  return client;
}

function serving<T extends Listening>(router: T): T {
  open.push(router);
  return router;
}

describe("a connection", () => {
  it("is opened ahead, and shared by all calls", async () => {
    const router = serving(
      await typedRouter({
        async *generate() {
          yield* [accepted, delta(0, "hi"), complete];
        },
      }),
    );
    const client = clientOf(router);
    await client.connect();
    expect(router.sessions).toHaveLength(1);
    await Promise.all(Array.from({ length: 5 }, () => client.generate(hello).result()));
    expect(router.sessions).toHaveLength(1);
  });

  it("is not held up by an answer that nobody reads", async () => {
    const text = "x".repeat(10_000);
    const router = serving(
      await typedRouter({
        async *generate({ prompt }) {
          yield accepted;
          const pieces = prompt === "flood" ? 100 : 10;
          for (let seq = 0; seq < pieces; seq += 1) yield delta(seq, text);
          yield complete;
        },
      }),
    );
    const client = clientOf(router);
    // Each of them fills its own window, together more than node's window for the connection.
    const unread = Array.from({ length: 4 }, () => client.generate({ prompt: "flood" }));
    for (const stream of unread) await eventually(() => stream.ttftMs).toBeDefined();
    expect((await client.generate(hello).result()).text).toHaveLength(100_000);
    for (const stream of unread) expect((await stream.result()).text).toHaveLength(1_000_000);
  });

  it("carries the end of a call to the router when its loop is left", async () => {
    let hasLeft = false;
    const router = serving(
      await typedRouter({
        async *generate(_request, { signal }) {
          yield* [accepted, delta(0, "hi")];
          await left(signal);
          hasLeft = true;
        },
      }),
    );
    for await (const _ of clientOf(router).generate(hello).text) break;
    await eventually(() => hasLeft).toBe(true);
  });

  it("carries deadlines, and turns of a conversation in both directions", async () => {
    let timeoutMs: number | undefined;
    const router = serving(
      await typedRouter({
        async *generate(_request, call) {
          timeoutMs = call.timeoutMs();
          yield* [accepted, complete];
        },
        async *chat(requests) {
          let turn = 0;
          for await (const { action } of requests) {
            if (action.case !== "turn") continue;
            for (const value of [accepted, delta(0, action.value.content), complete]) {
              yield { turn, event: { case: "part" as const, value } };
            }
            turn += 1;
          }
        },
      }),
    );
    const client = clientOf(router);
    await client.generate(hello, { deadlineMs: 30_000 }).result();
    expect(timeoutMs).toBeGreaterThan(1000);
    expect(timeoutMs).toBeLessThanOrEqual(30_000);
    const chat = client.chat();
    expect((await chat.ask("one").result()).text).toBe("one");
    expect((await chat.ask("two").result()).text).toBe("two");
    await chat.end();
  });
});

describe("a connection with certificates", () => {
  it("trusts the authority it is given, and shows its own certificate", async () => {
    const [ours, theirs] = [new Authority("ours"), new Authority("theirs")];
    const routes = {
      async *generate() {
        yield* [accepted, delta(0, "hi"), complete];
      },
    };
    const { baseUrl } = serving(await secureRouter(routes, { ca: ours.cert, ...ours.issue(["127.0.0.1"]) }));
    const ask = (tls: Tls) => {
      const client = createClient({ baseUrl, tls, retry: false });
      open.push(client);
      return client.generate(hello).result();
    };
    expect((await ask({ ca: ours.cert, ...ours.issue(["caller"]) })).text).toBe("hi");
    const strangers = [{ ca: ours.cert }, { ca: ours.cert, ...theirs.issue(["caller"]) }, { ca: theirs.cert }, {}];
    for (const tls of strangers) expect((await failure(ask(tls))).code).toBe("UNAVAILABLE");
  });
});

describe("a connection that breaks", () => {
  it.each([
    ["is destroyed", (stream) => stream.session?.destroy()],
    ["loses its socket", (stream) => stream.session?.socket.destroy()],
    ["refuses the stream", (stream) => stream.close(7)],
    ["is told to go", (stream) => stream.session?.goaway(0, 0, Buffer.alloc(0))],
  ] satisfies [string, Parameters<typeof frameRouter>[0]][])(
    "before the answer (%s) is opened again for the next attempt",
    async (_what, brokenBy) => {
      const router = serving(
        await frameRouter(
          (stream) => {
            brokenBy(stream);
            if (!stream.closed) stream.close(7);
          },
          (stream) => answer(stream, accepted, delta(0, "hi"), complete),
        ),
      );
      expect(await clientOf(router).generate(hello).result()).toMatchObject({ text: "hi", attempts: 2 });
    },
  );

  it.each([
    ["its session is destroyed", (session) => session.destroy()],
    ["its socket is reset", (session) => session.socket.resetAndDestroy()],
  ] satisfies [string, (session: ServerHttp2Session) => void][])(
    "in the middle of an answer (%s) is UNAVAILABLE with what had arrived, and not tried again",
    async (_how, breaks) => {
      let calls = 0;
      const router = serving(
        await frameRouter((stream) => {
          calls += 1;
          respond(stream, accepted, delta(0, "so far"));
        }),
      );
      const stream = clientOf(router).generate(hello);
      const read = async () => {
        for await (const event of stream) if (event.type === "delta") router.sessions.forEach(breaks);
      };
      expect(await failure(read())).toMatchObject({
        code: "UNAVAILABLE",
        requestId: "request-1",
        partial: { text: "so far", nextSeq: 1 },
      });
      expect(calls).toBe(1);
    },
  );

  it("does not end the process when the client is closed at the same time", async () => {
    const notHttp2 = createServer((socket) => {
      socket.on("error", () => undefined).resume();
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    await new Promise<void>((resolve) => notHttp2.listen(0, "127.0.0.1", resolve));
    const { port } = notHttp2.address() as AddressInfo;
    const client = createClient({ baseUrl: `http://127.0.0.1:${port}`, retry: false });
    expect((await failure(client.generate(hello).result())).code).toBe("UNAVAILABLE");
    client.close();
    notHttp2.close();
  });
});

describe("a router that is not there", () => {
  it("is UNAVAILABLE, after all attempts", async () => {
    const router = await typedRouter({});
    await router[Symbol.asyncDispose]();
    const error = await failure(clientOf(router).generate(hello).result());
    expect(error).toMatchObject({ code: "UNAVAILABLE", attempts: 3 });
    expect(error.message).toContain("ECONNREFUSED");
    expect((await failure(clientOf(router).connect())).code).toBe("UNAVAILABLE");
  });

  it("is found when it is back in time", async () => {
    const gone = await typedRouter({});
    await gone[Symbol.asyncDispose]();
    const client = clientOn({
      options: gone,
      connection: nodeConnection(gone),
      surroundings: {
        clock: systemClock,
        random: systemRandom,
        async sleep() {
          const routes = {
            async *generate() {
              yield* [accepted, delta(0, "back"), complete];
            },
          };
          serving(await typedRouter(routes, gone.port));
        },
      },
    });
    open.push(client);
    expect(await client.generate(hello).result()).toMatchObject({ text: "back", attempts: 2 });
  });
});

describe("a refusal in one header block", () => {
  it("is tried again when its pushback says", async () => {
    const waits: number[] = [];
    const router = serving(
      await frameRouter(
        (stream) => refuse(stream, { "grpc-status": "14", "grpc-message": "full", "grpc-retry-pushback-ms": "40" }),
        (stream) => answer(stream, accepted, delta(0, "hi"), complete),
      ),
    );
    const sleep = async (ms: number) => void waits.push(ms);
    const surroundings = { clock: systemClock, random: () => 0, sleep };
    const client = clientOn({ options: router, connection: nodeConnection(router), surroundings });
    open.push(client);
    expect((await client.generate(hello).result()).text).toBe("hi");
    expect(waits).toEqual([40]);
  });

  it("is final where its pushback says so", async () => {
    const router = serving(
      await frameRouter((stream) => refuse(stream, { "grpc-status": "14", "grpc-retry-pushback-ms": "-1" })),
    );
    expect(await failure(clientOf(router).generate(hello).result())).toMatchObject({
      code: "UNAVAILABLE",
      attempts: 1,
    });
  });

  it("of something in front of the router says when to come back", async () => {
    const router = serving(
      await frameRouter((stream) => stream.respond({ ":status": 503, "retry-after": "2" }, { endStream: true })),
    );
    const error = await failure(clientOf(router, false).generate(hello).result());
    expect(error).toMatchObject({ code: "UNAVAILABLE", retryAfterMs: 2000 });
  });
});
