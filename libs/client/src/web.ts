// @chimera/client/web for browsers: Connect or gRPC-Web over fetch. Conversations need a stream in both directions, which
// browsers do not have.
import type { CommonOptions } from "./options.ts";
import { clientOn, type WebClient } from "./rpc/client.ts";
import { type WebTransportOptions, webConnection } from "./rpc/web-connection.ts";

export { ChimeraClientError } from "./error.ts";
export type * from "./public-types.ts";

export interface WebClientOptions extends CommonOptions, WebTransportOptions {}

export function createClient({ protocol, fetch, ...options }: WebClientOptions): WebClient {
  return clientOn({ options, connection: webConnection({ baseUrl: options.baseUrl, protocol, fetch }) });
}
