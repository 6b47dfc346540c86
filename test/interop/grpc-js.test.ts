// The other gRPC implementation of JavaScript, with code made from the .proto files at run time: calls, errors, deadlines,
// cancellation, health and reflection.
import { join } from "node:path";
import { startTestMesh, type TestMesh, until } from "@chimera/testkit";
import {
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const PROTO = join(import.meta.dirname, "../../proto");
const definition = loadSync(
  ["chimera/router/v1/router.proto", "grpc/health/v1/health.proto", "grpc/reflection/v1/reflection.proto"],
  { includeDirs: [PROTO], keepCase: false, enums: String, longs: Number, oneofs: true, defaults: true },
);

interface Part {
  part: "accepted" | "delta" | "complete";
  accepted?: { servedBy: string; cache: { status: string } };
  delta?: { text: string; seq: number };
  complete?: { finishReason: string; usage: { completionTokens: number } };
}

type Call = (request: object, metadata: Metadata, options?: object) => ClientReadableStream<Part>;
type Constructor = new (
  address: string,
  channel: ReturnType<typeof credentials.createInsecure>,
) => Record<string, Call>;

function connect(service: string, address: string): Record<string, Call> & { close(): void } {
  let found: unknown = loadPackageDefinition(definition);
  for (const name of service.split(".")) found = (found as Record<string, unknown>)[name];
  return new (found as Constructor)(address, credentials.createInsecure()) as Record<string, Call> & { close(): void };
}

let test: TestMesh;
let address: string;
let router: ReturnType<typeof connect>;
beforeAll(async () => {
  test = await startTestMesh();
  address = new URL(test.mesh.url("router")).host;
  router = connect("chimera.router.v1.RouterService", address);
});
afterAll(async () => {
  router.close();
  await test[Symbol.asyncDispose]();
});

async function read(stream: ClientReadableStream<Part>): Promise<Part[]> {
  const parts: Part[] = [];
  for await (const part of stream) parts.push(part as Part);
  return parts;
}

function generate(request: object, options: object = {}, metadata = new Metadata()): ClientReadableStream<Part> {
  const call = router.generate;
  if (!call) throw new Error("no such method");
  return call.call(router, request, metadata, options);
}

const describeEngine = () => test.inference.describe({});

async function failure(stream: ClientReadableStream<Part>): Promise<ServiceError> {
  return read(stream).then(
    () => Promise.reject(new Error("the call succeeded")),
    (error: ServiceError) => error,
  );
}

const request = {
  messages: [{ role: "ROLE_USER", content: "my parcel has not arrived" }],
  sampling: { temperature: 0 },
};
const story = {
  prompt: "### ticket\n",
  cachePolicy: "CACHE_POLICY_BYPASS",
  sampling: { temperature: 0, maxTokens: 900, stop: ["\u0000"] },
};

describe("a grpc-js client", () => {
  it("reads an answer, and reads it again from the cache of its tenant", async () => {
    const metadata = new Metadata();
    metadata.set("x-chimera-tenant", "grpc-js");
    const first = await read(generate(request, {}, metadata));
    const second = await read(generate(request, {}, metadata));
    const text = (parts: Part[]) => parts.map(({ delta }) => delta?.text ?? "").join("");
    expect(text(first)).toBe("intent=shipping priority=normal");
    expect(text(second)).toBe(text(first));
    expect(first[0]?.accepted?.cache.status).toBe("CACHE_STATUS_MISS");
    expect(second[0]?.accepted?.cache.status).toBe("CACHE_STATUS_HIT");
    expect(first.at(-1)?.complete?.finishReason).toBe("FINISH_REASON_STOP");
  });

  it("gets gRPC codes with the details of the field", async () => {
    const error = await failure(generate({ prompt: "hi", sampling: { temperature: -1 } }));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.metadata.get("grpc-status-details-bin").toString()).toContain("sampling.temperature");
  });

  it("is held to its deadline", async () => {
    const error = await failure(generate(story, { deadline: Date.now() + 40 }));
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
  });

  it("stops the engine by cancelling", async () => {
    const idle = () => until("an idle engine", async () => (await describeEngine()).activeGenerations === 0);
    await idle();
    const before = await describeEngine();
    const stream = generate(story);
    const cancelled = new Promise<ServiceError>((resolve) => stream.on("error", resolve));
    stream.on("data", ({ delta }: Part) => delta?.seq === 4 && stream.cancel());
    expect((await cancelled).code).toBe(status.CANCELLED);
    await idle();
    expect((await describeEngine()).cancelled - before.cancelled).toBe(1n);
  });

  it("sees every service healthy", async () => {
    for (const { service, url } of test.mesh.processes) {
      const health = connect("grpc.health.v1.Health", new URL(url).host);
      const answer = await new Promise((resolve, reject) => {
        const check = health.check as unknown as (
          ask: object,
          done: (error: Error | null, answer: { status: string }) => void,
        ) => void;
        check.call(health, { service: "" }, (error, value) => (error ? reject(error) : resolve(value.status)));
      });
      expect(answer, service).toBe("SERVING");
      health.close();
    }
  });

  it("learns the router's methods by reflection alone", async () => {
    const reflection = connect("grpc.reflection.v1.ServerReflection", address);
    const open = reflection.serverReflectionInfo as unknown as () => ClientReadableStream<{
      fileDescriptorResponse?: { fileDescriptorProto: Uint8Array[] };
    }> & { write(ask: object): void; end(): void };
    const stream = open.call(reflection);
    stream.write({ fileContainingSymbol: "chimera.router.v1.RouterService" });
    stream.end();
    const answers = [];
    for await (const answer of stream) answers.push(answer);
    const files = answers[0]?.fileDescriptorResponse?.fileDescriptorProto ?? [];
    const names = files.map((bytes: Uint8Array) => Buffer.from(bytes).toString("latin1"));
    expect(names.some((text: string) => text.includes("WatchStats"))).toBe(true);
    expect(names.some((text: string) => text.includes("chimera/common/v1/common.proto"))).toBe(true);
    reflection.close();
  });
});
