// Calls to another service: gRPC over one HTTP/2 connection that reconnects by itself, traced, with bounded messages.
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { limits } from "./limits.ts";
import { SessionManager } from "./session-manager.ts";
import type { Tls } from "./tls.ts";
import { traceClient } from "./tracing.ts";

export interface RpcClient<S extends DescService> {
  readonly client: Client<S>;
  readonly baseUrl: string;
  close(): void;
}

/** `baseUrl`: http://host:port, or https, with `tls` for certificates other than the system knows. Nothing is connected before the first call. */
export function connectClient<S extends DescService>(
  service: S,
  baseUrl: string,
  options: { maxResponseBytes?: number; tls?: Tls | undefined } = {},
): RpcClient<S> {
  const sessionManager = new SessionManager(
    baseUrl,
    { pingIntervalMs: limits.pingIntervalMs, pingTimeoutMs: limits.pingTimeoutMs },
    {
      settings: { initialWindowSize: limits.streamWindowBytes, enablePush: false },
      maxSessionMemory: limits.sessionMemoryMb,
      peerMaxConcurrentStreams: limits.streamsPerConnection,
      ...(baseUrl.startsWith("https:") && options.tls?.client),
    },
  );
  const transport = createGrpcTransport({
    baseUrl,
    sessionManager,
    interceptors: [traceClient("grpc")],
    readMaxBytes: options.maxResponseBytes ?? limits.responseBytes,
    // Tokens are small; compressing them costs more than it saves.
    acceptCompression: [],
  });
  return { client: createClient(service, transport), baseUrl, close: () => sessionManager.abort() };
}
