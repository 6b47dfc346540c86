// A gRPC, gRPC-Web and Connect server on one port, with health, reflection, limits and an orderly end.
import type * as http from "node:http";
import type * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type { DescService } from "@bufbuild/protobuf";
import { Health } from "@chimera/contracts/health";
import { type Clock, systemClock } from "@chimera/kernel";
import { ConfigError } from "@chimera/lifecycle";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ConnectionGuard } from "./connection-guard.ts";
import { crossOrigin } from "./cross-origin.ts";
import { HealthState } from "./health.ts";
import { createServers, guardStreams, type Handler } from "./http-servers.ts";
import { type ConnectionLimits, defaultConnectionLimits, limits, trustedConnectionLimits } from "./limits.ts";
import { blameTheCaller } from "./malformed-requests.ts";
import { onePort } from "./one-port.ts";
import { isGrpc } from "./raw/metadata.ts";
import { type RawMethod, type ServedCall, serveRaw } from "./raw/raw-server.ts";
import { reflectionRoutes } from "./reflection.ts";
import { mapErrors } from "./server-errors.ts";
import { boundStreamBuffers } from "./stream-buffers.ts";
import type { Tls } from "./tls.ts";
import { traceServer } from "./tracing.ts";

type AdapterHandler = ReturnType<typeof connectNodeAdapter>;

export interface ServerOptions {
  name: string;
  host: string;
  /** 0 picks a free port. */
  port: number;
  /** For health and reflection. */
  services: readonly DescService[];
  routes(router: ConnectRouter): void;
  /**
   * Methods of `routes` that are served as bytes where they are asked by gRPC over HTTP/2 without compression. Every other
   * protocol goes on to `routes`.
   */
  raw?: readonly RawMethod[];
  /** Whether requests can be answered now; health says NOT_SERVING while not. Always ready where unset. */
  isReady?(): boolean;
  /** Paths that are no RPC. */
  fallback?: Handler;
  maxRequestBytes?: number;
  /** Origins whose pages may call, such as https://app.example; "*" is any, and none where unset. */
  corsOrigins?: readonly string[];
  /** Callers are services of the mesh, which may reset many streams of one connection. */
  trustedPeers?: boolean;
  /** Where these connections shall be bounded otherwise. */
  limits?: Partial<ConnectionLimits>;
  /** Certificate, key, and who vouches for callers where they need certificates. */
  tls?: Tls | undefined;
  clock?: Clock;
  logger: { error(details: object, message: string): void };
}

