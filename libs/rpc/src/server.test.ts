import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { create } from "@bufbuild/protobuf";
import { GenerateResponseSchema } from "@chimera/contracts/common";
import { BadRequestSchema, RetryInfoSchema } from "@chimera/contracts/google-rpc";
import { Health, HealthCheckResponse_ServingStatus as Status } from "@chimera/contracts/health";
import { InferenceService } from "@chimera/contracts/inference";
import { ServerReflection } from "@chimera/contracts/reflection-v1";
import { ServerReflection as ServerReflectionAlpha } from "@chimera/contracts/reflection-v1alpha";
import { Deferred, InvalidRequestError, OverloadedError } from "@chimera/kernel";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "vitest";
import { connectClient, fromConnectError, limits, ownedStream, type RpcServer, startServer } from "./index.ts";

/** A server whose one stream tells when it began, gives parts as it is told, and tells how it ended. */
class Demo {
  readonly errors: object[] = [];
  readonly started = new Deferred<void>();
  readonly ended = new Deferred<string>();
  readonly release = new Deferred<void>();
  #server: RpcServer | undefined;

  get server(): RpcServer {
    if (!this.#server) throw new Error("not started");
    return this.#server;
  }

  get url(): string {
    return `http://${this.server.address}`;
  }

  async start(): Promise<this> {
    const demo = this;
    this.#server = await startServer({
      name: "demo",
      host: "127.0.0.1",
      port: 0,
      services: [InferenceService],
      logger: { error: (details) => void this.errors.push(details) },
      routes: (router) =>
        void router.service(InferenceService, {
          describe: () => {
            throw new Error("the password is hunter2");
          },
          async *generate({ prompt }, { signal }) {
            if (prompt === "bad") throw new InvalidRequestError([{ field: "prompt", description: "is bad" }]);
            if (prompt === "full") throw new OverloadedError("no room", 250);
            demo.started.resolve();
            let how = "left";
            try {
              yield delta(0);
              const gone = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
              await Promise.race([demo.release.promise, gone]);
              yield delta(1);
              how = "finished";
            } finally {
              demo.ended.resolve(how);
            }
          },
        }),
    });
    return this;
  }
}

function delta(seq: number) {
  return create(GenerateResponseSchema, { part: { case: "delta", value: { seq, text: "x", tokenCount: 1 } } });
}

