// Connect or gRPC-Web over the browser's fetch.
import type { ConnectError, Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import type { Connection } from "./connection.ts";

export interface WebTransportOptions {
  baseUrl: string;
  /** connect where left out. */
  protocol?: "connect" | "grpc-web";
  /** Instead of the browser's own. */
  fetch?: typeof globalThis.fetch;
}

export function webConnection({ baseUrl, protocol = "connect", fetch }: WebTransportOptions): Connection {
  const options = { baseUrl, useBinaryFormat: true, fetch };
  const transport: Transport =
    protocol === "grpc-web" ? createGrpcWebTransport(options) : createConnectTransport(options);
  return { transport: async () => transport, isLost, close: () => undefined };
}

/** fetch tells of a network that failed by a TypeError; a body that ends too early, Connect by a bare text. */
function isLost({ cause }: ConnectError): boolean {
  return cause instanceof TypeError || (typeof cause === "string" && cause.startsWith("missing "));
}
