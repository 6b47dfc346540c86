// Connect and gRPC at the edges of a process.
export { connectClient, type RpcClient } from "./client.ts";
export { fromConnectError, statusName, toConnectError } from "./error-to-code.ts";
export { limits } from "./limits.ts";
export { type OwnedStreamOptions, ownedStream } from "./owned-stream.ts";
export { type RpcServer, type ServerOptions, startServer } from "./server.ts";