const open: { close(): void | Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function demo(): Promise<Demo> {
  const started = await new Demo().start();
  open.push(started.server);
  return started;
}

function client<S extends Parameters<typeof connectClient>[0]>(service: S, url: string) {
  const made = connectClient(service, url);
  open.push(made);
  return made.client;
}

async function failure(call: () => Promise<unknown>): Promise<ConnectError> {
  try {
    await call();
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call succeeded");
}

describe("startServer", () => {
  it("answers gRPC, Connect over HTTP/1.1 and Connect over HTTP/2 on one port", async () => {
    const { url } = await demo();
    expect((await client(Health, url).check({})).status).toBe(Status.SERVING);
    const body = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
    const overHttp1 = await fetch(`${url}/grpc.health.v1.Health/Check`, body);
    expect(await overHttp1.json()).toEqual({ status: "SERVING" });
    expect(await postOverHttp2(url, "/grpc.health.v1.Health/Check", "{}")).toEqual('{"status":"SERVING"}');
  });

  it("keeps field violations and retry delays of our errors, and hides everything else", async () => {
    const started = await demo();
    const inference = client(InferenceService, started.url);
    const drain = async (prompt: string) => {
      for await (const _ of inference.generate({ prompt })) void _;
    };
    const bad = await failure(() => drain("bad"));
    expect(bad.code).toBe(Code.InvalidArgument);
    expect(bad.findDetails(BadRequestSchema)[0]?.fieldViolations[0]).toMatchObject({
      field: "prompt",
      description: "is bad",
    });
    const full = await failure(() => drain("full"));
    expect(full.code).toBe(Code.Unavailable);
    expect(full.findDetails(RetryInfoSchema)[0]?.retryDelay?.nanos).toBe(250_000_000);
    expect(fromConnectError(full)).toMatchObject({ kind: "unavailable", retryAfterMs: 250 });

    const internal = await failure(() => inference.describe({}));
    expect(internal.code).toBe(Code.Internal);
    expect(internal.message).not.toContain("hunter2");
    expect(String((started.errors[0] as { err: Error }).err)).toContain("hunter2");
  });

  it("names a JSON field nobody knows, and refuses what is too large, no protobuf, or of another type", async () => {
    const { url } = await demo();
    const post = (type: string, body: string | Uint8Array<ArrayBuffer>) =>
      fetch(`${url}/grpc.health.v1.Health/Check`, { method: "POST", headers: { "content-type": type }, body });
    const unknown = await post("application/json", '{"servise":"x"}');
    expect(unknown.status).toBe(400);
    expect(await unknown.text()).toContain("servise");
    expect((await post("application/json", JSON.stringify({ service: "x".repeat(limits.requestBytes) }))).status).toBe(
      429,
    );
    expect((await post("application/proto", new Uint8Array([0xff, 0xff, 0xff]))).status).toBe(400);
    expect((await post("text/html", "hello")).status).toBe(415);
    expect(await grpcStatus(url, "/chimera.inference.v1.InferenceService/Generate", [0xff, 0xff, 0xff])).toBe(
      Code.InvalidArgument,
    );
    expect((await client(Health, url).check({})).status).toBe(Status.SERVING);
  });

  it("answers reflection v1 and v1alpha with descriptors of the service and its imports", async () => {
    const { url } = await demo();
    for (const service of [ServerReflection, ServerReflectionAlpha]) {
      const reflection = client(service as typeof ServerReflection, url);
      const questions = [
        { messageRequest: { case: "listServices" as const, value: "" } },
        { messageRequest: { case: "fileContainingSymbol" as const, value: "chimera.inference.v1.InferenceService" } },
        { messageRequest: { case: "fileByFilename" as const, value: "nowhere.proto" } },
      ];
      const answers = [];
      async function* ask() {
        yield* questions;
      }
      for await (const answer of reflection.serverReflectionInfo(ask())) answers.push(answer.messageResponse);
      const [list, file, missing] = answers;
      expect(list?.case === "listServicesResponse" && list.value.service.map(({ name }) => name)).toEqual(
        expect.arrayContaining(["chimera.inference.v1.InferenceService", "grpc.health.v1.Health"]),
      );
      expect(file?.case === "fileDescriptorResponse" && file.value.fileDescriptorProto.length).toBe(2);
      expect(missing).toMatchObject({ case: "errorResponse", value: { errorCode: Code.NotFound } });
    }
  });

  it("drains: reports NOT_SERVING, finishes the stream in flight, takes no new connection", async () => {
    const started = await demo();
    const watch = client(Health, started.url).watch({})[Symbol.asyncIterator]();
    expect((await watch.next()).value?.status).toBe(Status.SERVING);
    const parts: number[] = [];
    const reading = (async () => {
      for await (const { part } of client(InferenceService, started.url).generate({ prompt: "go" })) {
        if (part.case === "delta") parts.push(part.value.seq);
      }
    })();
    await started.started.promise;
    const drained = started.server.drain(10_000);
    expect((await watch.next()).value?.status).toBe(Status.NOT_SERVING);
    expect(started.server.inFlight).toBe(1);
    expect((await failure(() => client(Health, started.url).check({}))).code).toBe(Code.Unavailable);
    started.release.resolve();
    await Promise.all([reading, drained]);
    expect(parts).toEqual([0, 1]);
    expect(await started.ended.promise).toBe("finished");
  });

  it("cuts a stream that outlives the grace with UNAVAILABLE", async () => {
    const started = await demo();
    const reading = failure(async () => {
      for await (const _ of client(InferenceService, started.url).generate({ prompt: "go" })) void _;
    });
    await started.started.promise;
    await started.server.drain(1);
    expect((await reading).code).toBe(Code.Unavailable);
    expect(await started.ended.promise).toBe("left");
  });

  it("survives a client that sends half a preface, and one that sends rubbish", async () => {
    const { server, url } = await demo();
    for (const bytes of ["PR", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "\u0000\u0001\u0002 nonsense\r\n\r\n"]) {
      const socket = connectTcp(server.port, "127.0.0.1");
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.on("error", () => undefined);
      socket.resume();
      socket.end(bytes);
      await closed;
    }
    expect((await client(Health, url).check({})).status).toBe(Status.SERVING);
  });
});

describe("health", () => {
  it("is NOT_SERVING until the service is ready, which a watcher sees, and alive all the while", async () => {
    let ready = false;
    const server = await startServer({
      name: "demo",
      host: "127.0.0.1",
      port: 0,
      services: [],
      logger: { error: () => undefined },
      routes: () => undefined,
      isReady: () => ready,
    });
    open.push(server);
    const health = client(Health, `http://${server.address}`);
    const watch = health.watch({})[Symbol.asyncIterator]();
    expect((await watch.next()).value?.status).toBe(Status.NOT_SERVING);
    expect((await health.check({ service: "liveness" })).status).toBe(Status.SERVING);
    ready = true;
    expect((await watch.next()).value?.status).toBe(Status.SERVING);
    expect((await health.check({})).status).toBe(Status.SERVING);
    expect((await failure(() => health.check({ service: "nobody" }))).code).toBe(Code.NotFound);
  });
});

describe("ownedStream", () => {
  const ways: Record<string, (parts: AsyncIterable<unknown>) => Promise<unknown>> = {
    break: async (parts) => {
      for await (const _ of parts) break;
    },
    throw: async (parts) => {
      for await (const _ of parts) throw new Error("reader failed");
    },
  };
  for (const [name, leave] of Object.entries(ways)) {
    it(`stops the server's work when the reader leaves by ${name}`, async () => {
      const started = await demo();
      const inference = client(InferenceService, started.url);
      await leave(ownedStream((signal) => inference.generate({ prompt: "go" }, { signal }))).catch(() => undefined);
      expect(await started.ended.promise).toBe("left");
    });
  }

  it("stops a wait for the first part when the caller's own signal fires", async () => {
    const caller = new AbortController();
    let aborted = false;
    const never = (signal: AbortSignal): AsyncIterable<number> => ({
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => signal.addEventListener("abort", () => (aborted = true))),
      }),
    });
    const reading = failure(async () => {
      for await (const _ of ownedStream(never, { signal: caller.signal })) void _;
    });
    caller.abort(new ConnectError("gone", Code.Canceled));
    expect((await reading).code).toBe(Code.Canceled);
    expect(aborted).toBe(true);
  });

  it("makes no call where the caller has left already, which nobody would hear fail", async () => {
    const started = await demo();
    const inference = client(InferenceService, started.url);
    const unheard: unknown[] = [];
    const hear = (reason: unknown) => void unheard.push(reason);
    process.on("unhandledRejection", hear);
    const left = AbortSignal.abort(new ConnectError("gone", Code.Canceled));
    const reading = async () => {
      for await (const _ of ownedStream((signal) => inference.generate({ prompt: "go" }, { signal }), { signal: left }))
        void _;
    };
    expect((await failure(reading)).code).toBe(Code.Canceled);
    // Unhandled rejections are told after the microtasks of a turn.
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", hear);
    expect(unheard).toEqual([]);
  });

  it("passes the deadline on as an abort", async () => {
    const started = await demo();
    const inference = client(InferenceService, started.url);
    const reading = async () => {
      for await (const _ of ownedStream((signal) => inference.generate({ prompt: "go" }, { signal }), {
        timeoutMs: 50,
      }))
        void _;
    };
    await expect(reading()).rejects.toThrow();
    expect(await started.ended.promise).toBe("left");
  });
});

/** The status of a gRPC call whose message is these bytes. */
function grpcStatus(url: string, path: string, message: readonly number[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(url);
    const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
    const stream = session.request(headers);
    stream.on("error", reject);
    stream.on("trailers", (trailers) => {
      session.close();
      resolve(Number(trailers["grpc-status"]));
    });
    stream.resume();
    stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]));
  });
}

function postOverHttp2(url: string, path: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(url);
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/json" });
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      text += chunk;
    });
    stream.on("error", reject);
    stream.on("end", () => {
      session.close();
      resolve(text);
    });
    stream.end(body);
  });
}
