// Connect and gRPC at the edges of a process.
export { connectClient, type RpcClient } from "./client.ts";
export { fromConnectError, statusName, toConnectError } from "./error-to-code.ts";
export { type ConnectionLimits, defaultConnectionLimits, limits } from "./limits.ts";
export { type OwnedStreamOptions, ownedStream } from "./owned-stream.ts";
export { ENVELOPE_BYTES, envelope, messagesIn } from "./raw/envelope.ts";
export { RawChannel, type RawChannelOptions, type RawReader, type RawStream } from "./raw/raw-channel.ts";
export type { RawCall, RawMethod } from "./raw/raw-server.ts";
export { type RpcServer, type ServerOptions, startServer } from "./server.ts";
export { openTls, type Tls, type TlsFiles } from "./tls.ts";
