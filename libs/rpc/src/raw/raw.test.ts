import * as http2 from "node:http2";
import { gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { GenerateResponseSchema } from "@chimera/contracts/common";
import { GenerateRequestSchema, InferenceService } from "@chimera/contracts/inference";
import { CancelledError, type ChimeraError, Deferred, InvalidRequestError, OverloadedError } from "@chimera/kernel";
import { afterEach, describe, expect, it } from "vitest";
import {
  connectClient,
  envelope,
  fromConnectError,
  messagesIn,
  ownedStream,
  RawChannel,
  type RawMethod,
  type RpcServer,
  startServer,
} from "../index.ts";

const PATH = "/chimera.inference.v1.InferenceService/Generate";
const open: { close(): void | Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

function delta(seq: number, text = "x"): Buffer {
  const value = { seq, text, tokenCount: 1 };
  return envelope(toBinary(GenerateResponseSchema, create(GenerateResponseSchema, { part: { case: "delta", value } })));
}

/** Serves Generate as bytes, and typed as one delta that says so. */
async function serve(handle: RawMethod["handle"]): Promise<{ server: RpcServer; url: string; channel: RawChannel }> {
  const server = await startServer({
    name: "demo",
    host: "127.0.0.1",
    port: 0,
    services: [InferenceService],
    logger: { error: () => undefined },
    routes: (router) =>
      void router.service(InferenceService, {
        async *generate() {
          yield create(GenerateResponseSchema, { part: { case: "delta", value: { text: "typed" } } });
        },
      }),
    raw: [{ path: PATH, handle }],
  });
  const url = `http://${server.address}`;
  const channel = new RawChannel(url);
  open.push(channel, server);
  return { server, url, channel };
}

const requestOf = (prompt: string) => toBinary(GenerateRequestSchema, create(GenerateRequestSchema, { prompt }));

interface Read {
  texts: string[];
  error: ChimeraError | undefined;
}

function read(channel: RawChannel, options: Parameters<RawChannel["open"]>[2] = {}, prompt = "p"): Promise<Read> {
  const texts: string[] = [];
  return new Promise((resolve) => {
    channel.open(PATH, requestOf(prompt), options, {
      frames(frames) {
        for (const message of messagesIn(frames)) texts.push(textOf(message));
        return true;
      },
      end: (error) => resolve({ texts, error }),
    });
  });
}

function textOf(message: Uint8Array): string {
  const { part } = fromBinary(GenerateResponseSchema, message);
  return part.case === "delta" ? part.value.text : "";
}

describe("a method served as bytes", () => {
  it("streams to a typed client and to a channel alike", async () => {
    const { url, channel } = await serve(async (call) => {
      const { prompt } = fromBinary(GenerateRequestSchema, await call.message());
      call.write(delta(0, prompt));
      call.write(Buffer.concat([delta(1, "b"), delta(2, "c")]));
    });
    const { client, close } = connectClient(InferenceService, url);
    open.push({ close });
    const typed: string[] = [];
    for await (const { part } of client.generate({ prompt: "a" }))
      if (part.case === "delta") typed.push(part.value.text);
    expect(typed).toEqual(["a", "b", "c"]);
    expect(await read(channel, {}, "a")).toEqual({ texts: ["a", "b", "c"], error: undefined });
  });

  it("refuses before the body is read with one header block that carries status, details and pushback", async () => {
    const { url } = await serve(async () => {
      throw new OverloadedError("no room", 250);
    });
    const session = http2.connect(url);
    open.push({ close: () => session.destroy() });
    // The body never comes.
    const stream = session.request({
      ":method": "POST",
      ":path": PATH,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const answer = await new Promise<{ headers: http2.IncomingHttpHeaders; flags: number }>((resolve) =>
      stream.once("response", (headers, flags) => resolve({ headers, flags })),
    );
    expect(answer.flags & http2.constants.NGHTTP2_FLAG_END_STREAM).not.toBe(0);
    expect(answer.headers).toMatchObject({ ":status": 200, "grpc-status": "14", "grpc-retry-pushback-ms": "250" });
    expect(answer.headers["grpc-status-details-bin"]).toBeDefined();
  });

  it("gives errors in the middle of the stream after what was sent, fields included", async () => {
    const { channel } = await serve(async (call) => {
      await call.message();
      call.write(delta(0));
      throw new InvalidRequestError([{ field: "prompt", description: "is bad" }]);
    });
    const { texts, error } = await read(channel);
    expect(texts).toEqual(["x"]);
    expect(error).toMatchObject({ kind: "invalid-argument", violations: [{ field: "prompt", description: "is bad" }] });
  });

  it("says nothing of an error that is not ours", async () => {
    const { channel } = await serve(async () => {
      throw new Error("the password is hunter2");
    });
    const { error } = await read(channel);
    expect(error?.kind).toBe("internal");
    expect(error?.message).not.toContain("hunter2");
  });

  it("hears at once when its caller leaves", async () => {
    const began = new Deferred<void>();
    const left = new Deferred<unknown>();
    const { channel } = await serve(async (call) => {
      await call.message();
      call.write(delta(0));
      call.signal.addEventListener("abort", () => left.resolve(call.signal.reason));
      began.resolve();
      await left.promise;
    });
    const controller = new AbortController();
    const reading = read(channel, { signal: controller.signal });
    await began.promise;
    controller.abort();
    expect((await reading).error?.kind).toBe("cancelled");
    expect(await left.promise).toBeInstanceOf(CancelledError);
  });

  it("ends at the caller's deadline, and refuses one that is none or too far", async () => {
    const { channel } = await serve(async (call) => {
      await call.message();
      await new Promise((_, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason)));
    });
    expect((await read(channel, { timeoutMs: 50 })).error?.kind).toBe("deadline-exceeded");
    for (const timeout of ["soon", "99999999H"]) {
      expect((await read(channel, { headers: { "grpc-timeout": timeout } })).error?.kind).toBe("invalid-argument");
    }
  });

  it("waits for a reader that stopped reading, and loses nothing", async () => {
    const total = 20_000;
    let written = 0;
    const stalled = new Deferred<void>();
    const { channel } = await serve(async (call) => {
      await call.message();
      while (written < total) {
        if (call.write(delta(written++))) continue;
        stalled.resolve();
        await new Promise<void>((resolve) => call.onDrain(resolve));
      }
    });
    let count = 0;
    const ended = new Deferred<ChimeraError | undefined>();
    const stream = channel.open(
      PATH,
      requestOf("p"),
      {},
      {
        frames(frames) {
          count += [...messagesIn(frames)].length;
          return false;
        },
        end: (error) => ended.resolve(error),
      },
    );
    await stalled.promise;
    const writtenWhileStalled = written;
    expect(writtenWhileStalled).toBeLessThan(total / 2);
    const timer = setInterval(() => stream.resume(), 1);
    expect(await ended.promise).toBeUndefined();
    clearInterval(timer);
    expect(count).toBe(total);
  });

  it("leaves compressed requests and other protocols to the typed server", async () => {
    const { url } = await serve(async (call) => void call.write(delta(0, "raw")));
    const session = http2.connect(url);
    open.push({ close: () => session.destroy() });
    const zipped = gzipSync(requestOf("p"));
    const frame = envelope(zipped);
    frame[0] = 1;
    const stream = session.request({
      ":method": "POST",
      ":path": PATH,
      "content-type": "application/grpc",
      "grpc-encoding": "gzip",
      te: "trailers",
    });
    stream.end(frame);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect([...messagesIn(Buffer.concat(chunks))].map(textOf)).toEqual(["typed"]);
  });

  it("refuses a request that is too large or not one message", async () => {
    const { url } = await serve(async (call) => void call.write(delta((await call.message()).length)));
    const session = http2.connect(url);
    open.push({ close: () => session.destroy() });
    const ask = async (body: Buffer) => {
      const stream = session.request({
        ":method": "POST",
        ":path": PATH,
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.on("error", () => undefined);
      stream.end(body);
      return new Promise<unknown>((resolve) => stream.once("response", (headers) => resolve(headers["grpc-status"])));
    };
    expect(await ask(envelope(Buffer.alloc(2_000_000)))).toBe("8");
    expect(await ask(Buffer.concat([delta(0), delta(1)]))).toBe("3");
    expect(await ask(Buffer.from([0, 0]))).toBe("3");
  });
});

describe("a channel", () => {
  it("says that a server is away, and reaches it once it is there", async () => {
    const { server, channel, url } = await serve(async (call) => void call.write(delta(0)));
    await server.close();
    expect((await read(channel)).error?.kind).toBe("unavailable");
    const again = await startServer({
      name: "demo",
      host: "127.0.0.1",
      port: Number(new URL(url).port),
      services: [InferenceService],
      logger: { error: () => undefined },
      routes: () => undefined,
      raw: [{ path: PATH, handle: async (call) => void call.write(delta(0)) }],
    });
    open.push(again);
    expect(await read(channel)).toEqual({ texts: ["x"], error: undefined });
  });

  it("gives what came before a connection broke, and says that it broke", async () => {
    const began = new Deferred<void>();
    const { server, channel } = await serve(async (call) => {
      await call.message();
      call.write(delta(0));
      began.resolve();
      await new Promise<void>((resolve) => call.signal.addEventListener("abort", () => resolve()));
    });
    const texts: string[] = [];
    const ended = new Promise<ChimeraError | undefined>((resolve) =>
      channel.open(
        PATH,
        requestOf("p"),
        {},
        {
          frames(frames) {
            for (const message of messagesIn(frames)) texts.push(textOf(message));
            void server.close();
            return true;
          },
          end: resolve,
        },
      ),
    );
    expect((await ended)?.kind).toBe("unavailable");
    expect(texts).toEqual(["x"]);
  });

  it("reads a typed server: messages, and errors with their fields", async () => {
    const server = await startServer({
      name: "demo",
      host: "127.0.0.1",
      port: 0,
      services: [InferenceService],
      logger: { error: () => undefined },
      routes: (router) =>
        void router.service(InferenceService, {
          async *generate({ prompt }) {
            if (prompt === "bad") throw new InvalidRequestError([{ field: "prompt", description: "is bad" }]);
            yield create(GenerateResponseSchema, { part: { case: "delta", value: { text: "typed" } } });
          },
        }),
    });
    const channel = new RawChannel(`http://${server.address}`);
    open.push(channel, server);
    expect(await read(channel)).toEqual({ texts: ["typed"], error: undefined });
    expect((await read(channel, {}, "bad")).error).toMatchObject({ violations: [{ field: "prompt" }] });
  });

  it("carries thousands of streams at a time", async () => {
    const { channel } = await serve(async (call) => {
      await call.message();
      call.write(delta(0));
    });
    const all = await Promise.all(Array.from({ length: 3000 }, () => read(channel)));
    expect(all.filter(({ error, texts }) => error || texts.length !== 1)).toEqual([]);
  });
});

it("lets streams in flight end when the server drains, and cuts the rest after its grace", async () => {
  const begun = [new Deferred<void>(), new Deferred<void>()];
  const goOn = new Deferred<void>();
  const { server, url } = await serve(async (call) => {
    const { prompt } = fromBinary(GenerateRequestSchema, await call.message());
    call.write(delta(0, prompt));
    begun[prompt === "short" ? 0 : 1]?.resolve();
    if (prompt === "short") await goOn.promise;
    else await new Promise((_, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason)));
  });
  const { client, close } = connectClient(InferenceService, url);
  open.push({ close });
  const outcome = async (prompt: string) => {
    try {
      for await (const _ of ownedStream((signal) => client.generate({ prompt }, { signal })));
      return "ok";
    } catch (error) {
      return fromConnectError(error).kind;
    }
  };
  const short = outcome("short");
  const endless = outcome("endless");
  await Promise.all(begun.map(({ promise }) => promise));
  const drained = server.drain(300);
  goOn.resolve();
  expect([await short, await endless]).toEqual(["ok", "unavailable"]);
  await drained;
});
