// A router on a real port, typed or frame by frame, for tests of the connection itself.
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { GenerateResponseSchema } from "@chimera/contracts/common";
import { Health, HealthCheckResponse_ServingStatus as Status } from "@chimera/contracts/health";
import { RouterService } from "@chimera/contracts/router";
import type { ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { Part } from "./fake-router.ts";

type Routes = Partial<ServiceImpl<typeof RouterService>>;

export interface Listening extends AsyncDisposable {
  readonly baseUrl: string;
  readonly port: number;
  /** Connections so far. */
  readonly sessions: readonly ServerHttp2Session[];
}

/** `port`: 0 picks a free one. */
export async function typedRouter(routes: Routes, port = 0): Promise<Listening> {
  return listen(createServer(handlerOf(routes)), port);
}

/** Takes only clients that show a certificate of the authority `ca`. */
export async function secureRouter(routes: Routes, tls: { ca: string; cert: string; key: string }): Promise<Listening> {
  return listen(createSecureServer({ ...tls, requestCert: true, rejectUnauthorized: true }, handlerOf(routes)), 0);
}

function handlerOf(routes: Routes) {
  return connectNodeAdapter({
    routes(router) {
      router.service(RouterService, routes);
      router.service(Health, { check: () => ({ status: Status.SERVING }) });
    },
  });
}

/** Answers each call with the next of these, the last of them for all that follow. */
export async function frameRouter(...answers: ((stream: ServerHttp2Stream) => void)[]): Promise<Listening> {
  const server = createServer();
  let calls = 0;
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    answers[Math.min(calls, answers.length - 1)]?.(stream);
    calls += 1;
  });
  return listen(server, 0);
}

async function listen(server: Http2Server | Http2SecureServer, port: number): Promise<Listening> {
  const sessions: ServerHttp2Session[] = [];
  server.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const { port: taken } = server.address() as AddressInfo;
  return {
    ...{ baseUrl: `${"setSecureContext" in server ? "https" : "http"}://127.0.0.1:${taken}`, port: taken, sessions },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

const GRPC_HEADERS = { ":status": 200, "content-type": "application/grpc+proto" };

/** Response headers, and these parts as gRPC messages. */
export function respond(stream: ServerHttp2Stream, ...parts: Part[]): void {
  stream.respond(GRPC_HEADERS, { waitForTrailers: true });
  for (const part of parts) {
    const message = toBinary(GenerateResponseSchema, create(GenerateResponseSchema, part));
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.write(Buffer.concat([head, message]));
  }
}

/** The whole answer, and status OK behind it. */
export function answer(stream: ServerHttp2Stream, ...parts: Part[]): void {
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  respond(stream, ...parts);
  stream.end();
}

/** One header block and no more, as gRPC servers refuse. */
export function refuse(stream: ServerHttp2Stream, headers: Record<string, string>): void {
  stream.respond({ ...GRPC_HEADERS, ...headers }, { endStream: true });
}
