// A real router in this process between a test and a replica whose every frame the test decides.
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { FinishReason, GenerateResponseSchema } from "@chimera/contracts/common";
import { type GenerateRequest, GenerateRequestSchema, InferenceService } from "@chimera/contracts/inference";
import { Deferred } from "@chimera/kernel";
import { type Logger, readSettings } from "@chimera/lifecycle";
import { envelope, type RawCall, type RpcServer, startServer } from "@chimera/rpc";
import { fields } from "../../services/router/src/config.ts";
import { createRouter } from "../../services/router/src/service.ts";

const PATH = "/chimera.inference.v1.InferenceService/Generate";
const SILENT = Object.fromEntries(
  ["trace", "debug", "info", "warn", "error", "fatal"].map((level) => [level, () => undefined]),
) as unknown as Logger;

/** One generation, seen from the replica. */
export class ServedStream {
  readonly request: GenerateRequest;
  readonly left = new Deferred<void>();
  readonly #call: RawCall;
  readonly #end = new Deferred<void>();
  #seq: number;

  constructor(call: RawCall, request: GenerateRequest) {
    this.#call = call;
    this.request = request;
    this.#seq = request.resume?.nextSeq ?? 0;
    call.signal.addEventListener("abort", () => this.left.resolve(), { once: true });
  }

  get ended(): Promise<void> {
    return Promise.race([this.#end.promise, this.left.promise]);
  }

  accept(): void {
    this.#write({ case: "accepted", value: { requestId: this.request.requestId, servedBy: "fake" } });
  }

  /** False where the router does not take more for now. */
  delta(text: string): boolean {
    const seq = this.#seq++;
    return this.#write({ case: "delta", value: { seq, text, tokenCount: 1, tokenIds: [seq] } });
  }

  complete(): void {
    const usage = { promptTokens: 3, cachedTokens: 0, completionTokens: this.#seq };
    this.#write({ case: "complete", value: { finishReason: FinishReason.STOP, usage, timings: {} } });
    this.#end.resolve();
  }

  onDrain(listener: () => void): void {
    this.#call.onDrain(listener);
  }

  #write(part: MessageInitShape<typeof GenerateResponseSchema>["part"]): boolean {
    return this.#call.write(envelope(toBinary(GenerateResponseSchema, create(GenerateResponseSchema, { part }))));
  }
}

export interface FakeMesh extends AsyncDisposable {
  readonly url: string;
  /** The next generation that comes to the replica. */
  next(): Promise<ServedStream>;
}

/** No cache and no NATS: a router serves without them. */
export async function startFakeMesh(env: Readonly<Record<string, string>> = {}): Promise<FakeMesh> {
  const waiting: Deferred<ServedStream>[] = [];
  const come: ServedStream[] = [];
  const replica = await serveReplica((stream) => {
    const next = waiting.shift();
    if (next) next.resolve(stream);
    else come.push(stream);
  });
  const nobody = await closedPort();
  const config = readSettings("router", fields, {
    ROUTER_PORT: "0",
    CHIMERA_INFERENCE_URLS: `http://${replica.address}`,
    CHIMERA_CACHE_URL: `http://127.0.0.1:${nobody}`,
    CHIMERA_NATS_URL: `nats://127.0.0.1:${nobody}`,
    ...env,
  });
  const router = await createRouter(config, SILENT);
  return {
    url: `http://${router.address}`,
    next: async () => {
      const found = come.shift();
      if (found) return found;
      const next = new Deferred<ServedStream>();
      waiting.push(next);
      return next.promise;
    },
    async [Symbol.asyncDispose]() {
      await router.dispose();
      await replica.close();
    },
  };
}

/** A replica whose every frame the test decides. */
export function serveReplica(onStream: (stream: ServedStream) => void): Promise<RpcServer> {
  return startServer({
    name: "fake",
    host: "127.0.0.1",
    port: 0,
    services: [InferenceService],
    trustedPeers: true,
    logger: { error: () => undefined },
    routes: (router) =>
      void router.service(InferenceService, {
        describe: () => ({
          replica: "fake",
          model: "m",
          modelVersion: "v1",
          engine: "fake",
          contextTokens: 100_000,
          slots: 4096,
        }),
      }),
    raw: [
      {
        path: PATH,
        async handle(call) {
          const stream = new ServedStream(call, fromBinary(GenerateRequestSchema, await call.message()));
          onStream(stream);
          await stream.ended;
        },
      },
    ],
  });
}

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