export interface RpcServer {
  readonly port: number;
  /** host:port */
  readonly address: string;
  /** Calls that have not ended; health, reflection and watches do not count. */
  readonly inFlight: number;
  /** Open TCP connections, and open HTTP/2 streams on all of them. */
  readonly connections: number;
  readonly openStreams: number;
  /** Aborted when draining starts: streams without an end of their own should end then. */
  readonly draining: AbortSignal;
  /** NOT_SERVING, no new connections, GOAWAY; resolves when every call has ended or `graceMs` has passed and the rest was cut. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Rejects with the system's error where the port is taken. */
export async function startServer(options: ServerOptions): Promise<RpcServer> {
  if (options.tls && !options.tls.isComplete) {
    throw new ConfigError(`${options.name} has a TLS CA file, and needs a certificate and its key as well to serve`);
  }
  boundStreamBuffers();
  const draining = new AbortController();
  const cut = new AbortController();
  const health = new HealthState({
    services: options.services.map(({ typeName }) => typeName),
    draining: draining.signal,
    isReady: options.isReady ?? (() => true),
  });
  const onUnknownError = (error: unknown) => options.logger.error({ err: error }, "a handler failed");
  const handler = connectNodeAdapter({
    routes(router) {
      health.routes(router);
      reflectionRoutes(router, [...options.services, Health]);
      options.routes(router);
      blameTheCaller(router);
    },
    interceptors: [traceServer, mapErrors(onUnknownError)],
    readMaxBytes: options.maxRequestBytes ?? limits.requestBytes,
    maxTimeoutMs: limits.deadlineMs,
    // A caller that misspells a field should hear of it instead of getting the default.
    jsonOptions: { ignoreUnknownFields: false },
    shutdownSignal: cut.signal,
    fallback: (options.fallback ?? notFound) as AdapterHandler,
  });
  const calls = new InFlight();
  const bounds = boundsOf(options);
  const guard = new ConnectionGuard(bounds);
  const pages = crossOrigin(options.corsOrigins ?? []);
  const { h1, h2, sessions } = createServers(bounds.limits, guard, (request, response) => {
    if (pages.answers(request, response)) return;
    calls.track(request.url ?? "", response);
    handler(request, response);
  });
  const rawCalls = new Set<ServedCall>();
  takeRaw(h2, options.raw ?? [], (stream, headers, method) => {
    const maxRequestBytes = options.maxRequestBytes ?? limits.requestBytes;
    calls.track(method.path, stream);
    const call = serveRaw({ stream, headers }, method, { maxRequestBytes, onUnknownError });
    rawCalls.add(call);
    stream.once("close", () => rawCalls.delete(call));
  });
  guardStreams(h2, guard);
  const listener = onePort({ h1, h2, guard, tls: options.tls });
  const port = await listen(listener, options);

  return {
    port,
    address: `${options.host}:${port}`,
    get inFlight() {
      return calls.count;
    },
    get connections() {
      return guard.connections;
    },
    get openStreams() {
      return guard.openStreams;
    },
    draining: draining.signal,
    async drain(graceMs) {
      draining.abort();
      listener.close();
      // GOAWAY goes out at once; a session closes by itself after its last stream.
      for (const session of sessions) session.close();
      h1.closeIdleConnections();
      if (!(await calls.idleWithin(graceMs))) {
        const stopping = new ConnectError(`${options.name} is stopping`, Code.Unavailable);
        cut.abort(stopping);
        for (const call of rawCalls) call.abort(stopping);
        await calls.idleWithin(1000);
      }
      await flushed(sessions);
    },
    async close() {
      listener.close();
      for (const session of sessions) session.destroy();
      h1.closeAllConnections();
      h1.close();
      h2.close();
    },
  };
}

/** How long the last frames of ended streams may take to leave. */
const FLUSH_MS = 2000;

/** A stream ends for us before its last frames are on the wire; a session that was closed goes away after them. */
async function flushed(sessions: ReadonlySet<http2.ServerHttp2Session>): Promise<void> {
  const gone = [...sessions].map((session) => new Promise<void>((resolve) => session.once("close", resolve)));
  const timer = Promise.withResolvers<void>();
  const timeout = setTimeout(timer.resolve, FLUSH_MS);
  await Promise.race([Promise.all(gone), timer.promise]);
  clearTimeout(timeout);
}

function boundsOf(options: ServerOptions) {
  const byDefault = options.trustedPeers ? trustedConnectionLimits : defaultConnectionLimits;
  const methods = options.services.flatMap((service) => service.methods);
  const streaming = methods.filter(({ methodKind }) => /client_streaming|bidi_streaming/.test(methodKind));
  return {
    limits: { ...byDefault, ...options.limits },
    clock: options.clock ?? systemClock,
    maxRequestBytes: options.maxRequestBytes ?? limits.requestBytes,
    streamingPaths: new Set(streaming.map(({ parent, name }) => `/${parent.typeName}/${name}`)),
  };
}

/** Takes the streams of raw methods before the typed server sees them. */
function takeRaw(
  h2: http2.Http2Server,
  methods: readonly RawMethod[],
  serve: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, method: RawMethod) => void,
): void {
  if (methods.length === 0) return;
  const byPath = new Map(methods.map((method) => [method.path, method]));
  // The request listener of the typed server is served by one listener of node's own on this event.
  const typed = h2.listeners("stream");
  h2.removeAllListeners("stream");
  h2.on("stream", (stream, headers, ...rest: unknown[]) => {
    const method = byPath.get(headers[":path"] ?? "");
    if (method && isRaw(headers)) serve(stream, headers, method);
    else for (const listener of typed) Reflect.apply(listener, h2, [stream, headers, ...rest]);
  });
}

function isRaw(headers: http2.IncomingHttpHeaders): boolean {
  const encoding = headers["grpc-encoding"];
  return headers[":method"] === "POST" && isGrpc(headers["content-type"]) && (!encoding || encoding === "identity");
}

/** Streams that only end with the process or the client must not hold up a drain. */
const ENDLESS = /\/(Watch|WatchStats|ServerReflectionInfo)$/;

class InFlight {
  count = 0;
  #idle: (() => void) | undefined;

  track(url: string, response: { once(event: "close", listener: () => void): unknown }): void {
    if (ENDLESS.test(url)) return;
    this.count += 1;
    response.once("close", () => {
      this.count -= 1;
      if (this.count === 0) this.#idle?.();
    });
  }

  async idleWithin(ms: number): Promise<boolean> {
    if (this.count === 0) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), ms);
    this.#idle = () => resolve(true);
    const idle = await promise;
    clearTimeout(timer);
    return idle;
  }
}

function notFound(_request: unknown, response: http.ServerResponse): void {
  response.writeHead(404, { "content-type": "text/plain" });
  response.end("no such path; this port serves gRPC, gRPC-Web and Connect\n");
}

function listen(listener: ReturnType<typeof onePort>, options: ServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(options.port, options.host, () => resolve((listener.address() as AddressInfo).port));
  });
}
