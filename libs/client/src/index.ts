// @chimera/client for Node: gRPC over HTTP/2.
import type { CommonOptions } from "./options.ts";
import { type ChimeraClient, clientOn } from "./rpc/client.ts";
import { type NodeTransportOptions, nodeConnection } from "./rpc/node-connection.ts";

export { ChimeraClientError } from "./error.ts";
export type * from "./public-types.ts";
export type { AskOptions, Chat, ChatOptions } from "./rpc/chat.ts";
export type { ChimeraClient } from "./rpc/client.ts";
export type { Tls } from "./rpc/node-connection.ts";

export interface ClientOptions extends CommonOptions, NodeTransportOptions {}

export function createClient({ tls, transport, ...options }: ClientOptions): ChimeraClient {
  return clientOn({ options, connection: nodeConnection({ baseUrl: options.baseUrl, tls, transport }) });
}
