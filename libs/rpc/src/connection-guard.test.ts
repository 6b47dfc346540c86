// Bounds of connections, on a real server, by clients that break them. Everybody else must be served all the while.
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { Health, HealthCheckResponse_ServingStatus as Status } from "@chimera/contracts/health";
import { InferenceService } from "@chimera/contracts/inference";
import { RouterService } from "@chimera/contracts/router";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ConnectionLimits, connectClient, type RpcServer, startServer } from "./index.ts";
import * as h2 from "./testing/frames.ts";

const DESCRIBE = "/chimera.inference.v1.InferenceService/Describe";
const CHAT = "/chimera.router.v1.RouterService/Chat";
const KIB = 1024;

const open: { close(): void | Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

let handlersStarted: number;
let release: () => void;
let released: Promise<void>;
beforeEach(() => {
  handlersStarted = 0;
  ({ promise: released, resolve: release } = Promise.withResolvers<void>());
});

async function serve(limits: Partial<ConnectionLimits>): Promise<RpcServer> {
  const server = await startServer({
    name: "demo",
    host: "127.0.0.1",
    port: 0,
    services: [InferenceService, RouterService],
    routes: (router) => {
      router.service(InferenceService, {
        describe: async () => {
          handlersStarted += 1;
          await released;
          return { model: "demo" };
        },
      });
      router.service(RouterService, {
        async *chat(turns) {
          for await (const _ of turns) yield {};
        },
      });
    },
    raw: [
      {
        path: "/demo/Raw",
        async handle() {
          handlersStarted += 1;
          await released;
        },
      },
    ],
    logger: { error: () => undefined },
    limits,
  });
  open.push(server);
  return server;
}

function frames(server: RpcServer, options = {}): h2.FrameConnection {
  const connection = new h2.FrameConnection(server.port, options);
  open.push(connection);
  return connection;
}

function tcp(server: RpcServer, bytes = ""): { socket: Socket; closed: Promise<void> } {
  const socket = connectTcp(server.port, "127.0.0.1");
  open.push({ close: () => void socket.destroy() });
  socket.on("error", () => undefined);
  socket.resume();
  if (bytes) socket.write(bytes);
  return { socket, closed: new Promise((resolve) => socket.once("close", () => resolve())) };
}

function health(server: RpcServer) {
  const rpc = connectClient(Health, `http://${server.address}`);
  open.push(rpc);
  return rpc.client;
}

const becomes = (look: () => unknown, expected: unknown) =>
  vi.waitFor(() => expect(look()).toEqual(expected), { timeout: 20_000, interval: 2 });

const isGoAway = ({ type }: h2.Frame) => type === h2.FrameType.goaway;
const errorCode = (goAway: h2.Frame | undefined) => goAway?.payload.readUInt32BE(4);
const resetOf = (streamId: number) => (frame: h2.Frame) =>
  frame.type === h2.FrameType.reset && frame.streamId === streamId;
const resetCode = (reset: h2.Frame | undefined) => reset?.payload.readUInt32BE(0);

describe("streams that are opened and reset", () => {
  const pairs = (path: string, { inBatchesOf: size = 1 } = {}) =>
    Array.from({ length: 5000 / size }, (_, batch) => {
      const ids = Array.from({ length: size }, (_, i) => 2 * (batch * size + i) + 1);
      return [...ids.map((id) => h2.headers(id, h2.grpcFields(path))), ...ids.map((id) => h2.reset(id))];
    }).flat();

  it.each([
    ["as the first thing it says", "/demo/Raw", 1, false],
    ["later, to a method served as bytes", "/demo/Raw", 1, true],
    ["later, to a typed method", DESCRIBE, 1, true],
    ["later, a hundred at a time", "/demo/Raw", 100, true],
  ])("end their connection in the middle of a packet, sent %s, and nobody else's", async (_, path, size, isLater) => {
    const server = await serve({ resetBurst: 50, resetsPerSecond: 10 });
    const bystander = health(server);
    await bystander.check({});
    const attacker = frames(server);
    if (isLater) await attacker.frame(({ type }) => type === h2.FrameType.settings);
    attacker.send(...pairs(path, { inBatchesOf: size }));
    await attacker.closed;
    expect(handlersStarted).toBeLessThanOrEqual(50 + size);
    expect((await bystander.check({})).status).toBe(Status.SERVING);
    await becomes(() => [server.openStreams, server.inFlight], [0, 0]);
  });

  it("are fine as long as they are few", async () => {
    const server = await serve({ resetBurst: 20, resetsPerSecond: 1 });
    const session = connectHttp2(`http://${server.address}`);
    open.push({ close: () => session.destroy() });
    for (let i = 0; i < 18; i++) {
      const stream = session.request({ ":method": "POST", ":path": DESCRIBE, "content-type": "application/grpc" });
      stream.on("error", () => undefined);
      await becomes(() => server.openStreams, 1);
      stream.close(8);
      await becomes(() => server.openStreams, 0);
    }
    expect(session.destroyed).toBe(false);
  });
});

describe("connections that do not begin", () => {
  const beginnings: [string, string][] = [
    ["say nothing", ""],
    ["stop in the preface", "PR"],
    ["stop after the preface", h2.PREFACE.toString()],
    ["stop in a header line", "POST / HTTP/1.1\r\nx-slow: "],
  ];
  it.each(beginnings)("are closed when they %s", async (_name, bytes) => {
    const server = await serve({ firstByteMs: 100 });
    const { closed } = tcp(server, bytes);
    await closed;
    await becomes(() => server.connections, 0);
    expect((await health(server).check({})).status).toBe(Status.SERVING);
  });

  it("make room for others once there are too many, oldest first", async () => {
    const server = await serve({ maxConnections: 3 });
    const silent = [tcp(server), tcp(server), tcp(server)];
    await becomes(() => server.connections, 3);
    expect((await health(server).check({})).status).toBe(Status.SERVING);
    await silent[0]?.closed;
  });
});

describe("connections that do nothing", () => {
  it("are told to go, pings or not, and lose no call that is on its way", async () => {
    const server = await serve({ idleConnectionMs: 20 });
    release();
    const connection = frames(server);
    const pings = setInterval(() => connection.send(h2.ping()), 5);
    const goAway = await connection.frame(isGoAway);
    clearInterval(pings);
    expect(errorCode(goAway)).toBe(0);
    // What arrives between the warning and the end is served: the warning names no last stream.
    expect(goAway?.payload.readUInt32BE(0)).toBe(2 ** 31 - 1);
    await connection.closed;
    const rpc = connectClient(InferenceService, `http://${server.address}`);
    open.push(rpc);
    let answered = 0;
    for (let i = 0; i < 40; i++) {
      // A client that has its call ready when the warning comes takes it back itself, before the server has seen it.
      const answer = await rpc.client.describe({}).catch(() => undefined);
      if (answer) answered += 1;
      await new Promise((resolve) => setTimeout(resolve, 15 + (i % 10)));
    }
    expect(answered).toBeGreaterThan(0);
    expect(handlersStarted).toBe(answered);
  });

  it("make room for others, and those that do something do not", async () => {
    const server = await serve({ maxConnections: 2 });
    const [idle, busy] = [frames(server), frames(server)];
    busy.send(h2.headers(1, h2.grpcFields(DESCRIBE)), h2.data(1, Buffer.alloc(5), { end: true }));
    await becomes(() => server.inFlight, 1);
    await idle.frame(({ type }) => type === h2.FrameType.settings);
    const next = connectClient(InferenceService, `http://${server.address}`);
    open.push(next);
    const answer = next.client.describe({});
    await idle.closed;
    await becomes(() => server.inFlight, 2);
    await tcp(server).closed;
    release();
    expect((await answer).model).toBe("demo");
    expect(await busy.frame(({ type }) => type === h2.FrameType.headers)).toBeDefined();
  });
});

describe("requests that do not end", () => {
  it("are given up, however busy they look, unless their method takes a stream", async () => {
    const server = await serve({ requestReadMs: 200 });
    const connection = frames(server);
    connection.send(h2.headers(1, h2.grpcFields(DESCRIBE)), h2.headers(3, h2.grpcFields(CHAT)));
    const trickle = setInterval(() => connection.send(h2.data(1, Buffer.alloc(1)), h2.data(3, Buffer.alloc(5))), 20);
    expect(resetCode(await connection.frame(resetOf(1)))).toBe(8);
    clearInterval(trickle);
    expect(connection.received.some(resetOf(3))).toBe(false);
    expect(server.openStreams).toBe(1);
    const { closed } = tcp(server, `POST ${DESCRIBE} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx`);
    await closed;
  });

  it("that are complete may take as long as they like", async () => {
    const server = await serve({ requestReadMs: 300 });
    const rpc = connectClient(InferenceService, `http://${server.address}`);
    open.push(rpc);
    const answer = rpc.client.describe({});
    await new Promise((resolve) => setTimeout(resolve, 700));
    release();
    expect((await answer).model).toBe("demo");
  });

  it("that come whole in the first packet of a connection are complete as well", async () => {
    const server = await serve({ requestReadMs: 300 });
    const connection = frames(server);
    connection.send(h2.headers(1, h2.grpcFields(DESCRIBE)), h2.data(1, Buffer.alloc(5), { end: true }));
    await becomes(() => handlersStarted, 1);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(connection.received.some(resetOf(1))).toBe(false);
  });

  it("do not fill the memory: the largest go, small ones are read", async () => {
    const server = await serve({ unfinishedRequestBytes: 256 * KIB });
    release();
    const greedy = frames(server);
    await greedy.frame(({ type }) => type === h2.FrameType.settings);
    const message = Buffer.alloc(60 * KIB);
    message.writeUInt32BE(900 * KIB, 1);
    for (let id = 1; id < 40; id += 2) {
      await greedy.flush(
        h2.headers(id, h2.grpcFields(DESCRIBE)),
        ...[0, 1, 2, 3].map((i) => h2.data(id, message.subarray(i * 15 * KIB, (i + 1) * 15 * KIB))),
      );
    }
    expect(resetCode(await greedy.frame(({ type }) => type === h2.FrameType.reset))).toBe(11);
    const rpc = connectClient(InferenceService, `http://${server.address}`);
    open.push(rpc);
    expect((await rpc.client.describe({})).model).toBe("demo");
    await vi.waitFor(() => expect(server.openStreams).toBeLessThanOrEqual(5), 10_000);
  });
});

describe("too much at a time", () => {
  it("of streams is refused, while health checks pass", async () => {
    const server = await serve({ openStreams: 10 });
    const crowd = frames(server);
    const calls = Array.from({ length: 12 }, (_, i) => h2.headers(2 * i + 1, h2.grpcFields(DESCRIBE)));
    crowd.send(...calls);
    expect(await crowd.frame(({ type, streamId }) => type === h2.FrameType.headers && streamId === 23)).toBeDefined();
    const rpc = connectClient(InferenceService, `http://${server.address}`);
    open.push(rpc);
    const refused = await rpc.client.describe({}).catch((error: unknown) => ConnectError.from(error));
    expect(refused).toMatchObject({ code: Code.Unavailable });
    expect((await health(server).check({})).status).toBe(Status.SERVING);
    crowd.close();
    release();
    await vi.waitFor(async () => expect((await rpc.client.describe({})).model).toBe("demo"), 10_000);
  });

  it("of requests on one HTTP/1.1 connection ends it", async () => {
    const server = await serve({});
    const one = `POST ${DESCRIBE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;
    await tcp(server, one.repeat(200)).closed;
    await becomes(() => server.inFlight, 0);
    expect((await health(server).check({})).status).toBe(Status.SERVING);
  });
});
